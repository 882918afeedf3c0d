"""Looks at a page from outside while it works: long tasks, frames, memory, requests."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import CDPSession, Page

LONG_MS = 200.0
CATEGORIES = ["toplevel", "devtools.timeline", "devtools.timeline.frame", "disabled-by-default-devtools.timeline.frame"]
# Only what takes longer than 50 ms is told.
WATCH = """
globalThis.benchTasks = [];
new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) globalThis.benchTasks.push([startTime, duration]);
}).observe({ type: "longtask", buffered: true });
"""
CARD_SHOWS = "([uid, words]) => document.querySelector(`#queue [data-uid='${uid}']`)?.textContent.includes(words)"


@dataclass
class Traced:
    """What a trace of some seconds shows of the page's main thread; milliseconds."""

    seconds: float
    frames: int
    longest_ms: float
    longest_cpu_ms: float
    inside_longest: list[tuple[str, float]]
    busy: float

    def __str__(self) -> str:
        inside = ", ".join(f"{name} {ms:.0f}" for name, ms in self.inside_longest)
        return (
            f"longest task {self.longest_ms:.0f} ms, {self.longest_cpu_ms:.0f} ms of CPU ({inside}); "
            f"main thread busy {self.busy:.0%}; {self.frames / self.seconds:.1f} frames/s"
        )


@dataclass
class Screen:
    page: Page
    requests: Counter[str] = field(default_factory=Counter)
    forced: list[tuple[float, float]] = field(default_factory=list)
    """When the measurement itself kept the page busy: from, until, in milliseconds."""

    def __post_init__(self) -> None:
        self.cdp: CDPSession = self.page.context.new_cdp_session(self.page)
        assert self.page.context.browser  # noqa: S101
        self.tracer = self.page.context.browser.new_browser_cdp_session()
        self._events: list[dict[str, Any]] = []
        self._is_traced = False
        self.tracer.on("Tracing.dataCollected", lambda data: self._events.extend(data["value"]))
        self.tracer.on("Tracing.tracingComplete", lambda _: setattr(self, "_is_traced", True))
        self.cdp.send("Performance.enable")
        self.page.on("request", lambda request: self.requests.update([_path(request.url)]))

    def trace(self, doing: Callable[[], object]) -> Traced:
        """What happens meanwhile."""
        self._events, self._is_traced = [], False
        started = time.monotonic()
        config = {"includedCategories": CATEGORIES, "excludedCategories": ["*"]}
        self.tracer.send("Tracing.start", {"traceConfig": config, "transferMode": "ReportEvents"})
        doing()
        seconds = time.monotonic() - started
        began = self.page.evaluate("performance.now()")
        self.tracer.send("Tracing.end")
        while not self._is_traced:
            self.page.wait_for_timeout(50)
        self.forced.append((began, self.page.evaluate("performance.now()")))
        return _read(self._events, seconds)

    def memory(self) -> dict[str, float]:
        """MB and elements after the garbage has been collected."""
        began = self.page.evaluate("performance.now()")
        for _ in range(2):
            self.cdp.send("HeapProfiler.collectGarbage")
        self.forced.append((began, self.page.evaluate("performance.now()")))
        metrics = {metric["name"]: metric["value"] for metric in self.cdp.send("Performance.getMetrics")["metrics"]}
        return {
            "heap_mb": metrics["JSHeapUsedSize"] / 1e6,
            "nodes": metrics["Nodes"],
            "listeners": metrics["JSEventListeners"],
        }

    def long_tasks(self) -> list[tuple[float, float]]:
        """The page's own over 50 ms since it was opened: when, and how long, in milliseconds."""
        tasks = self.page.evaluate("globalThis.benchTasks")
        return [(at, ms) for at, ms in tasks if not any(a - ms <= at <= b for a, b in self.forced)]

    def shows(self, event_uid: str, words: str) -> float:
        """Waits until the event's card has these words; when that was, in seconds since 1970."""
        self.page.wait_for_function(CARD_SHOWS, arg=[event_uid, words], polling=20, timeout=60_000)
        return time.time()


def _path(url: str) -> str:
    parts = urlsplit(url)
    path = parts.path if parts.scheme == "http" else f"{parts.scheme}:"
    return "/".join("…" if len(part) == 36 else part for part in path.split("/"))


def _read(events: Iterable[dict[str, Any]], seconds: float) -> Traced:
    """Of the thread with the most of Blink's own work: the page has one, each worker another."""
    trace = list(events)
    blink_work = [event for event in trace if event["name"] in {"UpdateLayoutTree", "FunctionCall"}]
    counts = Counter((event["pid"], event["tid"]) for event in blink_work)
    main = counts.most_common(1)[0][0]
    own = [event for event in trace if (event["pid"], event["tid"]) == main and event.get("ph") == "X"]
    tasks = [event for event in own if event["name"].endswith("RunTask")]
    longest = max(tasks, key=lambda event: event["dur"])
    end = longest["ts"] + longest["dur"]
    inside: Counter[str] = Counter()
    for event in own:
        if longest["ts"] <= event["ts"] < end and not event["name"].endswith("RunTask"):
            where = event.get("args", {}).get("data", {})
            inside[f"{event['name']} {where.get('functionName', '')}".strip()] += event["dur"]
    frames = sum(event["name"] == "DrawFrame" for event in trace)
    top = [(name, us / 1000) for name, us in inside.most_common(5)]
    cpu_ms = max(event.get("tdur", 0) for event in tasks) / 1000
    busy = sum(event["dur"] for event in tasks) / 1e6 / seconds
    return Traced(seconds, frames, longest["dur"] / 1000, cpu_ms, top, busy)
