/** What the map shows: every open event; of the chosen one its people, its way and its rings. */

import { toneOf } from "../link/store.js";
import { shortName } from "./queue.js";

/**
 * @typedef {import("../link/types.js").Card} Card
 * @typedef {import("../link/types.js").Tone} Tone
 * @typedef {import("../link/types.js").EventMap} EventMap
 * @typedef {import("../link/types.js").AreaCount} AreaCount
 */

/** @type {Record<string, Tone>} */
const TONES = { ACCEPTED: "amber", EN_ROUTE: "amber", ON_SCENE: "green", DONE: "green" };
const ON_MAP = ["NOTIFIED", ...Object.keys(TONES)]; // whoever is needed no more, or will not come, is in the ledger only
const METRES_PER_DEGREE = 111_320; // of latitude, WGS 84 mean

/**
 * @param {Card[]} cards
 * @param {Card | null} chosen
 * @param {EventMap | null} people
 * @param {AreaCount[]} areas
 * @param {number} now
 */
export function sceneOf(cards, chosen, people, areas, now) {
  const placed = cards.filter((card) => card.lat !== null && card.lon !== null && (!card.resolved || card === chosen));
  return {
    events: placed.map((card) => ({
      uid: card.event_uid,
      lat: card.lat ?? 0,
      lon: card.lon ?? 0,
      accuracyM: card.accuracy_m,
      tone: toneOf(card, now),
      label: shortName(card),
      isDrill: card.is_drill || card.is_test,
    })),
    chosen: chosen && chosen.lat !== null ? chosenOf(chosen, people) : null,
    areas: chosen && people?.helpers.length ? [] : areas.map((area) => ({ lat: area.lat, lon: area.lon, sizeM: area.size_m, count: area.reachable })),
  };
}

/** @param {Card} card @param {EventMap | null} people */
function chosenOf(card, people) {
  const { device } = card;
  const isOpen = !card.resolved;
  return {
    uid: card.event_uid,
    rings: isOpen ? card.waves.slice(0, Math.max(1, card.waves_called)).map((wave) => wave.radius_m) : [],
    track: people?.track ?? [],
    wearer: isOpen && device?.lat != null && device.lon != null ? { lat: device.lat, lon: device.lon } : null,
    helpers: (people?.helpers ?? []).filter((helper) => ON_MAP.includes(helper.status)).map((helper) => ({
      uuid: helper.uuid,
      lat: helper.lat,
      lon: helper.lon,
      tone: TONES[helper.status] ?? "grey",
      label: helper.full_name,
      isComing: ["ACCEPTED", "EN_ROUTE", "ON_SCENE"].includes(helper.status),
      distanceM: metresBetween(card, helper),
    })),
  };
}

/** Over a plane: off by less than 1 % within 20 km. @param {Card} card @param {{lat: number, lon: number}} other */
function metresBetween(card, other) {
  const [lat, lon] = [card.lat ?? 0, card.lon ?? 0];
  const east = (other.lon - lon) * Math.cos((lat * Math.PI) / 180);
  return Math.hypot(other.lat - lat, east) * METRES_PER_DEGREE;
}
