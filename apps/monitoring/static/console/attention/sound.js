/** What is heard every two seconds, for as long as it is so. Browsers allow it after a click. */

/** @typedef {keyof typeof TUNES} Tune */

const EVERY_MS = 2000;
// An event asks for somebody: high and falling. Nothing is heard from the server: low, three times the same.
const TUNES = { sos: [880, 660], lost: [220, 220, 220] };
const TONE_S = 0.22;

export class Sound {
  /** @type {AudioContext | null} */
  #context = null;
  #lastAt = 0;
  played = { sos: 0, lost: 0 }; // how often so far: whoever tests the page cannot hear it

  /** @param {() => void} changed told when it has been armed */
  constructor(changed) {
    this.changed = changed;
  }

  get isArmed() {
    return this.#context?.state === "running";
  }

  /** To be called from a click or a key. */
  async arm() {
    this.#context ??= new AudioContext();
    await this.#context.resume();
    this.#context.onstatechange = this.changed;
    this.changed();
  }

  /** Sounds when it is time to. @param {Tune | null} tune */
  tick(tune) {
    if (!tune || !this.isArmed || performance.now() - this.#lastAt < EVERY_MS) return;
    this.#lastAt = performance.now();
    TUNES[tune].forEach((hertz, index) => this.#tone(hertz, index * TONE_S));
    this.played[tune] += 1;
  }

  /** @param {number} hertz @param {number} inS */
  #tone(hertz, inS) {
    const context = /** @type {AudioContext} */ (this.#context);
    const [from, gain, tone] = [context.currentTime + inS, context.createGain(), context.createOscillator()];
    tone.frequency.value = hertz;
    tone.type = "triangle";
    gain.gain.setValueAtTime(0.0001, from);
    gain.gain.exponentialRampToValueAtTime(0.5, from + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.0001, from + TONE_S);
    tone.connect(gain).connect(context.destination);
    tone.start(from);
    tone.stop(from + TONE_S);
  }
}
