import assert from "node:assert/strict";
import { test } from "node:test";

import { actionsOf } from "../../../apps/monitoring/static/console/events/panel.js";
import { LINGERS_S, Store, isAlarming, toneOf } from "../../../apps/monitoring/static/console/link/store.js";

/**
 * @typedef {import("../../../apps/monitoring/static/console/link/types.js").Card} Card
 * @typedef {import("../../../apps/monitoring/static/console/link/types.js").Message} Message
 */

const NOW = Date.parse("2025-10-28T12:10:00Z");
const ME = { uuid: "me", full_name: "Nargiza Azimova", phone_number: null };
const NOBODY = { called: 0, reached: 0, accepted: 0, en_route: 0, on_scene: 0, declined: 0 };

/** @param {number} seconds before now */
const ago = (seconds) => new Date(NOW - seconds * 1000).toISOString();

const SEEN = { acknowledged_at: ago(5), alarm_at: ago(-175) };

/** @param {string} event_uid @param {Partial<Card>} [changes] @returns {Card} */
function card(event_uid, changes = {}) {
  return {
    event_uid, status: "NEW", resolved: false, outcome: null, detected_type: "FALL_DETECTED", severity: 3,
    is_test: false, is_drill: false, timestamp: ago(60), received_at: ago(60), closed_at: null, signal_count: 1,
    unconfirmed_until: null, silent: false, stale_credential: false, halted: null, handed_over_to: null, acknowledged_at: null,
    acknowledged_by: null, alarm_at: ago(60), waves_called: 0, waves: [], next_step_at: null, lat: 41.3, lon: 69.2,
    accuracy_m: null, location_source: "SIGNAL", location_age_s: null, position_at: null, nearest_m: null, device: null, people: { ...NOBODY },
    wearer_name: "Dilnoza Karimova", wearer: { uuid: "w", full_name: "Dilnoza Karimova", phone_number: "+998901234567" }, ...changes,
  };
}

/** @param {Card[]} cards */
function storeOf(...cards) {
  const store = new Store();
  store.putCards(cards);
  return store;
}

/** @param {number} seq @param {string | null} event_uid @param {Message["type"]} [type] @returns {Message} */
function message(seq, event_uid, type = "sos_update") {
  return { type, seq, payload: { event_uid, severity: 5, detected_type: "MANUAL_TRIGGER", user_phone: "+998907654321" } };
}

/** @param {Store} store */
const shown = (store) => store.shown(NOW, ME.uuid).map((one) => one.event_uid);

/** @param {Partial<Card["people"]>} some */
const people = (some) => ({ people: { ...NOBODY, ...some } });

test("the most urgent is first: to whom nobody comes, severe, waiting long; closed, tests and drills are last", () => {
  const store = storeOf(
    card("closed", { resolved: true, severity: 5 }),
    card("test", { is_test: true, detected_type: "TEST", severity: 5 }),
    card("drill", { is_drill: true, severity: 5 }),
    card("unconfirmed", { unconfirmed_until: ago(-20), severity: 5 }),
    card("met", { ...people({ accepted: 1 }), severity: 5 }),
    card("button", { detected_type: "MANUAL_TRIGGER" }),
    card("fall"),
    card("waits-longer", { received_at: ago(90) }),
    card("severe", { severity: 4, received_at: ago(1) }),
  );
  assert.deepEqual(shown(store), [
    "severe", "waits-longer", "fall", "button", "met", "unconfirmed", "drill", "test", "closed",
  ]);
});

test("a countdown that has ended makes an event like any other", () => {
  const unconfirmed = card("one", { unconfirmed_until: ago(-5) });
  assert.equal(toneOf(unconfirmed, NOW), "blue");
  assert.equal(toneOf(unconfirmed, NOW + 5000), "red");
});

test("the colour says how far help is", () => {
  assert.equal(toneOf(card("one", people({ called: 8, declined: 8 })), NOW), "red");
  assert.equal(toneOf(card("one", people({ accepted: 2, en_route: 1 })), NOW), "amber");
  assert.equal(toneOf(card("one", people({ accepted: 2, on_scene: 1 })), NOW), "green");
  assert.equal(toneOf(card("one", { halted: "ALL_DONE" }), NOW), "amber");
  assert.equal(toneOf(card("one", { resolved: true, ...people({ on_scene: 1 }) }), NOW), "grey");
  assert.equal(toneOf(card("one", { is_test: true }), NOW), "grey");
});

