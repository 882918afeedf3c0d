/** The console: puts its parts together. */

import { Attention } from "./attention/attention.js";
import { Sound } from "./attention/sound.js";
import { TroubledDevices } from "./attention/troubled.js";
import { askDrill, askHelper, askOutcome, askService, askWhy, tell } from "./events/dialogs.js";
import { Notes } from "./events/notes.js";
import { Panel, actionsOf } from "./events/panel.js";
import { Queue } from "./events/queue.js";
import { sceneOf } from "./events/scene.js";
import { History } from "./history/history.js";
import { Api, Refusal } from "./link/api.js";
import { Clock } from "./link/clock.js";
import { Store } from "./link/store.js";
import { Sync } from "./link/sync.js";
import { createMap } from "./map/map.js";
import { byId, h, write } from "./page/dom.js";
import { listen } from "./page/keys.js";
import { named, speak, t } from "./page/words.js";

/**
 * @typedef {import("./link/types.js").Config} Config
 * @typedef {import("./link/types.js").Filter} Filter
 * @typedef {import("./link/types.js").Detail} Detail
 * @typedef {import("./events/panel.js").Action} Action
 */

const config = /** @type {Config} */ (JSON.parse(byId("config").textContent ?? ""));
speak(config.words, config.me.language);
const FILTERS = /** @type {Filter[]} */ (["open", "mine", "unanswered", "drills"]);
const VIEWS = ["live", "history", "report"];
const AGAIN_MS = 500;
const PAGE = 200;
const AREAS_EVERY_MS = 15_000;
const CHOSEN_EVERY_MS = 5_000; // where people are is in no message

const clock = new Clock();
const store = new Store();
const api = new Api(config.csrf, end);
const sync = new Sync(api, store, clock, { changed, link: showLink });
const sound = new Sound(showSound);
const attention = new Attention(choose);
const queue = new Queue(choose, () => look("open", ""));
const panel = new Panel(act, new Notes(note), confirm, api);
const history = new History(api, choose);
const dark = matchMedia("(prefers-color-scheme: dark)");
const map = createMap(
  byId("map"),
  { ...config.map, scheme: dark.matches ? "dark" : "light", words: mapWords() },
  { choose, moved: (box) => { bbox = box; askAreas(); } },
);

/** @type {{detail: Detail | null, entries: any[], map: import("./link/types.js").EventMap | null}} */
let about = { detail: null, entries: [], map: null };
/** @type {import("./link/types.js").AreaCount[]} */
let areas = [];
/** @type {number[] | null} */
let bbox = null;
/** @type {Set<string>} */
let sounding = new Set(); // the events that sounded at the last tick
let isEnded = false;
let isLost = false; // nothing is heard from the server: an SOS would not be seen
let isLossKnown = false; // and the dispatcher has said that they know
let isDrawing = false;
let isToFit = false; // the map is to be brought to the chosen event with the next picture

function mapWords() {
  return {
    map: t("map"), zoomIn: t("map_zoom_in"), zoomOut: t("map_zoom_out"), attribution: t("map_sources"), square: t("map_square"),
    metres: t("unit_m"), kilometres: t("unit_km"), unusable: t("map_unusable_title"), unusableHint: t("map_unusable"),
    language: config.me.language,
  };
}

/** Something was told about these. @param {string[]} uids */
function changed(uids) {
  store.forget(clock.now());
  if (store.chosen && uids.includes(store.chosen)) askAbout();
  draw();
}

/** Draws once before the next picture, however often it is asked to. A page behind another only makes itself heard. */
function draw() {
  if (document.hidden) tick();
  if (document.hidden || isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    drawNow();
  });
}

function drawNow() {
  const now = clock.now();
  const shown = store.shown(now, config.me.uuid);
  if (!queue.draw(shown, store.hidden(now, config.me.uuid), store.chosen, now)) draw();
  const card = store.chosen ? store.events.get(store.chosen) : undefined;
  panel.draw(card ? { card, detail: about.detail, entries: about.entries } : null, now);
  map.draw(sceneOf([...store.events.values()], card ?? null, about.map, areas, now));
  if (isToFit && card) {
    isToFit = false;
    map.fitChosen();
  }
  showCounts();
  tick();
}

