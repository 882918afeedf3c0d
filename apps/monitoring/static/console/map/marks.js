/**
 * What the map shows, as GeoJSON: nothing here draws or asks the browser for anything.
 *
 * @typedef {"red" | "amber" | "green" | "blue" | "grey"} Tone
 * @typedef {{lat: number, lon: number}} Place degrees WGS 84
 * @typedef {{uid: string, lat: number, lon: number, accuracyM: number | null, tone: Tone, label: string, isDrill: boolean}} EventMark
 * @typedef {{uuid: string, lat: number, lon: number, tone: Tone, label: string, isComing: boolean, distanceM: number | null}} HelperMark
 * @typedef {{lat: number, lon: number, sizeM: number, count: number}} Area a square around its centre
 * @typedef {{uid: string, rings: number[], track: Place[], wearer: Place | null, helpers: HelperMark[]}} Chosen
 * @typedef {{events: EventMark[], chosen: Chosen | null, areas: Area[]}} Scene
 * @typedef {[number, number]} Point longitude, latitude
 * @typedef {Record<string, string | number | boolean>} Properties
 * @typedef {{type: "Feature", properties: Properties, geometry: {type: "Point", coordinates: Point} | {type: "LineString", coordinates: Point[]} | {type: "Polygon", coordinates: Point[][]}}} Feature
 * @typedef {{type: "FeatureCollection", features: Feature[]}} Features
 */

export const METRES_PER_DEGREE = 111_195;
const CORNERS = 72;
const CORNERS_FEW = 24; // of a circle that is a few points wide
const WIDE_M = 50; // a smaller circle lies under its mark until one looks closely, and that one does at the chosen event
const URGENCY = { grey: 1, green: 2, blue: 3, amber: 4, red: 5 }; // drills come below them all

/** @type {Scene} */
export const EMPTY = { events: [], chosen: null, areas: [] };

/**
 * The sources of the map and what each of them holds.
 *
 * @param {Scene} scene
 * @param {(metres: number) => string} distance in the person's units
 * @returns {{areas: Features, reach: Features, lines: Features, marks: Features}}
 */
export function marksOf(scene, distance) {
  const event = scene.events.find((mark) => mark.uid === scene.chosen?.uid);
  const chosen = scene.chosen;
  return {
    areas: collected(scene.areas.map(areaOf)),
    reach: collected([...(event && chosen ? ringsOf(event, chosen) : []), ...scene.events.flatMap((mark) => accuracyOf(mark, mark === event))]),
    lines: collected(chosen ? [...trackOf(chosen), ...(event ? waysOf(event, chosen, distance) : [])] : []),
    marks: collected([
      ...scene.events.map((mark) => eventOf(mark, mark === event)),
      ...(chosen ? [...chosen.helpers.map(helperOf), ...wearerOf(chosen)] : []),
    ]),
  };
}

/**
 * The box around what belongs to the chosen event: the people in it, or while nobody comes the nearest ring.
 *
 * @param {Scene} scene
 * @returns {[number, number, number, number] | null} west, south, east, north
 */
export function boundsOfChosen(scene) {
  const chosen = scene.chosen;
  if (!chosen) return null;
  const event = scene.events.find((mark) => mark.uid === chosen.uid);
  const coming = chosen.helpers.filter((helper) => helper.isComing);
  const places = [...(event ? [event] : []), ...(chosen.wearer ? [chosen.wearer] : []), ...chosen.track, ...coming];
  const points = places.map(pointOf);
  if (event && !coming.length && chosen.rings.length) points.push(...circle(event, Math.min(...chosen.rings)));
  return boundsOf(points);
}

/**
 * @param {Point[]} points
 * @returns {[number, number, number, number] | null}
 */
export function boundsOf(points) {
  if (!points.length) return null;
  const longitudes = points.map(([lon]) => lon);
  const latitudes = points.map(([, lat]) => lat);
  return [Math.min(...longitudes), Math.min(...latitudes), Math.max(...longitudes), Math.max(...latitudes)];
}

/**
 * A closed circle on the ground.
 *
 * @param {Place} centre
 * @param {number} radiusM
 * @param {number} [corners]
 * @returns {Point[]}
 */