test("an event sounds from when the server says", () => {
  assert.ok(isAlarming(card("new"), NOW));
  assert.ok(isAlarming(card("now", { alarm_at: ago(0) }), NOW));
  assert.ok(!isAlarming(card("counts-down, or acknowledged", { alarm_at: ago(-1) }), NOW));
  assert.ok(!isAlarming(card("looked after, or closed", { alarm_at: null }), NOW));
});

test("what sounds can be acknowledged, whoever has done so before and whoever comes", () => {
  const seen = { acknowledged_at: ago(300), acknowledged_by: ME, alarm_at: ago(120) };
  for (const more of [{}, { halted: "UNSAFE", ...people({ accepted: 1 }) }, { halted: "ALL_DONE" }])
    assert.equal(actionsOf(card("lapsed", { ...seen, ...more }), NOW)[0], "acknowledge");
  assert.equal(actionsOf(card("unconfirmed", { alarm_at: ago(-5) }), NOW)[0], "acknowledge");
  assert.ok(!actionsOf(card("seen", { ...seen, alarm_at: ago(-60) }), NOW).includes("acknowledge"));
});

test("a message that comes twice, or late, changes nothing", () => {
  const store = new Store();
  assert.equal(store.take(message(7, "one", "sos_event"), NOW), "one");
  store.takeDirty(10);
  for (const seq of [7, 6]) assert.equal(store.take(message(seq, "two", "sos_event"), NOW), null);
  assert.deepEqual([store.seq, store.isDirty, shown(store)], [7, false, ["one"]]);
});

test("a new event is in the queue at once with what its message says, and its card is asked for", () => {
  const store = new Store();
  store.take(message(1, "one", "sos_event"), NOW);
  const [first] = store.shown(NOW, ME.uuid);
  assert.deepEqual([first?.severity, first?.wearer?.phone_number, first?.received_at], [5, "+998907654321", ago(0)]);
  assert.equal(store.alarming(NOW).length, 1);
  assert.deepEqual(store.takeDirty(10), ["one"]);
});

test("what is told of an event again does not take its card away", () => {
  const store = storeOf(card("one", { severity: 2 }));
  store.take(message(1, "one", "sos_event"), NOW);
  assert.equal(store.events.get("one")?.severity, 2);
});

test("a message about no event moves the position only", () => {
  const store = new Store();
  assert.equal(store.take(message(3, null), NOW), null);
  assert.deepEqual([store.seq, store.isDirty, store.events.size], [3, false, 0]);
});

test("what has changed is asked for once, the oldest change first, and again when asking failed", () => {
  const store = new Store();
  for (const [at, uid] of ["a", "b", "a", "c"].entries()) store.take(message(at + 1, uid), NOW);
  assert.deepEqual(store.takeDirty(2), ["a", "b"]);
  assert.deepEqual(store.takeDirty(2), ["c"]);
  assert.deepEqual([store.isDirty, store.takeDirty(2)], [false, []]);
  store.putBack(["b"]);
  assert.deepEqual([store.isDirty, store.takeDirty(2)], [true, ["b"]]);
});

test("the queue asked anew marks what is not open any more: how it ended is asked for", () => {
  const store = storeOf(card("gone"), card("stays"), card("closed", { resolved: true }));
  const on_duty = { helpers: 12, dispatchers: 2 };
  store.putQueue({ seq: 40, server_time: ago(0), on_duty, events: [card("stays"), card("new")] });
  assert.deepEqual(store.takeDirty(10), ["gone"]);
  assert.deepEqual([store.seq, store.onDuty, store.events.size], [40, on_duty, 4]);
});

test("an old answer does not set the position back", () => {
  const store = new Store();
  store.take(message(50, "one"), NOW);
  store.putQueue({ seq: 49, server_time: ago(0), on_duty: { helpers: 0, dispatchers: 0 }, events: [] });
  assert.equal(store.seq, 50);
});