/** Every second: ages, and whether somebody must be called to the screen. */
function tick() {
  const now = clock.now();
  const alarming = store.alarming(now);
  const begun = alarming.filter((card) => !sounding.has(card.event_uid));
  sounding = new Set(alarming.map((card) => card.event_uid));
  if (begun.length) draw(); // an acknowledgement has lapsed, or a countdown has ended: no message says so
  queue.tick([...store.events.values()], now);
  const card = store.chosen ? store.events.get(store.chosen) : undefined;
  if (card) panel.tick(card, now);
  sound.tick(alarming.length ? "sos" : isLost && !isLossKnown ? "lost" : null);
  attention.show(alarming, isLost);
}

/** @param {string} uid */
async function choose(uid) {
  show("live");
  if (store.chosen !== uid) about = { detail: null, entries: [], map: null };
  store.chosen = uid;
  if (!store.events.has(uid)) sync.refresh(uid);
  draw();
  requestAnimationFrame(() => queue.reveal(uid));
  await askAbout();
  isToFit = true; // whatever was answered
  draw();
}

/** @type {Map<string, string>} why this dispatcher looks at a past event */
const whys = new Map();
/** @param {string} uid */
const why = (uid) => ({ reason: whys.get(uid) ?? "" });

let asking = false;
let again = false;

/** Everything about the chosen event; a wish that comes meanwhile is granted afterwards, once. */
async function askAbout() {
  const uid = store.chosen;
  if (!uid) return;
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  try {
    const [detail, entries, where] = await Promise.all([
      api.get(`/sos/${uid}/`, why(uid)), timelineOf(uid), api.get(`/console/events/${uid}/map/`, why(uid)),
    ]);
    const card = store.events.get(uid);
    if (card?.lat === null) Object.assign(card, { lat: detail.lat, lon: detail.lon, accuracy_m: detail.accuracy_m });
    if (store.chosen === uid) about = { detail, entries, map: where };
    draw();
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    again = refusal.status === 0 || refusal.status >= 500;
  } finally {
    asking = false;
    if (again || store.chosen !== uid) {
      again = false;
      setTimeout(askAbout, AGAIN_MS);
    }
  }
}

/** Of a long story the end: its last two pages. @param {string} uid */
async function timelineOf(uid) {
  const page = (/** @type {number} */ number) =>
    api.get(`/sos/${uid}/timeline/`, { page_size: String(PAGE), page: String(number) });
  const first = await page(1);
  const last = Math.ceil(first.count / PAGE);
  const pages = [last - 1, last].filter((number) => number > 1).map(page);
  return [...(last > 2 ? [] : [first]), ...(await Promise.all(pages))].flatMap((one) => one.results);
}

/** Where the people of the chosen event are now. */
async function askWhere() {
  const uid = store.chosen;
  if (!uid || asking || document.hidden) return;
  try {
    const where = await api.get(`/console/events/${uid}/map/`, why(uid));
    if (store.chosen === uid) about = { ...about, map: where };
    draw();
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
  }
}

async function askAreas() {
  if (!bbox) return;
  try {
    areas = await api.get("/console/areas/", { bbox: bbox.map((degrees) => degrees.toFixed(5)).join(",") });
    draw();
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
  }
}

// What a dispatcher does

