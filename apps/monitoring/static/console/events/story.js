/** The journal of an event in words. */

import { h } from "../page/dom.js";
import { distance, named, t, timeOfDay } from "../page/words.js";

/** @typedef {import("../link/types.js").TimelineEntry} TimelineEntry */

/** @param {TimelineEntry[]} entries the oldest first @param {Map<string, string>} names of people by uuid */
export function story(entries, names) {
  const told = entries.filter((entry) => entry.kind !== "NOTIFICATION").reverse();
  return h("ol", { class: "story" }, ...told.map((entry) => item(entry, names)));
}

/** @param {TimelineEntry} entry @param {Map<string, string>} names */
function item(entry, names) {
  const who = entry.actor?.full_name ?? "";
  const facts = factsOf(entry, names);
  return h(
    "li",
    {},
    h("time", { datetime: entry.at, title: entry.at }, timeOfDay(entry.at)),
    h("span", {}, h("b", {}, named("journal", entry.kind)), [who, ...facts].filter(Boolean).map((fact) => ` · ${fact}`).join("")),
  );
}

/** What is worth telling of an entry's data. @param {TimelineEntry} entry @param {Map<string, string>} names */
export function factsOf({ data }, names) {
  const facts = [];
  if (typeof data.wave === "number" && data.wave > 0) facts.push(t("wave_n", { n: data.wave }));
  if (typeof data.radius_m === "number") facts.push(t("within", { far: distance(data.radius_m) }));
  if (data.helpers) facts.push(t("people_n", { n: countOf(data.helpers) }));
  if (typeof data.helper === "string") facts.push(names.get(data.helper) ?? "");
  if (data.to) facts.push(named("service", String(data.to)));
  if (data.outcome) facts.push(named("outcome", String(data.outcome)));
  if (data.reason) facts.push(named("reason", String(data.reason)));
  if (data.text) facts.push(String(data.text));
  return facts;
}

/** @param {unknown} people */
function countOf(people) {
  return Array.isArray(people) ? people.length : Object.keys(/** @type {object} */ (people)).length;
}
