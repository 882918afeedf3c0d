/** The field in which a dispatcher writes a note: what is not stored yet stays with its event, whichever is looked at. */

import { byId } from "../page/dom.js";

export class Notes {
  #field = /** @type {HTMLTextAreaElement} */ (byId("note"));
  #button = /** @type {HTMLButtonElement} */ (byId("note-send"));
  /** @type {Map<string, string>} by the event's uid */
  #drafts = new Map();
  /** @type {Set<string>} the events whose notes are on their way: a second click stores nothing twice */
  #sending = new Set();
  /** @type {string | null} */
  #uid = null;

  /** @param {(uid: string, text: string) => Promise<boolean>} store true when it has been stored */
  constructor(store) {
    this.store = store;
    this.#field.addEventListener("input", () => {
      if (this.#uid) this.#drafts.set(this.#uid, this.#field.value);
    });
    byId("note-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
  }

  /** Turns to an event, with what was being written about it. @param {string} uid */
  show(uid) {
    if (uid === this.#uid) return;
    this.#uid = uid;
    this.#refresh();
  }

  async #send() {
    const uid = this.#uid;
    const draft = this.#field.value;
    if (!uid || !draft.trim() || this.#sending.has(uid)) return;
    this.#sending.add(uid);
    this.#refresh();
    try {
      const isStored = await this.store(uid, draft.trim());
      if (isStored && this.#drafts.get(uid) === draft) this.#drafts.delete(uid);
    } finally {
      this.#sending.delete(uid);
      this.#refresh();
    }
  }

  #refresh() {
    const draft = this.#uid ? (this.#drafts.get(this.#uid) ?? "") : "";
    if (this.#field.value !== draft) this.#field.value = draft;
    this.#button.disabled = this.#uid !== null && this.#sending.has(this.#uid);
  }
}