export function circle(centre, radiusM, corners = CORNERS) {
  const high = radiusM / METRES_PER_DEGREE;
  const wide = high / widthOfDegree(centre.lat);
  return Array.from({ length: corners + 1 }, (_, corner) => {
    const angle = ((corner % corners) / corners) * 2 * Math.PI;
    return [centre.lon + wide * Math.cos(angle), centre.lat + high * Math.sin(angle)];
  });
}

/**
 * The length of a degree of longitude as a part of one at the equator.
 *
 * @param {number} lat
 */
export function widthOfDegree(lat) {
  return Math.max(0.01, Math.cos((lat * Math.PI) / 180));
}

/** @param {Feature[]} features @returns {Features} */
function collected(features) {
  return { type: "FeatureCollection", features };
}

/** @param {Place} place @returns {Point} */
function pointOf(place) {
  return [place.lon, place.lat];
}

/** @param {EventMark} mark @param {boolean} isChosen @returns {Feature} */
function eventOf(mark, isChosen) {
  const { uid, tone, label, isDrill } = mark;
  const order = (isDrill ? 0 : URGENCY[tone]) + (isChosen ? 10 : 0);
  return point(mark, { kind: "event", uid, tone, label, isDrill, isChosen, order });
}

/** @param {HelperMark} helper @returns {Feature} */
function helperOf(helper) {
  const { uuid, tone, label, isComing } = helper;
  return point(helper, { kind: "helper", uuid, tone, label, isComing, order: URGENCY[tone] });
}

/** @param {Chosen} chosen @returns {Feature[]} */
function wearerOf(chosen) {
  return chosen.wearer ? [point(chosen.wearer, { kind: "wearer", order: 0 })] : [];
}

/** @param {EventMark} mark @param {boolean} isChosen @returns {Feature[]} */
function accuracyOf(mark, isChosen) {
  const isTold = mark.accuracyM && (isChosen || mark.accuracyM >= WIDE_M);
  return isTold ? [area([circle(mark, mark.accuracyM ?? 0, CORNERS_FEW)], { kind: "accuracy", tone: mark.tone })] : [];
}

/** @param {EventMark} event @param {Chosen} chosen @returns {Feature[]} */
function ringsOf(event, chosen) {
  return chosen.rings.map((radiusM) => area([circle(event, radiusM)], { kind: "ring", tone: event.tone, radiusM }));
}

/** @param {Chosen} chosen @returns {Feature[]} */
function trackOf(chosen) {
  const steps = chosen.track.map((place) => point(place, { kind: "step" }));
  return chosen.track.length < 2 ? steps : [line(chosen.track.map(pointOf), { kind: "track" }), ...steps];
}

/**
 * The straight ways of helpers to the event; a distance that is not told is not written.
 *
 * @param {EventMark} event
 * @param {Chosen} chosen
 * @param {(metres: number) => string} distance
 * @returns {Feature[]}
 */
function waysOf(event, chosen, distance) {
  return chosen.helpers.map((helper) => {
    const label = helper.isComing && helper.distanceM !== null ? distance(helper.distanceM) : "";
    const ends = [pointOf(helper), pointOf(event)];
    return line(ends, { kind: helper.isComing ? "way" : "call", tone: helper.tone, label });
  });
}

/** @param {Area} square @returns {Feature} */
function areaOf(square) {
  const high = square.sizeM / METRES_PER_DEGREE / 2;
  const wide = high / widthOfDegree(square.lat);
  const [west, east] = [square.lon - wide, square.lon + wide];
  const [south, north] = [square.lat - high, square.lat + high];
  /** @type {Point[]} */
  const corners = [[west, south], [east, south], [east, north], [west, north], [west, south]]; // prettier-ignore
  return area([corners], { kind: "area", count: square.count, label: String(square.count) });
}

/** @param {Place} place @param {Properties} properties @returns {Feature} */
function point(place, properties) {
  return { type: "Feature", properties, geometry: { type: "Point", coordinates: pointOf(place) } };
}

/** @param {Point[]} coordinates @param {Properties} properties @returns {Feature} */
function line(coordinates, properties) {
  return { type: "Feature", properties, geometry: { type: "LineString", coordinates } };
}

/** @param {Point[][]} coordinates @param {Properties} properties @returns {Feature} */
function area(coordinates, properties) {
  return { type: "Feature", properties, geometry: { type: "Polygon", coordinates } };
}
