/** What has been: events by time, person, device and outcome, and the report of how soon help came. */

import { byId, fill, h } from "../page/dom.js";
import { age, dayAndTime, duration, named, t } from "../page/words.js";
import { chart } from "./chart.js";

/**
 * @typedef {{event_uid: string, status: string, outcome: string | null, detected_type: string, severity: number,
 *   received_at: string, closed_at: string | null, is_drill: boolean | null, wearer: {full_name: string,
 *   phone_number: string | null} | null, device: {device_uid: string, wearer_name: string} | null}} Past
 * @typedef {{count: number, median_s: number | null, p90_s: number | null, p95_s: number | null}} Step
 * @typedef {Record<"first_push" | "first_receipt" | "first_accept" | "first_on_scene", Step>} Steps
 * @typedef {{total: {events: number, steps: Steps}, days: {day: string, events: number, steps: Steps}[]}} Report
 */

const STEPS = /** @type {const} */ (["first_push", "first_receipt", "first_accept", "first_on_scene"]);

export class History {
  #searches = 0;
  /** @type {string | null} */
  #more = null;

  /** @param {import("../link/api.js").Api} api @param {(uid: string) => void} open */
  constructor(api, open) {
    this.api = api;
    this.open = open;
    byId("search-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.search();
    });
    byId("search-more").addEventListener("click", () => this.#page());
    byId("report-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.report();
    });
  }

  /** The newest page of what the form asks for. */
  async search() {
    this.#searches += 1;
    this.#more = null;
    fill(byId("search-rows"));
    await this.#page();
  }

  async #page() {
    const search = this.#searches;
    const answer = await this.api.get("/sos/", { ...this.#asked(), ...(this.#more ? { cursor: this.#more } : {}) });
    if (search !== this.#searches) return; // something else is looked for by now
    byId("search-rows").append(...answer.results.map((/** @type {Past} */ past) => this.#row(past)));
    this.#more = answer.next ? new URL(answer.next, location.href).searchParams.get("cursor") : null;
    byId("search-more").hidden = this.#more === null;
    byId("search-empty").hidden = byId("search-rows").childElementCount > 0;
  }

  /** @returns {Record<string, string>} */
  #asked() {
    const fields = new FormData(/** @type {HTMLFormElement} */ (byId("search-form")));
    const asked = Object.fromEntries([...fields].map(([name, value]) => [name, String(value).trim()]));
    if (asked.since) asked.since = new Date(`${asked.since}T00:00`).toISOString();
    if (asked.until) asked.until = new Date(new Date(`${asked.until}T00:00`).getTime() + 86_400_000).toISOString();
    return asked;
  }

  /** @param {Past} past */
  #row(past) {
    const name = past.wearer?.full_name || past.wearer?.phone_number || "";
    const took = past.closed_at ? age((Date.parse(past.closed_at) - Date.parse(past.received_at)) / 1000) : "";
    const result = past.outcome ? named("outcome", past.outcome) : named("status", past.status);
    const type = named("type", past.detected_type);
    return h(
      "tr",
      {},
      h("td", {}, h("button", { type: "button", class: "link", onclick: () => this.open(past.event_uid) }, dayAndTime(past.received_at))),
      ...[name, past.device?.device_uid ?? "", past.is_drill ? `${t("drill")} · ${type}` : type, past.severity, result, took].map((text) => h("td", {}, text)),
    );
  }

  /** Draws the report of the days in its form. */
  async report() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const fields = new FormData(/** @type {HTMLFormElement} */ (byId("report-form")));
    const asked = { since: String(fields.get("since") ?? ""), until: String(fields.get("until") ?? ""), zone };
    const report = /** @type {Report} */ (await this.api.get("/reports/response-times/", asked));
    const query = new URLSearchParams(Object.entries(asked).filter(([, value]) => value)).toString();
    /** @type {HTMLAnchorElement} */ (byId("report-csv")).href = `/api/v1/reports/response-times.csv?${query}`;
    fill(byId("report-total"), this.#table(report));
    fill(byId("report-charts"), ...STEPS.map((step) => this.#figure(report, step)));
  }

  /** @param {Report} report */
  #table({ total }) {
    const heads = ["step", "count", "median", "p90", "p95"].map((name) => h("th", { scope: "col" }, t(`report_${name}`)));
    const rows = STEPS.map((step) => {
      const { count, median_s, p90_s, p95_s } = total.steps[step];
      return h("tr", {}, h("th", { scope: "row" }, t(`report_${step}`)), h("td", {}, count), ...[median_s, p90_s, p95_s].map((s) => h("td", {}, duration(s))));
    });
    return h("table", {}, h("caption", {}, t("report_events", { n: total.events })), h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...rows));
  }

  /** @param {Report} report @param {typeof STEPS[number]} step */
  #figure(report, step) {
    const days = report.days.map(({ day, steps }) => ({ day, median: steps[step].median_s, p95: steps[step].p95_s }));
    return h("figure", {}, h("figcaption", {}, t(`report_${step}`)), chart(days, t(`report_${step}`)));
  }
}
