/** The alarm: two tones every two seconds, for as long as an event asks for somebody. Browsers allow it after a click. */

const EVERY_MS = 2000;
const TONES_HZ = [880, 660];
const TONE_S = 0.22;

export class Sound {
  /** @type {AudioContext | null} */
  #context = null;
  #lastAt = 0;
  played = 0; // tones so far: whoever tests the page cannot hear it

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

  /** Sounds when it is time to. @param {boolean} isAlarming */
  tick(isAlarming) {
    if (!isAlarming || !this.isArmed || performance.now() - this.#lastAt < EVERY_MS) return;
    this.#lastAt = performance.now();
    TONES_HZ.forEach((hertz, index) => this.#tone(hertz, index * TONE_S));
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
    this.played += 1;
  }
}