/** @param {Action} action */
async function act(action) {
  const uid = store.chosen;
  const card = uid ? store.events.get(uid) : undefined;
  if (!uid || !card) return;
  const path = `/sos/${uid}`;
  const then = (/** @type {Promise<unknown>} */ done) => done.then(() => sync.refresh(uid));
  if (action === "acknowledge") await tried(then(api.post(`${path}/acknowledge/`)));
  if (action === "wave") await tried(then(api.post(`${path}/call-next-wave/`)));
  if (action === "reopen") await tried(then(api.post(`${path}/reopen/`)));
  if (action === "resolve") askOutcome(card, (body) => then(api.post(`${path}/resolve/`, body)));
  if (action === "why") askWhy(card, (reason) => {
    whys.set(uid, reason);
    return askAbout();
  });
  if (action === "handover") askService(card, (to) => then(api.post(`${path}/handover/`, { to })));
  if (action === "assign")
    await tried(api.get(`/console/events/${uid}/free-helpers/`).then((free) => {
      if (store.chosen !== uid || document.querySelector("dialog[open]")) return; // something else is done by now
      const called = (about.detail?.helpers ?? []).filter((one) => ["NOTIFIED", "ASSIGNED", "STOOD_DOWN"].includes(one.status));
      const both = [...called.map((one) => ({ ...one, distance_m: one.distance_now_m ?? one.distance_m })), ...free];
      askHelper(store.events.get(uid) ?? card, both, (helper) => then(api.post(`${path}/assign/`, { helper })));
    }));
}

/** A helper who was sent has told the dispatcher that they come. @param {string} helper */
function confirm(helper) {
  const uid = store.chosen;
  if (uid) tried(api.post(`/sos/${uid}/assign/`, { helper, confirmed_by: "phone" }).then(() => sync.refresh(uid)));
}

/** @param {string} uid @param {string} text */
function note(uid, text) {
  return tried(api.post(`/sos/${uid}/note/`, { text }).then(() => sync.refresh(uid)));
}

/** Says what was refused; true when nothing was. @param {Promise<unknown>} done */
async function tried(done) {
  try {
    await done;
    write(byId("error"), "");
    byId("error").hidden = true;
    return true;
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    byId("error").hidden = false;
    write(byId("error"), refusal.status ? refusal.why : t("no_server"));
    return false;
  }
}

async function toggleDuty() {
  const on_duty = !config.me.on_duty;
  if (await tried(api.patch("/users/me/", { on_duty }))) config.me.on_duty = on_duty;
  showDuty();
}

function startDrill() {
  askDrill(map.isUsable ? map.middle() : { lat: 41.311081, lon: 69.240562 }, async (body) => {
    const { event_uid } = await api.post("/sos/drill/", body);
    await choose(event_uid);
  });
}

// What the header says

/** @param {import("./link/feed.js").LinkState} state @param {number | null} rttMs */
function showLink(state, rttMs) {
  if (state === "signed_out" || state === "no_dispatcher") return end(state);
  const link = byId("link");
  link.className = `link ${state}`;
  write(byId("link-words"), state === "live" && rttMs !== null ? t("link_live_n", { n: Math.round(rttMs) }) : t(`link_${state}`));
  lose(state === "lost");
  byId("lost").hidden = !isLost;
  document.body.classList.toggle("stale", isLost);
}

/** @param {boolean} is */
function lose(is) {
  if (is === isLost) return;
  isLost = is;
  isLossKnown = false;
  byId("lost-known").hidden = false;
  tick();
}

/** The session is over: nothing here is true any more. @param {"signed_out" | "no_dispatcher"} why */
function end(why) {
  if (isEnded) return;
  isEnded = true;
  sync.feed.stop();
  write(byId("ended-words"), t(`ended_${why}`));
  byId("ended").hidden = false;
  byId("console").inert = true;
  document.body.classList.add("stale");
  lose(true);
  byId("ended").querySelector("a")?.focus();
}

function showSound() {
  const button = byId("sound");
  button.className = sound.isArmed ? "btn quiet" : "btn warn";
  write(button, t(sound.isArmed ? "sound_on" : "sound_off"));
}

function showDuty() {
  const button = byId("duty");
  button.setAttribute("aria-pressed", String(config.me.on_duty));
  button.title = config.me.full_name;
  write(button, t(config.me.on_duty ? "on_duty" : "off_duty"));
}

