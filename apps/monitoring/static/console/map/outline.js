/**
 * The map that needs no network: Natural Earth's outlines, and squares of whole kilometres where it has no streets.
 *
 * @typedef {import("./marks.js").Feature} Feature
 * @typedef {import("./marks.js").Features} Features
 * @typedef {import("./marks.js").Point} Point
 * @typedef {import("./layers.js").Layer} Layer
 * @typedef {import("./layers.js").Scheme} Scheme
 */

import { FONT, FONT_BOLD } from "./layers.js";
import { METRES_PER_DEGREE, widthOfDegree } from "./marks.js";

const COLOURS = {
  dark: {
    water: "#0a131c",
    land: "#131b23",
    shore: "#2a3845",
    river: "#22405a",
    border: "#566a7a",
    region: "#26323d",
    grid: "#1d2832",
    gridStrong: "#293743",
    place: "#9fb0be",
    capital: "#d3dee6",
    country: "#6f8291",
    halo: "#0f161d",
  },
  light: {
    water: "#d3e0ea",
    land: "#f4f5f3",
    shore: "#a9bac7",
    river: "#b3cbdd",
    border: "#8a97a3",
    region: "#d3d8db",
    grid: "#e4e7e7",
    gridStrong: "#d3d8da",
    place: "#46535e",
    capital: "#1c2730",
    country: "#7b8791",
    halo: "#f8f9f7",
  },
};

export const OUTLINE = "outline";
export const GRID = "grid";
const MOST_LINES = 160;

/**
 * @param {Scheme} scheme
 * @param {string} language of the names: ru, uz or en
 * @returns {Layer[]}
 */
export function outlineLayers(scheme, language) {
  const colours = COLOURS[scheme];
  const name = ["ru", "uz", "en"].includes(language) ? language : "en";
  return [
    { id: "water", type: "background", paint: { "background-color": colours.water } },
    ...shapes(colours),
    ...gridLayers(colours),
    ...names(colours, name),
  ];
}

/**
 * The side of the grid's squares at a zoom, in metres; null where they would say nothing.
 *
 * @param {number} zoom
 */
export function squareAt(zoom) {
  if (zoom < 9) return null;
  if (zoom < 10.5) return 10_000;
  if (zoom < 12) return 5_000;
  if (zoom < 14.5) return 1_000;
  return zoom < 16.5 ? 200 : 100;
}

/**
 * Lines of a grid that stays where it is while the map moves within one degree of latitude.
 *
 * @param {[number, number, number, number]} box west, south, east, north
 * @param {number} squareM
 * @returns {Features}
 */
export function gridOver([west, south, east, north], squareM) {
  const high = squareM / METRES_PER_DEGREE;
  const wide = high / widthOfDegree(Math.round((south + north) / 2));
  return {
    type: "FeatureCollection",
    features: [
      ...ticks(south, north, high).map((tick) => gridLine([[west, tick * high], [east, tick * high]], tick)), // prettier-ignore
      ...ticks(west, east, wide).map((tick) => gridLine([[tick * wide, south], [tick * wide, north]], tick)), // prettier-ignore
    ],
  };
}

/** @param {number} from @param {number} to @param {number} step */
function ticks(from, to, step) {
  const first = Math.ceil(from / step);
  const count = Math.min(MOST_LINES, Math.floor(to / step) - first + 1);
  return Array.from({ length: Math.max(0, count) }, (_, index) => first + index);
}

/** @param {Point[]} coordinates @param {number} tick @returns {Feature} */
function gridLine(coordinates, tick) {
  return { type: "Feature", properties: { isFifth: tick % 5 === 0 }, geometry: { type: "LineString", coordinates } };
}

