import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { actionsOf } from "../../../apps/monitoring/static/console/events/panel.js";
import { ageOf, longestRise, shortName, stateOf } from "../../../apps/monitoring/static/console/events/queue.js";
import { factsOf } from "../../../apps/monitoring/static/console/events/story.js";
import { niceCeiling } from "../../../apps/monitoring/static/console/history/chart.js";
import { age, ago, dayAndTime, distance, duration, named, speak, t, timeOfDay } from "../../../apps/monitoring/static/console/page/words.js";

const NOW = Date.parse("2025-10-28T12:10:00Z");
const WORDS = {
  metres: "{n} m", kilometres: "{n} km", seconds: "{n} s", minutes_seconds: "{m} min {s} s", seconds_ago: "{n} s ago",
  minutes_ago: "{n} min ago", hours_ago: "{n} h ago", days_ago: "{n} days ago", wave_n: "wave {n}", within: "within {far}",
  people_n: "{n} people", unknown_person: "Unknown person", nobody_yet: "Nobody yet", unconfirmed_n: "Unconfirmed, {n} s",
  coming_n: "Coming {n}", on_scene_n: "On scene {n}", all_done: "All who came have helped", test: "Test",
  "outcome.HELPED": "Helped", "status.CANCELLED": "Cancelled", "reason.NOBODY_NEAR": "nobody is near", "service.103": "103, ambulance",
};

beforeEach(() => speak(WORDS, "en"));

/** @param {object} changes @returns {any} */
function card(changes = {}) {
  const people = { called: 0, reached: 0, accepted: 0, en_route: 0, on_scene: 0, declined: 0 };
  return {
    event_uid: "one", status: "NEW", resolved: false, outcome: null, is_test: false, severity: 3, unconfirmed_until: null,
    halted: null, acknowledged_at: null, alarm_at: "2025-10-28T12:08:18Z", lat: 41.3, lon: 69.2,
    received_at: "2025-10-28T12:08:18Z", closed_at: null, wearer_name: "Dilnoza Karimova", device: null, people,
    wearer: { uuid: "w", full_name: "Dilnoza Karimova", phone_number: "+998901234567" }, ...changes,
  };
}

/** @param {object} some */
const people = (some) => ({ people: { ...card().people, ...some } });

test("a word is found by its key, and filled in", () => {
  assert.equal(t("wave_n", { n: 2 }), "wave 2");
  assert.equal(t("no_such_word"), "no_such_word");
  assert.equal(t("wave_n"), "wave {n}");
  assert.equal(t("wave_n", { n: "{n}" }), "wave {n}", "what is filled in is not filled in again");
});

test("a value that has no word yet is shown as it is", () => {
  assert.equal(named("outcome", "HELPED"), "Helped");
  assert.equal(named("outcome", "SOMETHING_NEW"), "SOMETHING_NEW");
  assert.deepEqual([named("outcome", null), named("outcome", "")], ["", ""]);
});

test("an age is minutes and seconds, from an hour on with hours; never less than none", () => {
  assert.deepEqual([0, 9.99, 102, 3599, 3600, 7390, 360_000, -5].map(age), [
    "00:00", "00:09", "01:42", "59:59", "1:00:00", "2:03:10", "100:00:00", "00:00",
  ]);
});

test("the age of what is closed stands still", () => {
  assert.equal(ageOf(card(), NOW), "01:42");
  assert.equal(ageOf(card({ closed_at: "2025-10-28T12:09:00Z" }), NOW), "00:42");
});

test("distances are as exact as they are worth", () => {
  assert.deepEqual([0, 4, 346, 994, 995, 1249, 12_345].map(distance), ["0 m", "0 m", "350 m", "990 m", "1 km", "1.2 km", "12.3 km"]);
  assert.deepEqual([distance(null), distance(undefined)], ["", ""]);
  speak(WORDS, "ru");
  assert.equal(distance(1249), "1,2 km");
});

test("durations of a report", () => {
  assert.deepEqual([null, 0.42, 12.4, 59.9, 200, 359.8].map(duration), [
    "–", "0.4 s", "12 s", "1 min 0 s", "3 min 20 s", "6 min 0 s",
  ]);
});

test("how long ago is told in the unit that fits", () => {
  assert.deepEqual([-1, 59, 60, 7199, 7200, 172_799, 172_800].map(ago), [
    "0 s ago", "59 s ago", "1 min ago", "120 min ago", "2 h ago", "48 h ago", "2 days ago",
  ]);
});

