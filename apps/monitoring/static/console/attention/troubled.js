/** Watches that are silent or low: a count in the header, a list behind it. */

import { tell } from "../events/dialogs.js";
import { Refusal } from "../link/api.js";
import { byId, h, write } from "../page/dom.js";
import { ago, t } from "../page/words.js";

/** @typedef {{device_uid: string, wearer_name: string, model: string, battery_level: number | null, is_online: boolean, last_seen_at: string | null}} Troubled */

const EVERY_MS = 60_000;

export class TroubledDevices {
  /** @type {Troubled[]} */
  #devices = [];

  /** @param {import("../link/api.js").Api} api @param {import("../link/clock.js").Clock} clock */
  constructor(api, clock) {
    this.api = api;
    this.clock = clock;
    byId("troubled").addEventListener("click", () => this.#tell());
  }

  start() {
    this.#ask();
    setInterval(() => this.#ask(), EVERY_MS);
  }

  async #ask() {
    try {
      const answer = await this.api.get("/devices/troubled/");
      this.#devices = answer.results;
      write(byId("troubled-count"), String(answer.count));
      byId("troubled").hidden = answer.count === 0;
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
    }
  }

  #tell() {
    const rows = this.#devices.map((device) =>
      h("tr", {}, h("td", {}, device.wearer_name || device.device_uid), h("td", {}, device.model || device.device_uid),
        h("td", {}, device.is_online ? t("online") : t("offline")),
        h("td", {}, device.battery_level === null ? "" : t("battery_n", { n: device.battery_level })),
        h("td", {}, device.last_seen_at ? ago(this.clock.since(device.last_seen_at)) : "")));
    tell(t("troubled_title"), [h("table", {}, h("tbody", {}, ...rows))]);
  }
}
