/** The queue: a card for each event, the most urgent first. */

import { isAlarming, isUnconfirmed, toneOf } from "../link/store.js";
import { byId, fill, h, write } from "../page/dom.js";
import { age, distance, named, t } from "../page/words.js";

/**
 * @typedef {import("../link/types.js").Card} Card
 * @typedef {import("../link/types.js").Tone} Tone
 * @typedef {{element: HTMLElement, button: HTMLButtonElement, age: HTMLElement, card: Card | null, state: string, drawn: string}} Row
 */

const NEW_AT_ONCE = 50; // so that a frame is never late for a full list

export class Queue {
  /** @type {Map<string, Row>} */
  #rows = new Map();
  #list = byId("queue");
  #empty = byId("queue-empty");
  #hidden = byId("queue-hidden");

  /** @param {(uid: string) => void} choose @param {() => void} showAll */
  constructor(choose, showAll) {
    this.choose = choose;
    this.#hidden.addEventListener("click", showAll);
  }

  /**
   * @param {Card[]} all in order @param {number} hidden how many open events are not among them
   * @param {string | null} chosen @param {number} now
   * @returns {boolean} whether that was all: of many new ones the rest is for the next time
   */
  draw(all, hidden, chosen, now) {
    let room = NEW_AT_ONCE;
    const cards = all.filter(({ event_uid }) => this.#rows.has(event_uid) || room-- > 0);
    const gone = new Set(this.#rows.keys());
    for (const card of cards) {
      gone.delete(card.event_uid);
      this.#drawRow(card, card.event_uid === chosen, now);
    }
    for (const uid of gone) {
      this.#rows.get(uid)?.element.remove();
      this.#rows.delete(uid);
    }
    this.#arrange(cards);
    this.#empty.hidden = cards.length > 0 || hidden > 0;
    this.#hidden.hidden = hidden === 0;
    write(this.#hidden, t("hidden_n", { n: hidden }));
    return cards.length === all.length;
  }

  /** Only the figures that never stand still. @param {Card[]} cards @param {number} now */
  tick(cards, now) {
    for (const card of cards) {
      const row = this.#rows.get(card.event_uid);
      if (row) write(row.age, ageOf(card, now));
    }
  }

  /** @param {string} uid */
  reveal(uid) {
    this.#rows.get(uid)?.element.scrollIntoView({ block: "nearest" });
  }

  /** @param {Card} card @param {boolean} isChosen @param {number} now */
  #drawRow(card, isChosen, now) {
    const row = this.#rows.get(card.event_uid) ?? this.#newRow(card.event_uid);
    const tone = toneOf(card, now);
    const state = stateOf(card, tone, now);
    row.button.className = `card ${tone}${isAlarming(card, now) ? " alarming" : ""}`;
    row.button.setAttribute("aria-current", String(isChosen));
    if (card === row.card && state === row.state) return;
    row.card = card;
    row.state = state;
    const [who, what, chips] = [shortName(card), whatOf(card), chipsOf(card, state)];
    const drawn = JSON.stringify([who, what, chips]);
    if (drawn === row.drawn) return; // what has changed is not told here
    row.drawn = drawn;
    fill(
      row.button,
      h("span", { class: "who" }, who),
      row.age,
      h("span", { class: "what" }, what),
      h("span", { class: "chips" }, ...chips.map(([kind, words]) => h("span", { class: kind }, words))),
    );
    write(row.age, ageOf(card, now));
  }

  /** @param {string} uid @returns {Row} */
  #newRow(uid) {
    const button = h("button", { type: "button", class: "card", onclick: () => this.choose(uid) });
    const row = { element: h("li", {}, button), button, age: h("span", { class: "age" }), card: null, state: "", drawn: "" };
    row.element.dataset.uid = uid;
    this.#rows.set(uid, row);
    return row;
  }

  /** Moves as few as possible, and keeps the keyboard's place. @param {Card[]} cards */
  #arrange(cards) {
    const focused = document.activeElement;
    const elements = cards.map(({ event_uid }) => /** @type {Row} */ (this.#rows.get(event_uid)).element);
    const places = new Map([...this.#list.children].map((element, place) => [element, place]));
    const stay = longestRise(elements.map((element) => places.get(element) ?? -1));
    let after = null;
    for (let at = elements.length - 1; at >= 0; at -= 1) {
      const element = /** @type {HTMLElement} */ (elements[at]);
      if (!stay.has(at)) this.#list.insertBefore(element, after);
      after = element;
    }
    if (focused instanceof HTMLElement && focused !== document.activeElement) focused.focus({ preventScroll: true });
  }
}

/**
 * Where the longest rising run of numbers stands, gaps between them allowed; negative numbers belong to none.
 * @param {number[]} numbers each at most once, but for negative ones
 * @returns {Set<number>}
 */
export function longestRise(numbers) {
  const ends = /** @type {number[]} */ ([]); // of the runs of each length, where the one stands that ends lowest
  const before = /** @type {(number | undefined)[]} */ ([]);
  for (const [at, number] of numbers.entries()) {
    if (number < 0) continue;
    const length = ends.findLastIndex((end) => (numbers[end] ?? 0) < number) + 1;
    ends[length] = at;
    before[at] = ends[length - 1];
  }
  const found = new Set();
  for (let at = ends.at(-1); at !== undefined; at = before[at]) found.add(at);
  return found;
}

/** @param {Card} card @param {number} now */
export function ageOf(card, now) {
  const until = card.closed_at ? Date.parse(card.closed_at) : now;
  return age((until - Date.parse(card.received_at)) / 1000);
}

/** Of whoever needs help; else what tells them apart. @param {Card} card */
export function nameOf(card) {
  return card.wearer_name || card.wearer?.phone_number || card.device?.device_uid || t("unknown_person");
}

/** Surname shortened: Дильноза К. @param {Card} card */
export function shortName(card) {
  const [first, second] = card.wearer_name.split(/\s+/);
  if (!first) return nameOf(card);
  return second ? `${first} ${second.slice(0, 1)}.` : first;
}

/** What has happened, in words. @param {Card} card */
export function whatOf(card) {
  const parts = [named("type", card.detected_type), t("severity", { n: card.severity })];
  if (card.lat === null) parts.push(t("no_place"));
  return parts.join(" · ");
}

/** The state in words, then the numbers that matter in it. @param {Card} card @param {string} state */
function chipsOf(card, state) {
  const { people } = card;
  const marks = [card.is_drill && t("drill"), card.is_test && card.resolved && t("test"), card.silent && t("silent"), card.stale_credential && t("stale")].filter(Boolean);
  const counts = people.accepted
    ? [card.nearest_m !== null && t("nearest", { far: distance(card.nearest_m) })]
    : [
        people.called > 0 && t("called_n", { n: people.called }),
        people.reached > 0 && t("reached_n", { n: people.reached }),
        people.declined > 0 && t("declined_n", { n: people.declined }),
      ];
  const battery = card.device?.battery_level ?? null;
  const more = [
    card.handed_over_to && t("handed_over_n", { n: card.handed_over_to }),
    card.halted && named("halt", card.halted),
    battery !== null && battery <= 15 && t("battery_n", { n: battery }),
    card.device && !card.device.is_online && t("offline"),
    !card.resolved && card.acknowledged_by && t("taken_by", { name: card.acknowledged_by.full_name }),
  ];
  const plain = [...counts, ...more].filter(Boolean);
  return [["chip state", state], ...marks.map((mark) => ["chip mark", mark]), ...plain.map((words) => ["chip", words])];
}

/** The colour's meaning in words. @param {Card} card @param {Tone} tone @param {number} now */
export function stateOf(card, tone, now) {
  if (card.resolved) return card.outcome ? named("outcome", card.outcome) : named("status", card.status);
  if (isUnconfirmed(card, now)) {
    const seconds = Math.ceil((Date.parse(card.unconfirmed_until ?? "") - now) / 1000);
    return t("unconfirmed_n", { n: seconds });
  }
  if (tone === "green") return t("on_scene_n", { n: card.people.on_scene });
  if (tone === "amber") return card.people.accepted ? t("coming_n", { n: card.people.accepted }) : t("all_done");
  return card.is_test ? t("test") : t("nobody_yet");
}