test("clocks have 24 hours in every language", () => {
  const iso = new Date(2025, 9, 28, 23, 5, 7).toISOString();
  for (const language of ["ru", "uz", "en"]) {
    speak(WORDS, language);
    assert.equal(timeOfDay(iso), "23:05:07");
    assert.match(dayAndTime(iso), /28.*10.*2025.*23:05/);
  }
});

test("a card's name is short, and there is always one", () => {
  const device = { device_uid: "watch-1", wearer_name: "", is_online: true };
  assert.equal(shortName(card()), "Dilnoza K.");
  assert.equal(shortName(card({ wearer_name: "Зулфия" })), "Зулфия");
  assert.equal(shortName(card({ wearer_name: "", wearer: { full_name: "", phone_number: "+998901234567" } })), "+998901234567");
  assert.equal(shortName(card({ wearer_name: "", wearer: null, device })), "watch-1");
  assert.equal(shortName(card({ wearer_name: "", wearer: null })), "Unknown person");
});

test("a card's state is told in words, not by its colour alone", () => {
  assert.equal(stateOf(card(), "red", NOW), "Nobody yet");
  assert.equal(stateOf(card({ unconfirmed_until: "2025-10-28T12:10:07.200Z" }), "blue", NOW), "Unconfirmed, 8 s");
  assert.equal(stateOf(card(people({ accepted: 2 })), "amber", NOW), "Coming 2");
  assert.equal(stateOf(card({ halted: "ALL_DONE" }), "amber", NOW), "All who came have helped");
  assert.equal(stateOf(card(people({ on_scene: 1 })), "green", NOW), "On scene 1");
  assert.equal(stateOf(card({ is_test: true }), "grey", NOW), "Test");
  assert.equal(stateOf(card({ resolved: true, outcome: "HELPED" }), "grey", NOW), "Helped");
  assert.equal(stateOf(card({ resolved: true, status: "CANCELLED" }), "grey", NOW), "Cancelled");
});

test("the first button is what moves the event on", () => {
  const seen = { acknowledged_at: "2025-10-28T12:09:00Z", alarm_at: null };
  assert.deepEqual(actionsOf(card(), NOW), ["acknowledge", "wave", "assign", "handover", "resolve"]);
  assert.equal(actionsOf(card(seen), NOW)[0], "wave");
  assert.equal(actionsOf(card({ ...seen, ...people({ on_scene: 1 }) }), NOW)[0], "resolve");
  assert.equal(actionsOf(card({ ...seen, halted: "WEARER_FINE" }), NOW)[0], "resolve");
  assert.ok(!actionsOf(card({ lat: null }), NOW).includes("wave"), "nobody can be sought around an unknown place");
  assert.deepEqual(actionsOf(card({ resolved: true }), NOW), ["reopen"]);
});

test("the story tells what is known of each step, and names whom it can", () => {
  const names = new Map([["u1", "Aziz Rakhimov"]]);
  const facts = (/** @type {Record<string, any>} */ data) => factsOf({ position: 1, at: "", kind: "", status: null, actor: null, data }, names);
  assert.deepEqual(facts({ wave: 1, radius_m: 1500, helpers: { u1: 430, u2: 800 }, passed_over: {} }), ["wave 1", "within 1.5 km", "2 people"]);
  assert.deepEqual(facts({ helpers: ["u1"] }), ["1 people"]);
  assert.deepEqual(facts({ to: "103" }), ["103, ambulance"]);
  assert.deepEqual(facts({ helper: "u1" }), ["Aziz Rakhimov"]);
  assert.deepEqual(facts({ outcome: "HELPED", text: "A neighbour is there." }), ["Helped", "A neighbour is there."]);
  assert.deepEqual(facts({ reason: "NOBODY_NEAR" }), ["nobody is near"]);
  assert.deepEqual(facts({}), []);
});

test("a chart ends at a round number", () => {
  assert.deepEqual([1, 1.2, 3, 7, 10, 99, 240].map(niceCeiling), [1, 2, 5, 10, 10, 100, 500]);
});

test("of cards that change places the most stay where they are", () => {
  const stay = (/** @type {number[]} */ ...numbers) => [...longestRise(numbers)].sort((a, b) => a - b).map((at) => numbers[at]);
  assert.deepEqual(stay(1, 2, 3, 0), [1, 2, 3], "the first has gone to the end");
  assert.deepEqual(stay(3, 0, 1, 2), [0, 1, 2], "the last has come to the front");
  assert.deepEqual(stay(0, -1, 1, -1, 2), [0, 1, 2], "new ones among them");
  assert.equal(stay(5, 1, 4, 2, 3, 0).length, 3);
  assert.deepEqual([stay(), stay(-1, -1)], [[], []]);
});
