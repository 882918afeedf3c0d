/** The server's feed over a WebSocket: it comes back by itself, goes on after the last message, and knows when it is dead. */

/**
 * @typedef {import("./types.js").Message} Message
 * @typedef {"connecting" | "live" | "lost" | "signed_out" | "no_dispatcher"} LinkState
 * @typedef {object} Listeners
 * @property {() => number} after  the last position taken
 * @property {(message: Message) => void} message
 * @property {(state: LinkState) => void} state
 * @property {(iso: string, tookMs: number) => void} pong  the server's clock, and how long the way there and back took
 */

const PING_EVERY_MS = 2000;
const DEAD_AFTER_MS = 6000; // without a word: below the ten seconds within which the page must say so
const WAITS_MS = [250, 500, 1000, 2000, 4000];
const ENDS = /** @type {Record<number, LinkState>} */ ({ 4401: "signed_out", 4403: "no_dispatcher" });

export class Feed {
  /** @type {WebSocket | null} */
  #socket = null;
  #tries = 0;
  #heardAt = 0;
  #pingedAt = 0;
  #isAsked = false; // whether a ping's answer is under way
  /** @type {LinkState} */
  #state = "connecting";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #waiting;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #pulse;

  /** @param {string} url @param {Listeners} listeners @param {typeof WebSocket} [Socket] */
  constructor(url, listeners, Socket = WebSocket) {
    this.url = url;
    this.listeners = listeners;
    this.Socket = Socket;
  }

  start() {
    this.#heardAt = performance.now();
    this.#pulse = setInterval(() => this.#beat(), PING_EVERY_MS);
    this.#open();
  }

  stop() {
    clearInterval(this.#pulse);
    clearTimeout(this.#waiting);
    this.#drop();
  }

  /** Tries at once, as when the computer is back on a network. */
  hurry() {
    if (this.#socket || this.#isEnded) return;
    this.#tries = 0;
    this.#open();
  }

  get #isEnded() {
    return Object.values(ENDS).includes(this.#state);
  }

  #open() {
    clearTimeout(this.#waiting);
    const socket = new this.Socket(`${this.url}?after=${this.listeners.after()}`);
    this.#socket = socket;
    socket.onopen = () => this.#ping();
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(data));
    socket.onclose = ({ code }) => this.#closed(code);
  }

  /** @param {any} message */
  #hear(message) {
    this.#heardAt = performance.now();
    this.#tries = 0;
    this.#become("live");
    if (message.type !== "pong") this.listeners.message(message);
    else if (this.#isAsked) {
      this.#isAsked = false;
      this.listeners.pong(message.at, this.#heardAt - this.#pingedAt);
    }
  }

  /** @param {number} code */
  #closed(code) {
    this.#drop();
    const end = ENDS[code];
    if (end) {
      this.#become(end);
      this.stop();
      return;
    }
    const wait = WAITS_MS[Math.min(this.#tries, WAITS_MS.length - 1)] ?? 0;
    this.#tries += 1;
    this.#waiting = setTimeout(() => this.#open(), wait * (0.5 + Math.random()));
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    this.#isAsked = false;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #beat() {
    if (performance.now() - this.#heardAt > DEAD_AFTER_MS) this.#become("lost");
    const isSilent = performance.now() - Math.max(this.#heardAt, this.#pingedAt) > DEAD_AFTER_MS;
    if (this.#socket && isSilent) this.#closed(0);
    else this.#ping();
  }

  #ping() {
    if (this.#socket?.readyState !== this.Socket.OPEN) return;
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#pingedAt = performance.now();
    this.#socket.send("ping");
  }

  /** @param {LinkState} state */
  #become(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.listeners.state(state);
  }
}
