/** Keeps the store true: all open events first, then the feed, and the cards of whatever the feed says has changed. */

import { Refusal } from "./api.js";
import { Feed } from "./feed.js";

/**
 * @typedef {import("./types.js").Message} Message
 * @typedef {import("./feed.js").LinkState} LinkState
 * @typedef {{changed(uids: string[]): void, link(state: LinkState, rttMs: number | null): void}} Listeners
 */

const AT_ONCE = 100; // cards in one question: an address may have 8 KB
const SOON_MS = 150;
const REST = 2; // between two questions, as a multiple of how long the last one took
const ANEW_MS = 60_000; // everything is asked for again: who is on duty, and the watches' batteries, are in no message

export class Sync {
  #asking = false;
  #restsUntil = 0; // by performance.now()
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #soon;

  /**
   * @param {import("./api.js").Api} api
   * @param {import("./store.js").Store} store
   * @param {import("./clock.js").Clock} clock
   * @param {Listeners} listeners
   */
  constructor(api, store, clock, listeners) {
    this.api = api;
    this.store = store;
    this.clock = clock;
    this.listeners = listeners;
    const url = `${location.protocol.replace("http", "ws")}//${location.host}/ws/sos_events/`;
    this.feed = new Feed(url, {
      after: () => store.seq,
      message: (message) => this.#take(message),
      state: (state) => listeners.link(state, null),
      pong: (iso, tookMs) => {
        clock.learn(iso, tookMs);
        listeners.link("live", tookMs);
      },
    });
  }

  /** Asks for the queue until it comes, then follows the feed. */
  async start() {
    while (!(await this.#askAnew())) {
      this.listeners.link("lost", null);
      await pause(1000);
    }
    this.feed.start();
    setInterval(() => this.#askAnew(), ANEW_MS);
    addEventListener("online", () => this.feed.hurry());
  }

  /** Asks for these cards soon, as when the dispatcher has changed them. @param {string} uid */
  refresh(uid) {
    this.store.putBack([uid]);
    clearTimeout(this.#soon);
    this.#soon = undefined;
    this.#restsUntil = 0;
    this.#ask();
  }

  /** @param {Message} message */
  #take(message) {
    const uid = this.store.take(message, this.clock.now());
    if (!uid) return;
    if (message.type === "sos_event") this.listeners.changed([uid]);
    this.#ask();
  }

  /** A question that is to come is not put off by what comes meanwhile: it would never come on a busy night. */
  #ask() {
    if (this.#asking || this.#soon !== undefined || !this.store.isDirty) return;
    const wait = Math.max(SOON_MS, this.#restsUntil - performance.now());
    this.#soon = setTimeout(() => this.#askCards(), wait);
  }

  async #askCards() {
    this.#soon = undefined;
    const uids = this.store.takeDirty(AT_ONCE);
    this.#asking = true;
    const began = performance.now();
    try {
      const queue = await this.api.get("/console/queue/", { event: uids });
      this.store.putCards(queue.events);
      this.listeners.changed(uids);
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      this.store.putBack(uids);
      await pause(1000);
    } finally {
      this.#asking = false;
      this.#restsUntil = performance.now() + REST * (performance.now() - began);
      this.#ask();
    }
  }

  /** Never beside another question: of two answers the older one could come last. */
  async #askAnew() {
    while (this.#asking) await pause(SOON_MS);
    this.#asking = true;
    const began = performance.now();
    try {
      const queue = await this.api.get("/console/queue/");
      this.clock.learn(queue.server_time, performance.now() - began);
      this.store.putQueue(queue);
      this.listeners.changed([...this.store.events.keys()]);
      return true;
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      return false;
    } finally {
      this.#asking = false;
      this.#ask();
    }
  }
}

/** @param {number} ms */
function pause(ms) {
  return new Promise((done) => setTimeout(done, ms));
}
