/**
 * How the marks look. Colour is never alone: each tone has a sign of its own, in a disc of its own size.
 *
 * @typedef {import("./marks.js").Tone} Tone
 * @typedef {"dark" | "light"} Scheme
 * @typedef {maplibregl.LayerSpecification} Layer
 */

export const FONT = ["system-ui", "sans-serif"];
export const FONT_BOLD = ["Bold", "system-ui", "sans-serif"]; // MapLibre takes the weight from the first name
export const AREAS = "areas";
export const REACH = "reach";
export const LINES = "lines";
export const MARKS = "marks";
export const CHOOSABLE = ["events", "event-chosen"];

/** @type {Record<Scheme, Record<Tone | "text" | "halo" | "sign" | "area", string>>} */
export const TONES = {
  dark: {
    red: "#ff5a52",
    amber: "#f6b03d",
    green: "#3fc68a",
    blue: "#5aa9ff",
    grey: "#93a3b1",
    text: "#e8eef3",
    halo: "#0b1015",
    sign: "#0b1015",
    area: "#8fb8d8",
  },
  light: {
    red: "#cf2219",
    amber: "#9a5b00",
    green: "#0b7a49",
    blue: "#1763b8",
    grey: "#566572",
    text: "#131b22",
    halo: "#ffffff",
    sign: "#ffffff",
    area: "#2f6690",
  },
};

const EVENT_RADIUS = 14;
const HELPER_RADIUS = 9;
const MARGIN = 3;

/**
 * @param {Scheme} scheme
 * @returns {Layer[]} from the lowest to the highest
 */
export function markLayers(scheme) {
  const colours = TONES[scheme];
  return [...areaLayers(colours), ...reachLayers(colours), ...lineLayers(colours), ...symbolLayers(scheme)];
}

/**
 * The picture that a layer asks for by name, for a screen of two pixels to the point; null for a name not of ours.
 *
 * @param {string} name such as event-red or helper-grey-called
 * @param {Scheme} scheme
 * @returns {ImageData | null}
 */
export function pictureOf(name, scheme) {
  const colours = TONES[scheme];
  const [kind, tone = "grey", how = ""] = name.split("-");
  const colour = colours[/** @type {Tone} */ (tone)] ?? colours.grey;
  if (kind === "event") return drawn(EVENT_RADIUS + MARGIN, (pen) => drawEvent(pen, tone, colour, colours, how === "drill"));
  if (kind === "helper") return drawn(HELPER_RADIUS + MARGIN, (pen) => drawHelper(pen, tone, colour, colours));
  if (kind === "ring") return drawn(EVENT_RADIUS + 14, (pen) => drawRing(pen, colour));
  if (kind === "wearer") return drawn(10, (pen) => drawWearer(pen, colours));
  if (kind === "town" || kind === "capital") return drawn(5, (pen) => drawTown(pen, colours, kind === "capital"));
  return null;
}

/** @param {typeof TONES.dark} colours @returns {Layer[]} */
function areaLayers(colours) {
  return [
    {
      id: "areas",
      source: AREAS,
      type: "fill",
      paint: {
        "fill-color": colours.area,
        "fill-opacity": ["interpolate", ["linear"], ["get", "count"], 1, 0.07, 30, 0.26],
        "fill-outline-color": colours.area,
      },
    },
    {
      id: "area-counts",
      source: AREAS,
      type: "symbol",
      layout: { "text-field": ["get", "label"], "text-font": FONT_BOLD, "text-size": 12 },
      paint: { "text-color": colours.area, "text-halo-color": colours.halo, "text-halo-width": 1.5 },
    },
  ];
}

/** @param {typeof TONES.dark} colours @returns {Layer[]} */
function reachLayers(colours) {
  return [
    {
      id: "rings-fill",
      source: REACH,
      filter: is("ring"),
      type: "fill",
      paint: { "fill-color": toned(colours), "fill-opacity": 0.045 },
    },
    {
      id: "rings",
      source: REACH,
      filter: is("ring"),
      type: "line",
      paint: { "line-color": toned(colours), "line-opacity": 0.55, "line-width": 1.3, "line-dasharray": [4, 5] },
    },
    {
      id: "accuracy",
      source: REACH,
      filter: is("accuracy"),
      type: "fill",
      paint: { "fill-color": toned(colours), "fill-opacity": 0.16 },
    },
    {
      id: "accuracy-edge",
      source: REACH,
      filter: is("accuracy"),
      type: "line",
      paint: { "line-color": toned(colours), "line-opacity": 0.6, "line-width": 1 },
    },
  ];
}

