/**
 * The console's map. MapLibre is there as a classic script; whatever it lacks, the page goes on without a map.
 *
 * @typedef {import("./marks.js").Scene} Scene
 * @typedef {import("./marks.js").EventMark} EventMark
 * @typedef {import("./marks.js").HelperMark} HelperMark
 * @typedef {import("./marks.js").Chosen} Chosen
 * @typedef {import("./marks.js").Area} Area
 * @typedef {import("./marks.js").Place} Place
 * @typedef {import("./layers.js").Scheme} Scheme
 * @typedef {{styleUrl: string | null, tilesUrl: string | null, attribution: string, outlineUrl: string, workerUrl: string, scheme: Scheme, words: Record<string, string>}} MapConfig
 * @typedef {{choose: (uid: string) => void, moved: (box: [number, number, number, number], zoom: number) => void}} MapListeners
 * @typedef {"map" | "zoomIn" | "zoomOut" | "attribution" | "metres" | "kilometres" | "square" | "unusable" | "unusableHint" | "language"} MapWord
 * @typedef {object} MapView
 * @property {boolean} isUsable false where the browser has no WebGL: everything else then does nothing
 * @property {(scene: Scene) => void} draw
 * @property {(lat: number, lon: number) => void} flyTo
 * @property {() => void} fitChosen
 * @property {() => Place} middle
 * @property {(scheme: Scheme) => void} setScheme
 * @property {() => void} destroy
 * @property {maplibregl.Map | null} map
 */

import { CHOOSABLE, markLayers, pictureOf } from "./layers.js";
import { EMPTY, boundsOf, boundsOfChosen, marksOf } from "./marks.js";
import { GRID, OUTLINE, gridOver, outlineLayers, squareAt } from "./outline.js";

/** @type {{center: [number, number], zoom: number}} Uzbekistan */
const START = { center: [65.5, 41.3], zoom: 4.6 };
const NEAR_ZOOM = 14;
const FINGER = 8; // points around a click in which an event is meant
const AGAIN_MS = 60_000;
const HOPELESS = 4; // tiles that failed while none came
const SOURCES = /** @type {const} */ (["areas", "reach", "lines", "marks"]);
/** @type {any} */
const NOTHING = { type: "FeatureCollection", features: [] };
/** @type {Record<MapWord, string>} */
const WORDS = {
  map: "Map",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  attribution: "Sources of the map",
  metres: "m",
  kilometres: "km",
  square: "1 square = {size}",
  unusable: "The map cannot be shown",
  unusableHint: "This browser has WebGL switched off or does not know it. Everything else works.",
  language: "",
};

/**
 * @param {HTMLElement} element
 * @param {MapConfig} config
 * @param {MapListeners} listeners
 * @returns {MapView}
 */
export function createMap(element, config, listeners) {
  const words = { ...WORDS, ...config.words };
  if (!hasWebGl()) return unusable(element, words);
  try {
    return new LiveMap(element, config, words, listeners);
  } catch (why) {
    console.warn("map:", why);
    return unusable(element, words);
  }
}

/** @implements {MapView} */
class LiveMap {
  isUsable = true;
  /** @type {Scene} */
  #scene = EMPTY;
  #isPending = false;
  #isFitted = false;
  #isToFitChosen = false;
  #isOutline = false;
  #isLoaded = false;
  #failed = 0;
  /** @type {number | undefined} */
  #retry;
  /** @type {Map<string, string>} what each source last got */
  #given = new Map();
  /** @type {any} */
  #grid = NOTHING;

  /**
   * @param {HTMLElement} element
   * @param {MapConfig} config
   * @param {typeof WORDS} words
   * @param {MapListeners} listeners
   */
  constructor(element, config, words, listeners) {
    this.config = config;
    this.words = words;
    this.listeners = listeners;
    this.scheme = config.scheme;
    this.language = words.language || document.documentElement.lang || "en";
    maplibregl.setWorkerUrl(config.workerUrl);
    element.classList.add("map");
    this.element = element;
    this.map = this.#made(element);
    this.caption = addCaption(element);
    this.#listen();
    this.#setStyle();
  }

