/** The chosen event: who, where, what has been done, and what to do next. */

import { isAlarming, toneOf } from "../link/store.js";
import { byId, fill, h, write } from "../page/dom.js";
import { ago, dayAndTime, named, t } from "../page/words.js";
import { ledger } from "./ledger.js";
import { PassedOverList } from "./passed.js";
import { ageOf, nameOf, stateOf } from "./queue.js";
import { story } from "./story.js";

/**
 * @typedef {import("../link/types.js").Card} Card
 * @typedef {import("../link/types.js").Detail} Detail
 * @typedef {import("../link/types.js").TimelineEntry} TimelineEntry
 * @typedef {{card: Card, detail: Detail | null, entries: TimelineEntry[]}} Chosen
 * @typedef {"acknowledge" | "wave" | "assign" | "handover" | "resolve" | "reopen" | "why"} Action
 */

const KEYS = /** @type {Partial<Record<Action, string>>} */ ({ acknowledge: "A", wave: "W", assign: "S", resolve: "R" });

export class Panel {
  #panel = byId("panel");
  #empty = byId("panel-empty");
  #age = byId("panel-age");
  #drawn = new Map();

  /**
   * @param {(action: Action) => void} act @param {import("./notes.js").Notes} notes
   * @param {(uuid: string) => void} confirm a helper who was sent has said yes
   * @param {import("../link/api.js").Api} api
   */
  constructor(act, notes, confirm, api) {
    this.act = act;
    this.notes = notes;
    this.confirm = confirm;
    this.passedOver = new PassedOverList(api);
  }

  /** @param {Chosen | null} chosen @param {number} now */
  draw(chosen, now) {
    this.#panel.hidden = !chosen;
    this.#empty.hidden = Boolean(chosen);
    if (!chosen) return;
    const { card, detail, entries } = chosen;
    this.#panel.className = toneOf(card, now);
    this.notes.show(card.event_uid);
    this.passedOver.show(card);
    write(byId("panel-name"), nameOf(card));
    write(byId("panel-state"), stateOf(card, toneOf(card, now), now));
    write(byId("panel-sub"), sub(card));
    const actions = detail?.needs_reason ? [...actionsOf(card, now), /** @type {Action} */ ("why")] : actionsOf(card, now);
    this.#part("panel-actions", actions, () => actions.map((action, at) => this.#button(action, at === 0)));
    this.#part("panel-next", [card.next_step_at, card.halted, card.waves_called, card.resolved], () => next(card));
    this.#part("panel-facts", [card, detail?.device, Math.floor(now / 10_000)], () => facts(card, detail, now));
    this.#part("panel-people", [detail?.helpers, detail?.reach], () => people(detail, this.confirm));
    this.#part("panel-contacts", [detail?.contacts], () => contacts(detail));
    this.#part("panel-others", [detail?.reach, detail?.contacts], () => others(detail));
    this.#part("panel-notes", [detail?.notes], () => notes(detail));
    this.#part("panel-story", [entries], () => [story(entries, namesOf(detail))]);
    this.tick(card, now);
  }

  /** @param {Card} card @param {number} now */
  tick(card, now) {
    write(this.#age, ageOf(card, now));
  }

  /** Draws a part anew only when what it shows has changed: whoever reads or tabs in it is not disturbed.
   * @param {string} id @param {unknown[]} shows @param {() => (Node | string)[]} children */
  #part(id, shows, children) {
    const drawn = JSON.stringify(shows);
    if (this.#drawn.get(id) === drawn) return;
    this.#drawn.set(id, drawn);
    const element = byId(id);
    const focused = element.contains(document.activeElement) ? document.activeElement?.getAttribute("data-action") : null;
    fill(element, ...children());
    if (focused) /** @type {HTMLElement | null} */ (element.querySelector(`[data-action="${focused}"]`))?.focus();
  }

  /** @param {Action} action @param {boolean} isFirst */
  #button(action, isFirst) {
    const key = KEYS[action];
    return h(
      "button",
      { type: "button", class: isFirst ? "btn primary" : "btn", "data-action": action, "aria-keyshortcuts": key, onclick: () => this.act(action) },
      t(`do_${action}`),
      key && h("kbd", { "aria-hidden": "true" }, key),
    );
  }
}

/**
 * What may be done now, the one that moves the event on first. As long as it sounds it can be acknowledged.
 * @param {Card} card @param {number} now @returns {Action[]}
 */
export function actionsOf(card, now) {
  if (card.resolved) return ["reopen"];
  const isSeen = card.acknowledged_at !== null && !isAlarming(card, now);
  const isOver = card.halted === "ALL_DONE" || card.halted === "WEARER_FINE" || card.people.on_scene > 0;
  /** @type {Action[]} */
  const all = isOver ? ["resolve", "assign", "wave", "handover"] : ["wave", "assign", "handover", "resolve"];
  const possible = card.lat === null ? all.filter((one) => one !== "wave") : all;
  return isSeen ? possible : ["acknowledge", ...possible];
}

/** @param {Card} card */
function sub(card) {
  const { device } = card;
  const battery = device?.battery_level ?? null;
  return [
    card.is_drill && t("drill"),
    named("type", card.detected_type),
    t("severity", { n: card.severity }),
    device ? device.model || device.device_uid : t("no_device"),
    battery !== null && t("battery_n", { n: battery }),
    device && !device.is_online && t("offline"),
    card.signal_count > 1 && t("signals_n", { n: card.signal_count }),
  ].filter(Boolean).join(" · ");
}

