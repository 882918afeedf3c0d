/** What the page knows: the events, which is chosen, how the link stands. No DOM, no network, no clock of its own. */

/**
 * @typedef {import("./types.js").Card} Card
 * @typedef {import("./types.js").Message} Message
 * @typedef {import("./types.js").Tone} Tone
 * @typedef {import("./types.js").Filter} Filter
 */

export const LINGERS_S = 60; // a closed event stays in the queue for so long

const NOBODY = { called: 0, reached: 0, accepted: 0, en_route: 0, on_scene: 0, declined: 0 };

export class Store {
  /** @type {Map<string, Card>} */
  events = new Map();
  /** @type {string | null} */
  chosen = null;
  /** @type {Filter} */
  filter = "open";
  words = "";
  seq = 0;
  onDuty = { helpers: 0, dispatchers: 0 };
  /** @type {Set<string>} */
  #dirty = new Set();

  /**
   * Takes one message of the feed; what came before is not taken twice.
   * @param {Message} message
   * @param {number} now
   * @returns {string | null} the event it was about, null when it was known or about none
   */
  take(message, now) {
    if (message.seq <= this.seq) return null;
    this.seq = message.seq;
    const uid = message.payload.event_uid;
    if (!uid) return null;
    if (message.type === "sos_event" && !this.events.has(uid)) this.events.set(uid, firstCard(message, now));
    this.#dirty.add(uid);
    return uid;
  }

