import assert from "node:assert/strict";
import { test } from "node:test";

import { boundsOfChosen, circle, marksOf, METRES_PER_DEGREE } from "../../../apps/monitoring/static/console/map/marks.js";
import { gridOver, squareAt } from "../../../apps/monitoring/static/console/map/outline.js";

const HERE = { lat: 41.3111, lon: 69.2406 };

/** @returns {import("../../../apps/monitoring/static/console/map/marks.js").Scene} */
function scene() {
  const helper = { lat: 41.3215, lon: 69.2406, tone: /** @type {const} */ ("amber"), label: "A" };
  return {
    events: [
      { uid: "one", ...HERE, accuracyM: 50, tone: "red", label: "One", isDrill: false },
      { uid: "two", lat: 41.4, lon: 69.3, accuracyM: null, tone: "grey", label: "Two", isDrill: false },
    ],
    chosen: {
      uid: "one",
      rings: [1500, 3000],
      track: [{ lat: 41.31, lon: 69.24 }, HERE],
      wearer: null,
      helpers: [
        { uuid: "comes", ...helper, isComing: true, distanceM: 1157 },
        { uuid: "called", ...helper, tone: "grey", isComing: false, distanceM: 1157 },
      ],
    },
    areas: [{ ...HERE, sizeM: 1000, count: 3 }],
  };
}

/** @param {number} metres */
const distance = (metres) => `${metres} m`;

test("a circle has its radius everywhere, on the ground", () => {
  for (const [lon, lat] of circle(HERE, 1000)) {
    const east = (lon - HERE.lon) * METRES_PER_DEGREE * Math.cos((HERE.lat * Math.PI) / 180);
    assert.ok(Math.abs(Math.hypot(east, (lat - HERE.lat) * METRES_PER_DEGREE) - 1000) < 1);
  }
});

test("the chosen event lies over all others, then the most urgent", () => {
  const orders = marksOf(scene(), distance).marks.features.slice(0, 2).map((mark) => mark.properties["order"]);
  assert.deepEqual(orders, [15, 1]);
});

test("a way is drawn to who comes, with its length; a dotted one to who is called, without", () => {
  const lines = marksOf(scene(), distance).lines.features;
  const ways = lines.filter(({ properties }) => properties["kind"] === "way" || properties["kind"] === "call");
  const told = ways.map(({ properties }) => [properties["kind"], properties["label"]]);
  assert.deepEqual(told, [["way", "1157 m"], ["call", ""]]);
});

test("without a chosen event nobody's place and no ring is drawn", () => {
  const { lines, reach, marks } = marksOf({ ...scene(), chosen: null }, distance);
  assert.deepEqual([lines.features.length, reach.features.length, marks.features.length], [0, 1, 2]);
});

test("an event that is no longer in the queue leaves its people, without lines to nowhere", () => {
  const { lines, marks } = marksOf({ ...scene(), events: [] }, distance);
  assert.deepEqual(lines.features.map(({ properties }) => properties["kind"]), ["track", "step", "step"]);
  assert.equal(marks.features.length, 2);
});

test("the view is of who comes; while nobody does, of the nearest ring", () => {
  const [, , , north] = boundsOfChosen(scene()) ?? [];
  assert.equal(north, 41.3215);
  const alone = scene();
  if (alone.chosen) alone.chosen.helpers = [];
  const box = boundsOfChosen(alone);
  assert.ok(box && Math.abs((box[3] - HERE.lat) * METRES_PER_DEGREE - 1500) < 1);
  assert.equal(boundsOfChosen({ ...alone, chosen: null }), null);
});

test("the squares get smaller as one comes nearer, and there are none from afar", () => {
  assert.deepEqual([5, 9, 11, 13, 15, 18].map(squareAt), [null, 10_000, 5_000, 1_000, 200, 100]);
});

test("squares are as wide as high, and stay where they are when the map moves", () => {
  const one = gridOver([69.2, 41.28, 69.3, 41.34], 1000).features;
  const moved = gridOver([69.21, 41.28, 69.31, 41.34], 1000).features;
  const upright = one.map((line) => /** @type {number[][]} */ (line.geometry.coordinates)).filter(([a, b]) => a?.[0] === b?.[0]);
  const wide = ((upright[1]?.[0]?.[0] ?? 0) - (upright[0]?.[0]?.[0] ?? 0)) * METRES_PER_DEGREE * Math.cos((41 * Math.PI) / 180);
  assert.ok(Math.abs(wide - 1000) < 1);
  const places = moved.map((line) => JSON.stringify(line.geometry.coordinates.map((point) => /** @type {number[]} */ (point)[0])));
  assert.ok(places.includes(JSON.stringify([upright[3]?.[0]?.[0], upright[3]?.[0]?.[0]])));
});

test("a grid over the whole world does not stop the browser", () => {
  assert.ok(gridOver([-180, -85, 180, 85], 100).features.length <= 320);
});