function showCounts() {
  const counts = store.counts(config.me.uuid);
  write(byId("count-open"), String(counts.open));
  write(byId("count-unanswered"), String(counts.unanswered));
  write(byId("count-helpers"), String(store.onDuty.helpers));
  for (const filter of FILTERS) {
    const button = byId(`filter-${filter}`);
    write(button, `${t(`filter_${filter}`)} ${counts[filter]}`);
    button.setAttribute("aria-pressed", String(store.filter === filter));
  }
}

/** @param {string} view */
function show(view) {
  for (const one of VIEWS) {
    byId(`view-${one}`).hidden = one !== view;
    byId(`tab-${one}`).setAttribute("aria-current", one === view ? "page" : "false");
  }
  if (view === "history") tried(history.search());
  if (view === "report") tried(history.report());
}

/** What the queue is to show. @param {Filter} filter @param {string} words */
function look(filter, words) {
  const field = /** @type {HTMLInputElement} */ (byId("words"));
  if (field.value.trim() !== words.trim()) field.value = words;
  store.filter = filter;
  store.words = words.trim();
  draw();
}

/** Whether the chosen event has a button for it. @param {Action} action */
function mayDo(action) {
  const card = store.chosen ? store.events.get(store.chosen) : undefined;
  return card !== undefined && actionsOf(card, clock.now()).includes(action);
}

/** @param {number} by */
function step(by) {
  const uid = store.beside(by, clock.now(), config.me.uuid);
  if (uid) choose(uid);
}

function tellKeys() {
  const keys = ["J", "K", "A", "W", "S", "R", "N", "/", "?", "Esc"];
  tell(t("keys_title"), [h("dl", { class: "keys" }, ...keys.flatMap((key) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, named("key", key))]))]);
}

listen({
  j: () => step(1), k: () => step(-1),
  a: () => { if (mayDo("acknowledge")) act("acknowledge"); },
  w: () => act("wave"), s: () => act("assign"),
  r: () => { if (mayDo("resolve")) act("resolve"); },
  n: () => byId("note").focus(),
  "/": () => byId("words").focus(),
  "?": tellKeys,
});
const words = /** @type {HTMLInputElement} */ (byId("words"));
words.addEventListener("input", () => look(store.filter, words.value));
words.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  look(store.filter, ""); // a browser that empties the field by itself tells nobody
  words.blur();
});
document.addEventListener("visibilitychange", draw);
for (const filter of FILTERS)
  byId(`filter-${filter}`).addEventListener("click", () => look(filter, words.value));
for (const view of VIEWS) byId(`tab-${view}`).addEventListener("click", () => show(view));
byId("sound").addEventListener("click", () => attention.allow());
byId("duty").addEventListener("click", toggleDuty);
byId("drill").addEventListener("click", startDrill);
byId("keys").addEventListener("click", tellKeys);
byId("lost-known").addEventListener("click", () => {
  isLossKnown = true;
  byId("lost-known").hidden = true;
});
// Any first click or key arms the sound: browsers give it to nobody sooner. Not at pointerdown: the header changes its
// size, and a button that has moved away when the mouse is released is not clicked.
for (const kind of ["pointerup", "keydown"]) document.addEventListener(kind, () => { if (!sound.isArmed) sound.arm(); });
dark.addEventListener("change", () => map.setScheme(dark.matches ? "dark" : "light"));

showSound();
showDuty();
show("live");
setInterval(() => {
  tick();
  if ([...store.events.values()].some((card) => card.unconfirmed_until && !card.resolved)) draw(); // it counts down
}, 1000);
setInterval(draw, 5000);
setInterval(askWhere, CHOSEN_EVERY_MS);
setInterval(askAreas, AREAS_EVERY_MS);
new TroubledDevices(api, clock).start();
sync.start();
// For whoever looks inside from the browser's tools; the tests do.
Object.assign(globalThis, { consoleStore: store, consoleSound: sound, consoleMap: map });