/** @param {typeof COLOURS.dark} colours @returns {Layer[]} */
function shapes(colours) {
  const shore = { "line-color": colours.shore, "line-width": 1 };
  return [
    { id: "land", ...of("land"), type: "fill", paint: { "fill-color": colours.land } },
    { id: "shore", ...of("land"), type: "line", paint: shore },
    { id: "rivers", ...of("river"), ...riverLine(colours.river) },
    { id: "lakes", ...of("lake"), type: "fill", paint: { "fill-color": colours.water } },
    { id: "lake-shore", ...of("lake"), type: "line", paint: shore },
    {
      id: "regions",
      ...of("region"),
      type: "line",
      minzoom: 4.5,
      paint: { "line-color": colours.region, "line-width": 1, "line-dasharray": [3, 2] },
    },
    {
      id: "borders",
      source: OUTLINE,
      filter: ["all", ["==", ["get", "kind"], "border"], ["==", ["get", "agreed"], 1]],
      type: "line",
      paint: { "line-color": colours.border, "line-width": wider(0.6, 1.6) },
    },
    {
      id: "borders-unsettled",
      source: OUTLINE,
      filter: ["all", ["==", ["get", "kind"], "border"], ["==", ["get", "agreed"], 0]],
      type: "line",
      paint: { "line-color": colours.border, "line-width": wider(0.6, 1.6), "line-dasharray": [2, 2] },
    },
  ];
}

/** @param {string} colour @returns {{type: "line", filter: any, layout: any, paint: any}} */
function riverLine(colour) {
  return {
    type: "line",
    filter: ["all", ["==", ["get", "kind"], "river"], ["<=", ["get", "rank"], ["+", ["zoom"], 2]]],
    layout: { "line-cap": "round", "line-join": "round" },
    paint: { "line-color": colour, "line-width": wider(0.7, 3) },
  };
}

/** @param {typeof COLOURS.dark} colours @returns {Layer[]} */
function gridLayers(colours) {
  return [
    {
      id: "grid",
      source: GRID,
      type: "line",
      minzoom: 9,
      paint: {
        "line-color": ["case", ["get", "isFifth"], colours.gridStrong, colours.grid],
        "line-width": ["case", ["get", "isFifth"], 1.2, 0.8],
      },
    },
  ];
}

/** @param {typeof COLOURS.dark} colours @param {string} name @returns {Layer[]} */
function names(colours, name) {
  const halo = { "text-halo-color": colours.halo, "text-halo-width": 1.5 };
  return [
    {
      id: "countries",
      ...of("country"),
      type: "symbol",
      maxzoom: 6.5,
      layout: {
        "text-field": ["get", name],
        "text-font": FONT,
        "text-size": ["interpolate", ["linear"], ["zoom"], 1, 10, 6, 15],
        "text-transform": "uppercase",
        "text-letter-spacing": 0.12,
        "text-max-width": 7,
        "symbol-sort-key": ["get", "rank"],
        "text-padding": 8,
      },
      paint: { "text-color": colours.country, ...halo },
    },
    {
      id: "places",
      source: OUTLINE,
      filter: ["all", ["==", ["get", "kind"], "place"], ["<=", ["get", "rank"], ["-", ["*", ["zoom"], 1.3], 1.5]]],
      type: "symbol",
      minzoom: 3,
      layout: {
        "icon-image": ["case", ["==", ["get", "rank"], 0], "capital", "town"],
        "text-field": ["get", name],
        "text-font": ["case", ["==", ["get", "rank"], 0], ["literal", FONT_BOLD], ["literal", FONT]],
        "text-size": ["interpolate", ["linear"], ["zoom"], 4, ["case", ["==", ["get", "rank"], 0], 12, 11], 11, ["case", ["==", ["get", "rank"], 0], 18, 13]],
        "text-variable-anchor": ["left", "right", "top", "bottom"],
        "text-radial-offset": 0.6,
        "text-justify": "auto",
        "symbol-sort-key": ["get", "rank"],
        "text-optional": false,
      },
      paint: {
        "text-color": ["case", ["==", ["get", "rank"], 0], colours.capital, colours.place],
        ...halo,
      },
    },
  ]; // prettier-ignore
}

/** @param {string} kind @returns {{source: string, filter: any}} */
function of(kind) {
  return { source: OUTLINE, filter: ["==", ["get", "kind"], kind] };
}

/** @param {number} far @param {number} near @returns {any} a width that grows with the zoom */
function wider(far, near) {
  return ["interpolate", ["linear"], ["zoom"], 2, far, 12, near];
}
