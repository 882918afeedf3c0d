/** The server's time, whatever the computer's clock says: told with each answer, carried on by a clock that never jumps. */

export class Clock {
  #offset = 0;
  #best = Infinity;

  /** @param {() => number} [steady] milliseconds that only grow */
  constructor(steady = () => performance.now()) {
    this.steady = steady;
    this.#offset = Date.now() - steady();
  }

  /**
   * The server said that it was `iso`, in an answer that took `tookMs` there and back. The quickest answers are believed
   * most; an old belief fades, so that a clock corrected on the server is followed.
   * @param {string} iso
   * @param {number} tookMs
   */
  learn(iso, tookMs) {
    this.#best = Math.min(this.#best * 1.05 + 1, Infinity);
    if (tookMs > this.#best) return;
    this.#best = tookMs;
    this.#offset = Date.parse(iso) + tookMs / 2 - this.steady();
  }

  /** Milliseconds since 1970 on the server. */
  now() {
    return this.steady() + this.#offset;
  }

  /** Seconds since then. @param {string} iso */
  since(iso) {
    return (this.now() - Date.parse(iso)) / 1000;
  }
}
