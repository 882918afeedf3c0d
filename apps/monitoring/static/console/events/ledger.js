/** Who was called, how far the call has reached each of them, and what they said: four marks a person. */

import { h } from "../page/dom.js";
import { distance, named, t } from "../page/words.js";

/**
 * @typedef {import("../link/types.js").CalledHelper} CalledHelper
 * @typedef {import("../link/types.js").Reach} Reach
 * @typedef {"yes" | "no" | "open"} Mark
 * @typedef {{sent: Mark, received: Mark, read: Mark, answered: Mark, words: string}} Marks
 */

const COMING = ["ACCEPTED", "EN_ROUTE", "ON_SCENE", "DONE"];
const REFUSED = ["DECLINED", "WITHDRAWN", "UNSAFE"];
const SIGNS = { coming: "●", refused: "✕", called: "○" };

/**
 * What the messages to one person tell. A message that was received has been sent; an answer proves that it was read.
 * @param {CalledHelper} helper
 * @param {Reach[]} messages to them about the event
 * @returns {Marks}
 */
export function marksOf(helper, messages) {
  const states = new Set(messages.flatMap((one) => [one.state, ...one.changes.map((change) => change.state)]));
  const hasAnswered = COMING.includes(helper.status) || REFUSED.includes(helper.status);
  const isRead = hasAnswered || states.has("READ");
  const isReceived = isRead || states.has("RECEIVED");
  const isSent = isReceived || states.has("SENT");
  const isHopeless = messages.length > 0 && messages.every((one) => one.state === "FAILED");
  return {
    sent: isSent ? "yes" : isHopeless ? "no" : "open",
    received: isReceived ? "yes" : isHopeless ? "no" : "open",
    read: isRead ? "yes" : "open",
    answered: COMING.includes(helper.status) ? "yes" : hasAnswered ? "no" : "open",
    words: wordsOf(helper, messages, { isRead, isReceived, isSent, isHopeless, hasAnswered }),
  };
}

/**
 * @param {CalledHelper} helper @param {Reach[]} messages
 * @param {{isRead: boolean, isReceived: boolean, isSent: boolean, isHopeless: boolean, hasAnswered: boolean}} is
 */
function wordsOf(helper, messages, is) {
  if (is.hasAnswered || helper.status === "STOOD_DOWN") return named("alert", helper.status);
  if (is.isRead) return t("reach_read");
  if (is.isReceived) return t("reach_received");
  if (is.isHopeless) return t("reach_failed", { why: messages.find((one) => one.reason)?.reason ?? "" });
  const text = messages.find((one) => one.channel === "SMS");
  if (text?.state === "SENT") return t("reach_texted");
  if (is.isSent) return text?.state === "QUEUED" ? t("reach_text_soon") : t("reach_sent");
  return t("reach_waiting");
}

/**
 * @param {CalledHelper[]} helpers @param {Reach[]} reach
 * @param {(uuid: string) => void} confirm a helper who was sent has said yes to the dispatcher
 */
export function ledger(helpers, reach, confirm) {
  const byPerson = group(reach);
  const order = (/** @type {CalledHelper} */ one) =>
    COMING.includes(one.status) ? 0 : one.status === "ASSIGNED" ? 1 : REFUSED.includes(one.status) ? 3 : 2;
  const sorted = [...helpers].sort((a, b) => order(a) - order(b) || (far(a) ?? Infinity) - (far(b) ?? Infinity));
  return h("ul", { class: "ledger" }, ...sorted.map((helper) => row(helper, byPerson.get(helper.uuid) ?? [], confirm)));
}

/** @param {Reach[]} reach */
function group(reach) {
  /** @type {Map<string | null, Reach[]>} */
  const found = new Map();
  for (const one of reach) found.set(one.person, [...(found.get(one.person) ?? []), one]);
  return found;
}

/** @param {CalledHelper} helper */
function far(helper) {
  return helper.distance_now_m ?? helper.distance_m;
}

/** @param {CalledHelper} helper @param {Reach[]} messages @param {(uuid: string) => void} confirm */
function row(helper, messages, confirm) {
  const marks = marksOf(helper, messages);
  const kind = COMING.includes(helper.status) ? "coming" : REFUSED.includes(helper.status) ? "refused" : "called";
  const isSent = helper.status === "ASSIGNED";
  const caution = named("caution", helper.caution);
  const told = [far(helper) === null ? "" : distance(far(helper)), isSent && named("alert", helper.status), marks.words, caution]
    .filter(Boolean).join(" · ");
  return h(
    "li",
    { class: `person ${kind}` },
    h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[kind]),
    h(
      "span",
      { class: "told" },
      helper.full_name || helper.uuid.slice(0, 8),
      helper.phone_number && h("a", { class: "call", href: `tel:${helper.phone_number}` }, helper.phone_number),
      h("small", {}, told),
      isSent && h("button", { type: "button", class: "btn", "data-action": `confirm-${helper.uuid}`, onclick: () => confirm(helper.uuid) }, t("do_confirm")),
    ),
    reachMarks(marks),
  );
}

/** @param {Marks} marks */
function reachMarks(marks) {
  const steps = /** @type {const} */ (["sent", "received", "read", "answered"]);
  const spoken = steps.map((step) => `${t(`step_${step}`)}: ${t(`mark_${marks[step]}`)}`).join(", ");
  const bars = steps.map((step) => h("i", { class: marks[step], title: t(`step_${step}`) }));
  return h("span", { class: "reach", role: "img", "aria-label": spoken }, ...bars);
}
