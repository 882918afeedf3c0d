/** Catches the eye of a dispatcher who looks elsewhere: the window's title, and the desktop's notifications. */

import { named, t } from "../page/words.js";

/** @typedef {import("../link/types.js").Card} Card */

export class Attention {
  /** @type {Map<string, Notification | null>} null where the browser was not to show it */
  #shown = new Map();

  /** @param {(uid: string) => void} choose */
  constructor(choose) {
    this.choose = choose;
  }

  /** Asks the browser; to be called from a click. */
  async allow() {
    if ("Notification" in window && Notification.permission === "default") await Notification.requestPermission();
    for (const [uid, notification] of this.#shown) if (!notification) this.#shown.delete(uid);
  }

  /** @param {Card[]} alarming @param {boolean} isLost nothing is heard from the server */
  show(alarming, isLost) {
    const alarm = alarming.length ? `(${alarming.length}) ${t("title_alarm")}` : t("title");
    const title = isLost ? `${t("title_lost")} · ${alarm}` : alarm;
    if (document.title !== title) document.title = title;
    const uids = new Set(alarming.map((card) => card.event_uid));
    for (const [uid, notification] of this.#shown)
      if (!uids.has(uid)) {
        notification?.close();
        this.#shown.delete(uid);
      }
    for (const card of alarming) if (!this.#shown.has(card.event_uid)) this.#notify(card);
  }

  /** No name and no place: a lock screen may show it. @param {Card} card */
  #notify(card) {
    this.#shown.set(card.event_uid, null);
    if (!("Notification" in window) || Notification.permission !== "granted") return;
    const text = `${named("type", card.detected_type)} · ${t("severity", { n: card.severity })}`;
    const title = card.is_drill ? `${t("drill")}: ${t("new_event")}` : t("new_event");
    const notification = new Notification(title, { body: text, tag: card.event_uid, requireInteraction: true });
    notification.onclick = () => {
      window.focus();
      this.choose(card.event_uid);
    };
    this.#shown.set(card.event_uid, notification);
  }
}