/** @param {Card} card */
function next(card) {
  if (card.resolved) return card.closed_at ? [t("closed_at", { at: dayAndTime(card.closed_at) })] : [];
  if (card.halted) return [h("strong", {}, named("halt_long", card.halted))];
  const wave = card.waves[card.waves_called];
  const words = card.people.accepted ? t("next_watch") : wave ? t("next_wave", { n: wave.helpers, far: metres(wave.radius_m) }) : t("next_repeat");
  return [words];
}

/** @param {number} value */
function metres(value) {
  return t("kilometres", { n: value / 1000 });
}

/** @param {Card} card @param {Detail | null} detail @param {number} now */
function facts(card, detail, now) {
  const since = (/** @type {string} */ iso) => ago((now - Date.parse(iso)) / 1000);
  const device = detail?.device;
  const phone = device?.wearer_phone || card.wearer?.phone_number;
  /** @type {[string, Node | string | null | undefined | false][]} */
  const pairs = [
    [t("phone"), phone && h("a", { href: `tel:${phone}` }, phone)],
    [t("owner"), card.wearer && card.wearer_name !== card.wearer.full_name && [card.wearer.full_name, card.wearer.phone_number].filter(Boolean).join(", ")],
    [t("place"), place(card, now)],
    [t("address"), detail?.needs_reason ? t("past_hidden") : device?.address_note],
    [t("important"), device?.medical_note && h("strong", {}, device.medical_note)],
    [t("watch_seen"), card.device?.last_seen_at && since(card.device.last_seen_at)],
    [t("taken"), card.acknowledged_by && card.acknowledged_at && `${card.acknowledged_by.full_name}, ${since(card.acknowledged_at)}`],
    [t("handed_over"), card.handed_over_to && named("service", card.handed_over_to)],
    [t("silent"), card.silent && t("silent_long")],
    [t("stale"), card.stale_credential && t("stale_long")],
  ];
  return [h("dl", { class: "kv" }, ...pairs.filter(([, value]) => value).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]))];
}

const OLD_S = 60; // a place measured longer ago says so

/** @param {Card} card @param {number} now */
function place(card, now) {
  if (card.lat === null || card.lon === null) return h("strong", {}, t("no_place"));
  const parts = [`${card.lat.toFixed(5)}, ${card.lon.toFixed(5)}`];
  if (card.accuracy_m !== null) parts.push(t("accuracy_n", { n: Math.round(card.accuracy_m) }));
  const old_s = card.position_at === null ? 0 : (now - Date.parse(card.position_at)) / 1000;
  if (card.location_source === "DEVICE") parts.push(t("last_known", { ago: ago(old_s) }));
  else if (old_s > OLD_S) parts.push(t("measured", { ago: ago(old_s) }));
  return parts.join(" · ");
}

/** @param {Detail | null} detail @param {(uuid: string) => void} confirm */
function people(detail, confirm) {
  if (!detail) return [h("p", { class: "quiet" }, t("loading"))];
  if (!detail.helpers.length) return [h("p", { class: "quiet" }, t("nobody_called"))];
  return [ledger(detail.helpers, detail.reach, confirm)];
}

/** Whom the wearer trusts, to be phoned, and what they were sent. @param {Detail | null} detail */
function contacts(detail) {
  if (!detail) return [h("p", { class: "quiet" }, t("loading"))];
  if (!detail.contacts) return [h("p", { class: "quiet" }, t("past_hidden"))];
  if (!detail.contacts.length) return [h("p", { class: "quiet" }, t("no_contacts"))];
  return [h("ul", { class: "contacts" }, ...detail.contacts.map((one) =>
    h("li", {}, h("span", {}, one.name, h("a", { class: "call", href: `tel:${one.phone_number}` }, one.phone_number)),
      h("small", {}, [named("language", one.language), ...(one.told.length ? one.told.map(message) : [t("contact_untold")])].join(" · ")))))];
}

/** A message and what has become of it. @param {import("../link/types.js").Told} one */
function message(one) {
  return `${named("kind", one.kind)}: ${[named("state", one.state), one.reason].filter(Boolean).join(", ")}`;
}

/** Messages to whom no other part shows: the wearer, dispatchers, former contacts. @param {Detail | null} detail */
function others(detail) {
  const helpers = new Set(detail?.helpers.map((helper) => helper.uuid));
  const shown = new Set(detail?.contacts?.flatMap((contact) => contact.told.map((one) => one.uuid)));
  const rest = detail?.reach.filter((one) => !shown.has(one.uuid) && (one.person === null || !helpers.has(one.person))) ?? [];
  if (!rest.length) return [h("p", { class: "quiet" }, t("nobody_told"))];
  return [h("ul", { class: "told-others" }, ...rest.slice(-20).reverse().map((one) =>
    h("li", {}, h("span", {}, `${one.to} · ${named("kind", one.kind)}`),
      h("small", {}, [named("channel", one.channel), named("state", one.state), one.reason].filter(Boolean).join(" · ")))))];
}

/** @param {Detail | null} detail */
function notes(detail) {
  return detail?.notes.map((note) => h("p", { class: "note" }, note.text, h("small", {}, `${note.author}, ${dayAndTime(note.created_at)}`))) ?? [];
}

/** @param {Detail | null} detail */
function namesOf(detail) {
  return new Map(detail?.helpers.map((helper) => [helper.uuid, helper.full_name]));
}
