/** Who is near the chosen event but may not be called, and why: asked for only when a dispatcher unfolds it. */

import { Refusal } from "../link/api.js";
import { byId, fill, h } from "../page/dom.js";
import { distance, named, t } from "../page/words.js";

/**
 * @typedef {import("../link/types.js").Card} Card
 * @typedef {import("../link/types.js").PassedOver} PassedOver
 */

export class PassedOverList {
  #details = /** @type {HTMLDetailsElement} */ (byId("passed-over"));
  #list = byId("passed-over-list");
  /** @type {string | null} */
  #uid = null;

  /** @param {import("../link/api.js").Api} api */
  constructor(api) {
    this.api = api;
    this.#details.addEventListener("toggle", () => {
      if (this.#details.open) this.#ask();
    });
  }

  /** Turns to an event, folded; nobody is called to one that is closed or has no place. @param {Card} card */
  show(card) {
    this.#details.hidden = card.resolved || card.lat === null;
    if (this.#details.hidden || card.event_uid !== this.#uid) this.#details.open = false;
    this.#uid = card.event_uid;
  }

  async #ask() {
    const uid = this.#uid;
    fill(this.#list, quiet(t("loading")));
    const shown = await this.#answer(`/sos/${uid}/passed-over/`);
    if (this.#uid === uid) fill(this.#list, shown);
  }

  /** @param {string} path */
  async #answer(path) {
    try {
      return list(await this.api.get(path));
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      return h("p", { class: "error", role: "alert" }, refusal.status ? refusal.why : t("no_answer"));
    }
  }
}

/** @param {PassedOver[]} people the nearest first */
function list(people) {
  if (!people.length) return quiet(t("nobody_passed_over"));
  return h("ul", { class: "passed-over" }, ...people.map((one) =>
    h("li", {}, h("span", {}, one.full_name || one.uuid.slice(0, 8), one.phone_number && h("a", { class: "call", href: `tel:${one.phone_number}` }, one.phone_number)),
      h("small", {}, `${distance(one.distance_m)} · ${named("why_not", one.reason)}`))));
}

/** @param {string} words */
function quiet(words) {
  return h("p", { class: "quiet" }, words);
}
