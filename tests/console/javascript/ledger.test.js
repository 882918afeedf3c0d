import assert from "node:assert/strict";
import { before, test } from "node:test";

import { marksOf } from "../../../apps/monitoring/static/console/events/ledger.js";
import { speak } from "../../../apps/monitoring/static/console/page/words.js";

/**
 * @typedef {import("../../../apps/monitoring/static/console/link/types.js").CalledHelper} CalledHelper
 * @typedef {import("../../../apps/monitoring/static/console/link/types.js").Reach} Reach
 */

before(() => speak({
  "reach_failed": "not reached: {why}", "alert.ACCEPTED": "is coming", "alert.DECLINED": "declined", "alert.STOOD_DOWN": "is needed no more",
}, "en"));

/** @param {string} status @returns {CalledHelper} */
function helper(status) {
  return {
    uuid: "h", full_name: "Aziz Rakhimov", phone_number: null, status, wave: 1, distance_m: 400, distance_now_m: null,
    seen_at: null, rings: 1, created_at: "", answered_at: null, accepted_at: null, caution: null,
  };
}

/** @param {string[]} states the last is the present one @param {Partial<Reach>} [changes] @returns {Reach} */
function message(states, changes = {}) {
  return {
    uuid: "n", to: "Aziz", person: "h", kind: "SOS_ALERT", channel: "FCM", state: states.at(-1) ?? "QUEUED", reason: "",
    attempts: 1, created_at: "", changes: states.map((state) => ({ state, at: "" })), ...changes,
  };
}

/** @param {string} status @param {Reach[]} messages */
function told(status, ...messages) {
  const { sent, received, read, answered, words } = marksOf(helper(status), messages);
  return [[sent, received, read, answered].join(" "), words];
}

test("the marks go as far as the call has come", () => {
  assert.deepEqual(told("NOTIFIED"), ["open open open open", "reach_waiting"]);
  assert.deepEqual(told("NOTIFIED", message(["QUEUED"])), ["open open open open", "reach_waiting"]);
  assert.deepEqual(told("NOTIFIED", message(["SENT"])), ["yes open open open", "reach_sent"]);
  assert.deepEqual(told("NOTIFIED", message(["RECEIVED"])), ["yes yes open open", "reach_received"]);
  assert.deepEqual(told("NOTIFIED", message(["READ"])), ["yes yes yes open", "reach_read"]);
});

test("a message that was received and is dropped afterwards was received all the same", () => {
  assert.equal(told("NOTIFIED", message(["SENT", "RECEIVED", "DROPPED"]))[0], "yes yes open open");
});

test("an answer proves that the call was read, whatever its receipts say", () => {
  assert.deepEqual(told("ACCEPTED", message(["SENT"])), ["yes yes yes yes", "is coming"]);
  assert.deepEqual(told("DECLINED"), ["yes yes yes no", "declined"]);
});

test("who was stood down has not answered", () => {
  assert.deepEqual(told("STOOD_DOWN", message(["SENT"])), ["yes open open open", "is needed no more"]);
});

test("only when no message has gone out is somebody not reached, and why is said", () => {
  const failed = message(["FAILED"], { reason: "404 UNREGISTERED" });
  assert.deepEqual(told("NOTIFIED", failed), ["no no open open", "not reached: 404 UNREGISTERED"]);
  assert.deepEqual(told("NOTIFIED", failed, message(["SENT"], { channel: "SMS" })), ["yes open open open", "reach_texted"]);
  assert.equal(told("NOTIFIED", failed, message(["QUEUED"], { channel: "SMS" }))[1], "reach_waiting");
});

test("without a receipt of the push a text message follows", () => {
  const text = message(["QUEUED"], { channel: "SMS" });
  assert.equal(told("NOTIFIED", message(["SENT"]), text)[1], "reach_text_soon");
  assert.equal(told("NOTIFIED", message(["RECEIVED"]), text)[1], "reach_received");
});