/** @param {typeof TONES.dark} colours @returns {Layer[]} */
function lineLayers(colours) {
  const round = /** @type {const} */ ({ "line-cap": "round", "line-join": "round" });
  return [
    {
      id: "track",
      source: LINES,
      filter: is("track"),
      type: "line",
      layout: round,
      paint: { "line-color": colours.text, "line-opacity": 0.75, "line-width": 2 },
    },
    {
      id: "steps",
      source: LINES,
      filter: is("step"),
      type: "circle",
      minzoom: 12,
      paint: { "circle-color": colours.text, "circle-radius": 2.5, "circle-stroke-color": colours.halo, "circle-stroke-width": 1 },
    },
    {
      id: "calls",
      source: LINES,
      filter: is("call"),
      type: "line",
      layout: round,
      paint: { "line-color": toned(colours), "line-opacity": 0.7, "line-width": 1.6, "line-dasharray": [0.1, 3] },
    },
    {
      id: "ways",
      source: LINES,
      filter: is("way"),
      type: "line",
      layout: round,
      paint: { "line-color": toned(colours), "line-width": 3 },
    },
    {
      id: "distances",
      source: LINES,
      filter: is("way"),
      type: "symbol",
      layout: {
        "symbol-placement": "line-center",
        "text-field": ["get", "label"],
        "text-font": FONT_BOLD,
        "text-size": 13,
        "text-allow-overlap": true,
        "text-offset": [0, -0.9],
      },
      paint: { "text-color": toned(colours), "text-halo-color": colours.halo, "text-halo-width": 2 },
    },
  ]; // prettier-ignore
}

/** @param {Scheme} scheme @returns {Layer[]} */
function symbolLayers(scheme) {
  const colours = TONES[scheme];
  const drill = ["case", ["get", "isDrill"], "-drill", ""];
  const event = /** @type {any} */ (["concat", "event-", ["get", "tone"], drill]);
  return [
    { id: "wearer", source: MARKS, filter: is("wearer"), type: "symbol", layout: { "icon-image": "wearer", ...seen() } },
    {
      id: "helpers",
      source: MARKS,
      filter: is("helper"),
      type: "symbol",
      layout: { "icon-image": ["concat", "helper-", ["get", "tone"]], ...seen(), ...labelled(1.1, 12) },
      paint: written(colours),
    },
    {
      id: "events",
      source: MARKS,
      filter: ["all", is("event"), ["!", ["get", "isChosen"]]],
      type: "symbol",
      layout: { "icon-image": event, ...seen() },
    },
    {
      id: "event-labels",
      source: MARKS,
      filter: ["all", is("event"), ["!", ["get", "isChosen"]]],
      type: "symbol",
      layout: { ...labelled(1.5, 13), "symbol-sort-key": ["-", ["get", "order"]] }, // room goes to the most urgent first
      paint: written(colours),
    },
    {
      id: "event-ring",
      source: MARKS,
      filter: ["all", is("event"), ["get", "isChosen"]],
      type: "symbol",
      layout: { "icon-image": ["concat", "ring-", ["get", "tone"]], ...seen() },
    },
    {
      id: "event-chosen",
      source: MARKS,
      filter: ["all", is("event"), ["get", "isChosen"]],
      type: "symbol",
      layout: { "icon-image": event, ...seen(), ...labelled(2.1, 14), "text-font": FONT_BOLD },
      paint: written(colours),
    },
  ]; // prettier-ignore
}

/** Nobody is left out for want of room. @returns {{}} */
function seen() {
  return { "icon-allow-overlap": true, "icon-ignore-placement": true, "symbol-sort-key": ["get", "order"] };
}

/** @param {number} offset @param {number} size @returns {{}} a label that gives way to others */
function labelled(offset, size) {
  return {
    "text-field": ["get", "label"],
    "text-font": FONT,
    "text-size": size,
    "text-optional": true,
    "text-variable-anchor": ["left", "right", "top", "bottom"],
    "text-radial-offset": offset,
    "text-justify": "auto",
    "text-max-width": 16,
  };
}

/** @param {typeof TONES.dark} colours */
function written(colours) {
  return { "text-color": colours.text, "text-halo-color": colours.halo, "text-halo-width": 1.8 };
}

/** @param {string} kind @returns {any} */
function is(kind) {
  return ["==", ["get", "kind"], kind];
}

/** @param {typeof TONES.dark} colours @returns {any} */
function toned(colours) {
  const pairs = /** @type {Tone[]} */ (["red", "amber", "green", "blue"]).flatMap((tone) => [tone, colours[tone]]);
  return ["match", ["get", "tone"], ...pairs, colours.grey];
}

/** @typedef {CanvasRenderingContext2D} Pen its origin is the middle */