  /** @param {Scene} scene */
  draw(scene) {
    this.#scene = scene;
    if (this.#isPending) return;
    this.#isPending = true;
    requestAnimationFrame(() => this.#drawNow());
  }

  /** @param {number} lat @param {number} lon */
  flyTo(lat, lon) {
    this.#isFitted = true;
    this.map.flyTo({ center: [lon, lat], zoom: Math.max(NEAR_ZOOM, this.map.getZoom()), duration: 700 });
  }

  /** Brings the chosen event into view with the next picture: the map may not be ready for it yet. */
  fitChosen() {
    this.#isToFitChosen = true;
    this.draw(this.#scene);
  }

  /** @returns {Place} */
  middle() {
    const { lat, lng } = this.map.getCenter();
    return { lat, lon: lng };
  }

  /** @param {Scheme} scheme */
  setScheme(scheme) {
    if (scheme === this.scheme) return;
    this.scheme = scheme;
    this.#setStyle();
  }

  destroy() {
    clearTimeout(this.#retry);
    this.map.remove();
    this.caption.remove();
  }

  /** @param {HTMLElement} element */
  #made(element) {
    const map = new maplibregl.Map({
      container: element,
      ...START,
      maxZoom: 18,
      maxPitch: 0,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      fadeDuration: 0,
      attributionControl: false,
      localIdeographFontFamily: false,
      locale: {
        "Map.Title": this.words.map,
        "NavigationControl.ZoomIn": this.words.zoomIn,
        "NavigationControl.ZoomOut": this.words.zoomOut,
        "AttributionControl.ToggleAttribution": this.words.attribution,
        "ScaleControl.Meters": this.words.metres,
        "ScaleControl.Kilometers": this.words.kilometres,
      },
    });
    map.touchZoomRotate.disableRotation();
    map.keyboard.disableRotation();
    map.addControl(new maplibregl.NavigationControl({ showCompass: false }), "top-right");
    map.addControl(new maplibregl.ScaleControl({ maxWidth: 140 }), "bottom-right");
    map.addControl(new maplibregl.AttributionControl({ compact: false }), "bottom-right");
    return map;
  }

  #listen() {
    const map = this.map;
    map.on("styleimagemissing", ({ id }) => {
      const picture = pictureOf(id, this.scheme);
      if (picture && !map.hasImage(id)) map.addImage(id, picture, { pixelRatio: 2 });
    });
    map.on("style.load", () => this.#styleLoaded());
    map.on("error", (event) => this.#troubled(event));
    map.on("data", (event) => this.#arrived(event));
    map.on("moveend", () => this.#moved());
    map.on("click", (event) => this.#clicked(event));
    for (const layer of CHOOSABLE) {
      map.on("mouseenter", layer, () => void (map.getCanvas().style.cursor = "pointer"));
      map.on("mouseleave", layer, () => void (map.getCanvas().style.cursor = ""));
    }
  }

  #setStyle() {
    this.element.dataset["scheme"] = this.scheme;
    this.#isLoaded = false;
    this.#failed = 0;
    if (this.#hasOutline()) this.map.setStyle(this.#ownStyle(), { diff: false });
    else this.map.setStyle(this.config.styleUrl, { diff: false, transformStyle: (_, base) => this.#overlaid(base) });
  }

  /** The outline, under the tiles where they are configured: what they fail to cover stays a map. */
  #ownStyle() {
    const { tilesUrl, attribution } = this.config;
    /** @type {maplibregl.StyleSpecification} */
    const base = {
      version: 8,
      sources: {
        [OUTLINE]: { type: "geojson", data: this.config.outlineUrl, maxzoom: 9, attribution: "Natural Earth" },
        [GRID]: { type: "geojson", data: this.#grid, tolerance: 0 },
      },
      layers: outlineLayers(this.scheme, this.language),
    };
    if (tilesUrl) {
      base.sources["tiles"] = { type: "raster", tiles: [tilesUrl], tileSize: 256, maxzoom: 19, attribution };
      base.layers.push({ id: "tiles", type: "raster", source: "tiles" });
    }
    return this.#overlaid(base);
  }

  /** @param {maplibregl.StyleSpecification} base @returns {maplibregl.StyleSpecification} */
  #overlaid(base) {
    const sources = { ...base.sources };
    this.#given.clear();
    for (const [name, data] of Object.entries(this.#marks())) {
      this.#given.set(name, JSON.stringify(data));
      sources[name] = { type: "geojson", data, tolerance: 0, attribution: this.#credit(name) };
    }
    return { ...base, sources, layers: [...base.layers, ...markLayers(this.scheme)] };
  }

  /** With a style of somebody else's, whom to name goes with a source of ours. @param {string} name */
  #credit(name) {
    return name === "marks" && this.config.styleUrl && !this.#isOutline ? this.config.attribution : "";
  }

  #styleLoaded() {
    this.#isLoaded = true;
    this.#drawNow();
    this.#moved();
  }

  #marks() {
    return marksOf(this.#scene, (metres) => this.#distance(metres));
  }

  #drawNow() {
    this.#isPending = false;
    if (!this.#isLoaded) return;
    const marks = this.#marks();
    for (const name of SOURCES) this.#give(name, marks[name]);
    this.#fit();
  }

  /** @param {string} name @param {any} data */
  #give(name, data) {
    const text = JSON.stringify(data);
    if (this.#given.get(name) === text) return;
    this.#given.set(name, text);
    /** @type {maplibregl.GeoJSONSource | undefined} */ (this.map.getSource(name))?.setData(data);
  }

  /** The chosen event when asked for, else the first events that come, once; after that the map is the dispatcher's. */
  #fit() {
    const chosen = this.#isToFitChosen ? boundsOfChosen(this.#scene) : null;
    const first = this.#isFitted ? null : boundsOf(this.#scene.events.map(({ lat, lon }) => [lon, lat]));
    if (chosen) this.map.fitBounds(chosen, { padding: 70, maxZoom: 15, duration: 700 });
    else if (first) this.map.fitBounds(first, { padding: 90, maxZoom: 13, duration: 0 });
    if (chosen) this.#isToFitChosen = false;
    if (chosen || first) this.#isFitted = true;
  }

  #moved() {
    const { _sw, _ne } = this.map.getBounds();
    /** @type {[number, number, number, number]} */
    const box = [_sw.lng, _sw.lat, _ne.lng, _ne.lat];
    this.#squares(box);
    this.listeners.moved(box, this.map.getZoom());
  }

  /** @param {[number, number, number, number]} box */
  #squares(box) {
    const squareM = this.#hasOutline() ? squareAt(this.map.getZoom()) : null;
    const [wide, high] = [(box[2] - box[0]) / 2, (box[3] - box[1]) / 2];
    this.#grid = squareM
      ? gridOver([box[0] - wide, box[1] - high, box[2] + wide, box[3] + high], squareM)
      : NOTHING;
    this.#give(GRID, this.#grid);
    const isShown = squareM !== null && !this.config.tilesUrl;
    this.caption.textContent = isShown ? this.words.square.replace("{size}", this.#distance(squareM)) : "";
  }

  #hasOutline() {
    return this.#isOutline || !this.config.styleUrl;
  }

  /** @param {number} metres */
  #distance(metres) {
    if (metres < 1000) return `${Math.round(metres)} ${this.words.metres}`;
    const kilometres = (metres / 1000).toLocaleString(this.language, { maximumFractionDigits: metres < 10_000 ? 1 : 0 });
    return `${kilometres} ${this.words.kilometres}`;
  }

  /** @param {maplibregl.MapMouseEvent} event */
  #clicked({ point }) {
    if (!this.#isLoaded) return;
    const found = this.map.queryRenderedFeatures(
      [
        [point.x - FINGER, point.y - FINGER],
        [point.x + FINGER, point.y + FINGER],
      ],
      { layers: CHOOSABLE },
    );
    const nearest = found.map((feature) => ({ uid: feature.properties["uid"], away: this.#away(feature, point) }));
    nearest.sort((one, other) => one.away - other.away);
    if (nearest[0]) this.listeners.choose(nearest[0].uid);
  }

  /** @param {maplibregl.MapGeoJSONFeature} feature @param {maplibregl.Point} point */
  #away(feature, point) {
    const [lon, lat] = /** @type {{coordinates: number[]}} */ (/** @type {unknown} */ (feature.geometry)).coordinates;
    return this.map.project([lon ?? 0, lat ?? 0]).dist(point);
  }

  /** @param {any} event MapLibre says more than its types: which source, and at which tile */
  #arrived(event) {
    if (event.sourceId && event.tile && !this.#isOwn(event.sourceId) && event.tile.state === "loaded") this.#failed = -1;
  }

  /** A style that does not come, or of which no tile comes, gives way to the outline. @param {any} event */
  #troubled(event) {
    console.warn("map:", event.error?.message ?? event.error);
    if (this.#hasOutline()) return;
    if (event.sourceId && this.#failed >= 0) this.#failed += 1;
    if (this.#isLoaded && this.#failed < HOPELESS) return;
    this.#isOutline = true;
    this.#setStyle();
    this.#retry = window.setTimeout(() => this.#tryAgain(), AGAIN_MS);
  }

  async #tryAgain() {
    try {
      const answer = await fetch(/** @type {string} */ (this.config.styleUrl), { cache: "no-store" });
      if (!answer.ok) throw new Error(`style: ${answer.status}`);
      this.#isOutline = false;
      this.#setStyle();
    } catch {
      this.#retry = window.setTimeout(() => this.#tryAgain(), AGAIN_MS);
    }
  }

  /** @param {string} source */
  #isOwn(source) {
    return source === OUTLINE || source === GRID || SOURCES.some((name) => name === source);
  }
}

function hasWebGl() {
  if (typeof maplibregl === "undefined") return false;
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("webgl2") ?? canvas.getContext("webgl");
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  return context !== null;
}

/** Beside the scale bar. @param {HTMLElement} element */
function addCaption(element) {
  const caption = document.createElement("div");
  caption.className = "map-square";
  element.querySelector(".maplibregl-ctrl-bottom-right")?.prepend(caption);
  return caption;
}

/**
 * @param {HTMLElement} element
 * @param {typeof WORDS} words
 * @returns {MapView}
 */
function unusable(element, words) {
  const message = document.createElement("div");
  message.className = "map-unusable";
  message.setAttribute("role", "status");
  for (const [tag, text] of /** @type {const} */ ([["strong", words.unusable], ["p", words.unusableHint]])) {
    message.append(Object.assign(document.createElement(tag), { textContent: text }));
  } // prettier-ignore
  element.replaceChildren(message);
  const nothing = () => {};
  const destroy = () => message.remove();
  const middle = () => ({ lat: START.center[1], lon: START.center[0] });
  return { isUsable: false, map: null, middle, draw: nothing, flyTo: nothing, fitChosen: nothing, setScheme: nothing, destroy };
}
