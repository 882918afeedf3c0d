/** What is asked before something is done: native dialogs, which keep the keyboard inside and close with Escape. */

import { Refusal } from "../link/api.js";
import { byId, fill, h } from "../page/dom.js";
import { distance, named, t, timeOfDay } from "../page/words.js";
import { nameOf, whatOf } from "./queue.js";

/**
 * @typedef {import("../link/types.js").Card} Card
 * @typedef {import("../link/types.js").FreeHelper} FreeHelper
 * @typedef {import("../page/dom.js").Child} Child
 */

const OUTCOMES = ["HELPED", "FALSE_ALARM", "NO_HELP_NEEDED", "HANDED_OVER"];
const SERVICES = ["103", "102", "101", "112"];

/**
 * Shows a dialog; done with its fields when it is confirmed. A refusal is told inside, and it stays open.
 * @param {string} title
 * @param {Child[]} children
 * @param {string} confirm the button's words
 * @param {(fields: FormData) => Promise<unknown>} act
 * @param {{about?: Card, needs?: string}} [more] the event, so that nobody decides about another; the field that must be
 *   chosen: nothing is chosen beforehand, so that Enter alone does nothing
 */
function ask(title, children, confirm, act, { about, needs } = {}) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("dialog"));
  const error = h("p", { class: "error", role: "alert" });
  const go = h("button", { type: "submit", class: "btn primary" }, confirm);
  const form = h(
    "form",
    {
      onsubmit: async (/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        if (needs && !new FormData(form).has(needs)) return fill(error, t("choose_first"));
        go.disabled = true;
        try {
          await act(new FormData(form));
          dialog.close();
        } catch (refusal) {
          if (!(refusal instanceof Refusal)) throw refusal;
          fill(error, refusal.status ? refusal.why : t("no_server"));
        } finally {
          go.disabled = false;
        }
      },
    },
    h("h2", { id: "dialog-title" }, title),
    about && patient(about),
    ...children,
    error,
    h("div", { class: "buttons" }, h("button", { type: "button", class: "btn quiet", onclick: () => dialog.close() }, t("cancel")), go),
  );
  fill(dialog, form);
  dialog.showModal();
}

/** Whom it is about. @param {Card} card */
function patient(card) {
  return h("p", { class: "about" }, h("strong", {}, nameOf(card)), ` · ${whatOf(card)} · ${timeOfDay(card.received_at)}`);
}

/**
 * @param {string} name
 * @param {string[]} values
 * @param {(value: string) => string} words
 */
function choice(name, values, words) {
  return values.map((value, at) =>
    h("label", { class: "choice" }, h("input", { type: "radio", name, value, autofocus: at === 0 }), words(value)));
}

/** @param {Card} about @param {(body: {outcome: string, note: string}) => Promise<unknown>} act */
export function askOutcome(about, act) {
  const note = h("label", { class: "field" }, t("note"), h("textarea", { name: "note", rows: 3, maxlength: 2000 }));
  ask(t("ask_outcome"), [...choice("outcome", OUTCOMES, (value) => named("outcome", value)), note], t("do_resolve"), (fields) =>
    act({ outcome: String(fields.get("outcome")), note: String(fields.get("note") ?? "") }), { about, needs: "outcome" });
}

/** @param {Card} about @param {(to: string) => Promise<unknown>} act */
export function askService(about, act) {
  ask(t("ask_service"), choice("to", SERVICES, (value) => named("service", value)), t("do_handover"), (fields) =>
    act(String(fields.get("to"))), { about, needs: "to" });
}

/** @param {Card} about @param {FreeHelper[]} helpers @param {(uuid: string) => Promise<unknown>} act */
export function askHelper(about, helpers, act) {
  const byId = new Map(helpers.map((helper) => [helper.uuid, helper]));
  const words = (/** @type {string} */ uuid) => {
    const helper = byId.get(uuid);
    if (!helper) return uuid;
    const far = helper.distance_m === null ? "" : distance(helper.distance_m);
    return [helper.full_name, far, helper.phone_number, named("caution", helper.caution)].filter(Boolean).join(" · ");
  };
  if (!helpers.length) return tell(t("ask_helper"), [patient(about), h("p", {}, t("nobody_free"))]);
  ask(t("ask_helper"), [h("div", { class: "choices" }, ...choice("helper", [...byId.keys()], words))], t("do_assign"), (fields) =>
    act(String(fields.get("helper"))), { about, needs: "helper" });
}

/** @param {Card} about @param {(reason: string) => Promise<unknown>} act */
export function askWhy(about, act) {
  const field = h("label", { class: "field" }, t("reason_field"), h("input", { name: "reason", required: true, minlength: 3, maxlength: 200, autofocus: true }));
  ask(t("ask_why"), [h("p", {}, t("why_told")), field], t("do_why"), (fields) => act(String(fields.get("reason"))), { about });
}

/** @param {{lat: number, lon: number}} at the map's middle @param {(body: object) => Promise<unknown>} act */
export function askDrill(at, act) {
  const field = (/** @type {string} */ name, /** @type {number} */ value, /** @type {number} */ most) =>
    h("label", { class: "field" }, t(name), h("input", { name, type: "number", step: "any", min: -most, max: most, required: true, value: value.toFixed(5) }));
  const severity = h("label", { class: "field" }, t("severity_field"), h("input", { name: "severity", type: "number", min: 1, max: 5, required: true, value: 3 }));
  ask(t("ask_drill"), [h("p", {}, t("drill_explained")), field("lat", at.lat, 90), field("lon", at.lon, 180), severity], t("do_drill"), (fields) =>
    act({ lat: Number(fields.get("lat")), lon: Number(fields.get("lon")), severity: Number(fields.get("severity")) }));
}

/** Shows something to read. @param {string} title @param {Child[]} children */
export function tell(title, children) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("dialog"));
  const close = h("button", { type: "button", class: "btn primary", autofocus: true, onclick: () => dialog.close() }, t("close"));
  fill(dialog, h("h2", { id: "dialog-title" }, title), ...children, h("div", { class: "buttons" }, close));
  dialog.showModal();
}
