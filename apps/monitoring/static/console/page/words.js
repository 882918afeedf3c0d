/** The page's words in the dispatcher's language, and numbers, times and distances as people read them. */

/** @type {Record<string, string>} */
let words = {};
let language = "ru";

/**
 * @param {Record<string, string>} all
 * @param {string} code of the language, as in ISO 639-1
 */
export function speak(all, code) {
  words = all;
  language = code;
}

/**
 * A word by its key, with `{name}` replaced.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const text = words[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/**
 * The word for a value of the API, such as FALL_DETECTED; the value itself where there is none.
 * @param {string} group
 * @param {string | null} value
 */
export function named(group, value) {
  return value === null || value === "" ? "" : (words[`${group}.${value}`] ?? value);
}

/** Seconds as 01:42, or 2:03:10 from an hour on. @param {number} seconds */
export function age(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (/** @type {number} */ part) => String(part).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${two(minutes)}:${two(rest)}`;
}

/** Metres as 350 m or 1.2 km. @param {number | null | undefined} metres */
export function distance(metres) {
  if (metres === null || metres === undefined) return "";
  if (metres < 995) return t("metres", { n: Math.round(metres / 10) * 10 });
  return t("kilometres", { n: number(Math.round(metres / 100) / 10) });
}

/** @param {number} value */
export function number(value) {
  return new Intl.NumberFormat(tag(), { maximumFractionDigits: 1 }).format(value);
}

/** Seconds of a report: 0.4 s, 12 s, 3 min 20 s. @param {number | null} seconds */
export function duration(seconds) {
  if (seconds === null) return "–";
  const whole = Math.round(seconds);
  if (whole < 60) return t("seconds", { n: number(seconds < 10 ? seconds : whole) });
  return t("minutes_seconds", { m: Math.floor(whole / 60), s: whole % 60 });
}

/** How long ago, in words. @param {number} seconds */
export function ago(seconds) {
  if (seconds < 60) return t("seconds_ago", { n: Math.max(0, Math.round(seconds)) });
  if (seconds < 7200) return t("minutes_ago", { n: Math.round(seconds / 60) });
  return seconds < 172_800
    ? t("hours_ago", { n: Math.round(seconds / 3600) })
    : t("days_ago", { n: Math.round(seconds / 86_400) });
}

/** Time of day in the dispatcher's zone. @param {string} iso */
export function timeOfDay(iso) {
  return new Intl.DateTimeFormat(tag(), { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(new Date(iso));
}

/** Day and time in the dispatcher's zone. @param {string} iso */
export function dayAndTime(iso) {
  const options = /** @type {const} */ ({ day: "2-digit", month: "2-digit", year: "numeric", hour: "2-digit", minute: "2-digit" });
  return new Intl.DateTimeFormat(tag(), options).format(new Date(iso));
}

/** Clocks of 24 hours in every language. */
function tag() {
  return `${{ uz: "uz-Latn-UZ", en: "en-GB" }[language] ?? language}-u-hc-h23`;
}