  /** The events whose cards have to be asked for again; they are then no longer. @param {number} most */
  takeDirty(most) {
    const some = [...this.#dirty].slice(0, most);
    for (const uid of some) this.#dirty.delete(uid);
    return some;
  }

  /** Asking has failed. @param {string[]} uids */
  putBack(uids) {
    for (const uid of uids) this.#dirty.add(uid);
  }

  get isDirty() {
    return this.#dirty.size > 0;
  }

  /** @param {Card[]} cards */
  putCards(cards) {
    for (const card of cards) this.events.set(card.event_uid, card);
  }

  /** All open events anew, as of a position in the journal. @param {import("./types.js").Queue} queue */
  putQueue(queue) {
    const open = new Set(queue.events.map((card) => card.event_uid));
    for (const [uid, card] of this.events) if (!card.resolved && !open.has(uid)) this.#dirty.add(uid);
    this.putCards(queue.events);
    this.onDuty = queue.on_duty;
    this.seq = Math.max(this.seq, queue.seq);
  }

  /** Forgets what was closed a while ago, unless it is looked at. @param {number} now milliseconds */
  forget(now) {
    for (const [uid, card] of this.events)
      if (card.closed_at && uid !== this.chosen && now - Date.parse(card.closed_at) > LINGERS_S * 1000)
        this.events.delete(uid);
  }

  /** What the queue shows, the most urgent first. @param {number} now @param {string} me the dispatcher's uuid */
  shown(now, me) {
    return [...this.events.values()]
      .filter((card) => this.#isShown(card, now, me))
      .map((card) => ({ card, key: urgency(card, now) }))
      .sort((a, b) => compare(a.key, b.key))
      .map(({ card }) => card);
  }

  /** How many open events the filter and the words keep from the queue. @param {number} now @param {string} me */
  hidden(now, me) {
    return [...this.events.values()].filter((card) => !card.resolved && !this.#isShown(card, now, me)).length;
  }

  /** What asks for a dispatcher is shown whatever is looked for. @param {Card} card @param {number} now @param {string} me */
  #isShown(card, now, me) {
    const words = this.words.toLowerCase();
    return isWanting(card, now) || (passes(card, this.filter, me) && (!words || textOf(card).includes(words)));
  }

  /** How many events each filter shows. @param {string} me */
  counts(me) {
    const cards = [...this.events.values()];
    const count = (/** @type {Filter} */ filter) => cards.filter((card) => passes(card, filter, me) && !card.resolved).length;
    return { open: count("open"), mine: count("mine"), unanswered: count("unanswered"), drills: count("drills") };
  }

  /** The events that must be heard until somebody acknowledges them. @param {number} now */
  alarming(now) {
    return [...this.events.values()].filter((card) => isAlarming(card, now));
  }

  /** The event before or after the chosen one in the queue. @param {number} step @param {number} now @param {string} me */
  beside(step, now, me) {
    const shown = this.shown(now, me);
    if (!shown.length) return null;
    const at = shown.findIndex((card) => card.event_uid === this.chosen);
    const to = at < 0 ? 0 : Math.min(shown.length - 1, Math.max(0, at + step));
    return shown[to]?.event_uid ?? null;
  }
}

/** What is known before the card has been asked for. @param {Message} message @param {number} now @returns {Card} */
function firstCard({ payload }, now) {
  const at = new Date(now).toISOString();
  return {
    event_uid: payload.event_uid ?? "", status: "NEW", resolved: payload.resolved ?? false, outcome: null,
    detected_type: payload.detected_type ?? "OTHER", severity: payload.severity ?? 3,
    is_test: payload.detected_type === "TEST", is_drill: payload.drill ?? false,
    timestamp: at, received_at: at, closed_at: null, signal_count: 1, unconfirmed_until: null, silent: false,
    stale_credential: false, halted: null, handed_over_to: null, acknowledged_at: null, acknowledged_by: null,
    alarm_at: payload.detected_type === "TEST" ? null : at, waves_called: 0, waves: [],
    next_step_at: null, lat: payload.lat ?? null, lon: payload.lon ?? null, accuracy_m: null,
    location_source: "SIGNAL", location_age_s: null, position_at: null, nearest_m: null, people: { ...NOBODY },
    wearer_name: "", wearer: { uuid: "", full_name: "", phone_number: payload.user_phone ?? null },
    device: null,
  };
}

/** @param {Card} card @param {number} now */
export function isUnconfirmed(card, now) {
  return !card.resolved && card.unconfirmed_until !== null && Date.parse(card.unconfirmed_until) > now;
}

/** @param {Card} card @param {number} now @returns {Tone} */
export function toneOf(card, now) {
  if (card.resolved || card.is_test) return "grey";
  if (isUnconfirmed(card, now)) return "blue";
  if (card.people.on_scene) return "green";
  return card.people.accepted || card.halted === "ALL_DONE" ? "amber" : "red";
}

/** The server has decided since when it asks for a dispatcher; acknowledging changes that. @param {Card} card @param {number} now */
export function isAlarming(card, now) {
  return card.alarm_at !== null && Date.parse(card.alarm_at) <= now;
}

/** It sounds, or will unless somebody acknowledges it: nobody has looked after it yet. @param {Card} card @param {number} now */
function isWanting(card, now) {
  return card.alarm_at !== null && (card.acknowledged_at === null || isAlarming(card, now));
}

/** @param {Card} card @param {Filter} filter @param {string} me */
function passes(card, filter, me) {
  if (filter === "mine") return card.acknowledged_by?.uuid === me;
  if (filter === "unanswered") return !card.resolved && !card.is_test && card.people.accepted === 0;
  if (filter === "drills") return card.is_drill || card.is_test;
  return true;
}

/** @param {Card} card */
function textOf(card) {
  const { wearer, device } = card;
  return [card.wearer_name, wearer?.full_name, wearer?.phone_number, device?.device_uid, card.event_uid]
    .join(" ")
    .toLowerCase();
}

const KINDS = ["FALL_DETECTED", "MANUAL_TRIGGER", "OTHER"];

/**
 * Closed ones last, then tests, then drills; whoever nobody comes to before those who are met; then severity; then the
 * longest without an answer; a fall before a button.
 * @param {Card} card @param {number} now
 */
function urgency(card, now) {
  const isMet = card.people.accepted > 0 || card.halted === "ALL_DONE";
  return [
    Number(card.resolved),
    Number(card.is_test),
    Number(card.is_drill),
    Number(isUnconfirmed(card, now)),
    Number(isMet),
    -card.severity,
    Date.parse(card.received_at),
    KINDS.indexOf(card.detected_type),
  ];
}

/** @param {number[]} a @param {number[]} b */
function compare(a, b) {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}