/**
 * @param {number} half of the picture's side, in points
 * @param {(pen: Pen) => void} draw
 */
function drawn(half, draw) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = half * 4;
  const pen = /** @type {Pen} */ (canvas.getContext("2d", { willReadFrequently: true }));
  pen.scale(2, 2);
  pen.translate(half, half);
  pen.lineCap = pen.lineJoin = "round";
  draw(pen);
  return pen.getImageData(0, 0, canvas.width, canvas.height);
}

/** @param {Pen} pen @param {string} tone @param {string} colour @param {typeof TONES.dark} colours @param {boolean} isDrill */
function drawEvent(pen, tone, colour, colours, isDrill) {
  disc(pen, EVENT_RADIUS + 2, colours.halo);
  if (!isDrill) {
    disc(pen, EVENT_RADIUS, colour);
    sign(pen, tone, colours.sign, 1);
    return;
  }
  pen.setLineDash([4.5, 4]);
  circleLine(pen, EVENT_RADIUS - 1.5, colour, 3);
  pen.setLineDash([]);
  sign(pen, tone, colour, 0.85);
}

/** @param {Pen} pen @param {string} tone @param {string} colour @param {typeof TONES.dark} colours */
function drawHelper(pen, tone, colour, colours) {
  disc(pen, HELPER_RADIUS + 2, colours.halo);
  if (tone === "grey") {
    circleLine(pen, HELPER_RADIUS - 2.5, colour, 3);
    return;
  }
  disc(pen, HELPER_RADIUS, colour);
  sign(pen, tone === "red" ? "cross" : tone, colours.sign, 0.62);
}

/** @param {Pen} pen @param {string} colour */
function drawRing(pen, colour) {
  circleLine(pen, EVENT_RADIUS + 8, colour, 2.5);
  pen.globalAlpha = 0.3;
  circleLine(pen, EVENT_RADIUS + 11, colour, 3);
}

/** A square on its corner: where the watch is now. @param {Pen} pen @param {typeof TONES.dark} colours */
function drawWearer(pen, colours) {
  pen.rotate(Math.PI / 4);
  pen.fillStyle = colours.halo;
  pen.fillRect(-6.5, -6.5, 13, 13);
  pen.fillStyle = colours.text;
  pen.fillRect(-4.5, -4.5, 9, 9);
}

/** @param {Pen} pen @param {typeof TONES.dark} colours @param {boolean} isCapital */
function drawTown(pen, colours, isCapital) {
  disc(pen, isCapital ? 4 : 2.6, colours.halo);
  disc(pen, isCapital ? 3 : 1.8, isCapital ? colours.text : colours.grey);
}

/** @type {Record<string, [number, number][][]>} strokes of the signs, in a disc of radius 14 */
const STROKES = {
  red: [[[0, -7], [0, 2]], [[0, 6.6], [0, 6.7]]],
  amber: [[[-6, 0], [6, 0]], [[1, -5], [6, 0], [1, 5]]],
  green: [[[-6, 0.5], [-1.5, 5], [6, -4.5]]],
  cross: [[[-5, -5], [5, 5]], [[5, -5], [-5, 5]]],
  grey: [[[-5.5, 0], [5.5, 0]]],
}; // prettier-ignore

/** @param {Pen} pen @param {string} tone @param {string} colour @param {number} scale */
function sign(pen, tone, colour, scale) {
  pen.save();
  pen.scale(scale, scale);
  pen.strokeStyle = colour;
  pen.lineWidth = 3;
  if (tone === "blue") questionMark(pen);
  for (const [first, ...rest] of STROKES[tone] ?? []) {
    pen.beginPath();
    if (first) pen.moveTo(...first);
    for (const corner of rest) pen.lineTo(...corner);
    pen.stroke();
  }
  pen.restore();
}

/** @param {Pen} pen */
function questionMark(pen) {
  pen.beginPath();
  pen.arc(0, -3.6, 3.9, Math.PI, Math.PI * 2.35);
  pen.quadraticCurveTo(0.1, 0.6, 0, 2.6);
  pen.moveTo(0, 7);
  pen.lineTo(0, 7.1);
  pen.stroke();
}

/** @param {Pen} pen @param {number} radius @param {string} colour */
function disc(pen, radius, colour) {
  pen.fillStyle = colour;
  pen.beginPath();
  pen.arc(0, 0, radius, 0, 2 * Math.PI);
  pen.fill();
}

/** @param {Pen} pen @param {number} radius @param {string} colour @param {number} width */
function circleLine(pen, radius, colour, width) {
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.beginPath();
  pen.arc(0, 0, radius, 0, 2 * Math.PI);
  pen.stroke();
}
