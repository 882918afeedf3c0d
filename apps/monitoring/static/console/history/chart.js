/** A chart of days: a bar for the median, a line above it for the 95th percentile. */

import { svg } from "../page/dom.js";
import { duration, t } from "../page/words.js";

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [560, 150, 56, 20, 10];

/**
 * @param {{day: string, median: number | null, p95: number | null}[]} days seconds, null without events
 * @param {string} label
 */
export function chart(days, label) {
  const most = niceCeiling(Math.max(1, ...days.map(({ p95 }) => p95 ?? 0)));
  const y = (/** @type {number} */ value) => TOP + (HEIGHT - BOTTOM - TOP) * (1 - value / most);
  const wide = (WIDTH - LEFT) / Math.max(1, days.length);
  const bars = days.flatMap(({ day, median, p95 }, at) => {
    if (median === null || p95 === null) return [];
    const [x, w] = [LEFT + at * wide + wide * 0.15, Math.max(1, wide * 0.7)];
    const title = svg("title", {}, `${day}: ${t("report_median")} ${duration(median)}, ${t("report_p95")} ${duration(p95)}`);
    return [svg("g", {}, title,
      svg("rect", { class: "bar", x, y: y(median), width: w, height: Math.max(1, y(0) - y(median)) }),
      svg("line", { class: "p95", x1: x, x2: x + w, y1: y(p95), y2: y(p95) }))];
  });
  const lines = [0, 0.5, 1].flatMap((part) => [
    svg("line", { class: "grid", x1: LEFT, x2: WIDTH, y1: y(part * most), y2: y(part * most) }),
    svg("text", { x: LEFT - 6, y: y(part * most) + 4, "text-anchor": "end" }, duration(part * most)),
  ]);
  const ends = days.length ? [[days[0]?.day ?? "", LEFT, "start"], [days[days.length - 1]?.day ?? "", WIDTH, "end"]] : [];
  const names = ends.map(([day, x, anchor]) => svg("text", { x: x ?? 0, y: HEIGHT - 5, "text-anchor": anchor ?? "" }, String(day)));
  return svg("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label }, ...lines, ...bars, ...names);
}

/** 1, 2 or 5 times a power of ten. @param {number} value */
export function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5].find((digit) => digit * power >= value) ?? 10);
}
