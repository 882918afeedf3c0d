import assert from "node:assert/strict";
import { test } from "node:test";

import { Clock } from "../../../apps/monitoring/static/console/link/clock.js";

const TOLD = "2025-10-28T12:00:00.000Z";
const THEN = Date.parse(TOLD);

test("ages are the server's, however wrong the computer's clock is", (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: Date.parse("1999-01-01T00:00:00Z") });
  let steady = 5000;
  const clock = new Clock(() => steady);
  clock.learn(TOLD, 0);
  t.mock.timers.setTime(Date.parse("2040-01-01T00:00:00Z")); // somebody sets it right, or wrong
  steady += 90_000;
  assert.equal(clock.since(TOLD), 90);
});

test("before the server has said anything the computer's clock is all there is", (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: THEN });
  assert.equal(new Clock(() => 77).now(), THEN);
});

test("half of the way there and back is added to what was told", () => {
  const clock = new Clock(() => 1000);
  clock.learn(TOLD, 80);
  assert.equal(clock.now(), THEN + 40);
});

test("the quickest answer is believed most", () => {
  const clock = new Clock(() => 0);
  clock.learn(TOLD, 20);
  clock.learn("2025-10-28T12:00:03.000Z", 6000); // one that lay about somewhere on its way
  assert.equal(clock.now(), THEN + 10);
  clock.learn("2025-10-28T12:00:00.500Z", 4);
  assert.equal(clock.now(), THEN + 502);
});

test("a clock set right on the server is followed within minutes, though answers have become slow", () => {
  const clock = new Clock(() => 0);
  clock.learn(TOLD, 5);
  const right = "2025-10-28T13:00:00.000Z";
  for (let ping = 0; ping < 60; ping += 1) clock.learn(right, 40);
  assert.equal(clock.now(), Date.parse(right) + 20);
});