test("filters show what they say, and count what is open", () => {
  const store = storeOf(
    card("mine", { ...SEEN, acknowledged_by: ME, ...people({ accepted: 1 }) }),
    card("unanswered", SEEN),
    card("drill", { ...SEEN, is_drill: true, ...people({ accepted: 1 }) }),
    card("test", { is_test: true, alarm_at: null }),
    card("closed", { ...SEEN, resolved: true, acknowledged_by: ME, alarm_at: null }),
  );
  assert.deepEqual(store.counts(ME.uuid), { open: 4, mine: 1, unanswered: 1, drills: 2 });
  const by = (/** @type {import("../../../apps/monitoring/static/console/link/types.js").Filter} */ filter) => {
    store.filter = filter;
    return shown(store);
  };
  assert.deepEqual(by("mine"), ["mine", "closed"]);
  assert.deepEqual(by("unanswered"), ["unanswered"]);
  assert.deepEqual(by("drills"), ["drill", "test"]);
  assert.equal(by("open").length, 5);
});

test("whatever hides open events is counted, and hides none that asks for a dispatcher", () => {
  const store = storeOf(
    card("seen", SEEN),
    card("closed", { resolved: true, alarm_at: null }),
    card("new"),
    card("lapsed", { ...SEEN, alarm_at: ago(0) }),
    card("counts-down", { alarm_at: ago(-5), unconfirmed_until: ago(-5) }),
  );
  assert.equal(store.hidden(NOW, ME.uuid), 0);
  store.words = "no such person";
  assert.deepEqual([shown(store).sort(), store.hidden(NOW, ME.uuid)], [["counts-down", "lapsed", "new"], 1]);
  store.words = "";
  store.filter = "drills";
  assert.deepEqual([shown(store).sort(), store.hidden(NOW, ME.uuid)], [["counts-down", "lapsed", "new"], 1]);
});

test("search finds by name, phone, watch and number, in any case", () => {
  const device = {
    device_uid: "Watch-77", model: "", wearer_name: "", battery_level: null, is_online: true,
    last_seen_at: null, lat: null, lon: null, position_at: null,
  };
  const store = storeOf(card("one", SEEN), card("two", { ...SEEN, device, wearer_name: "Зулфия", wearer: null }));
  const found = (/** @type {string} */ words) => {
    store.words = words;
    return shown(store);
  };
  assert.deepEqual(found("KARIMOVA"), ["one"]);
  assert.deepEqual(found("1234567"), ["one"]);
  assert.deepEqual(found("watch-7"), ["two"]);
  assert.deepEqual(found("зулф"), ["two"]);
  assert.deepEqual(found("two"), ["two"]);
  assert.deepEqual(found("null"), []);
});

test("J and K go through the queue and stop at its ends", () => {
  const store = storeOf(card("a", { ...SEEN, severity: 5 }), card("b", { ...SEEN, severity: 4 }), card("c", SEEN));
  const go = (/** @type {number} */ step) => (store.chosen = store.beside(step, NOW, ME.uuid));
  assert.deepEqual([go(1), go(1), go(1), go(1), go(-1), go(-1), go(-1)], ["a", "b", "c", "c", "b", "a", "a"]);
  store.filter = "mine";
  assert.equal(store.beside(1, NOW, ME.uuid), null);
  store.filter = "open";
  store.chosen = "not in the queue";
  assert.equal(store.beside(-1, NOW, ME.uuid), "a");
});

test("what was closed leaves the queue a minute later, unless it is looked at", () => {
  const long = { resolved: true, closed_at: ago(LINGERS_S + 1) };
  const store = storeOf(card("open"), card("closed", long), card("chosen", long), card("just", { resolved: true, closed_at: ago(5) }));
  store.chosen = "chosen";
  store.forget(NOW);
  assert.deepEqual([...store.events.keys()], ["open", "chosen", "just"]);
  store.chosen = "open";
  store.forget(NOW);
  assert.deepEqual([...store.events.keys()], ["open", "just"]);
});
