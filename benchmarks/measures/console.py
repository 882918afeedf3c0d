"""The dispatcher's console on a busy night, in a real browser: is it smooth, and does its memory stay?

python -m benchmarks.measures.console [--seconds 60] [--events 300] [--devices 5000] [--updates 200]

Needs the addresses that the application needs (DATABASE_URL, DJANGO_SECRET_KEY) and the tests' Chromium, CHROMIUM.
"""

import argparse
import os
import time
from typing import Any

import django
from playwright.sync_api import Page, sync_playwright

from launcher.machine import finding

from .screen import LONG_MS, WATCH, Screen
from .served import served

FLAGS = [
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
    "--disable-dev-shm-usage", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist",
    "--enable-precise-memory-info",
]  # fmt: skip
ROUND_S, TRACED_S = 30.0, 24.0
SETTLED_MS = 10_000.0  # after this the page has been opened


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in {"seconds": 60, "events": 300, "devices": 5000, "updates": 200}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    with served("bench_console") as service:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's event loop is none of Django's
        django.setup()
        _measure(service.url, options)


def _measure(url: str, options: argparse.Namespace) -> None:
    from apps.monitoring.console.links import link_for  # noqa: PLC0415 - after django.setup()

    from ..traffic import Traffic, fill  # noqa: PLC0415

    began = time.monotonic()
    dispatcher = fill(options.events, options.devices)
    _say(f"{options.events} open events, {options.devices} devices ({time.monotonic() - began:.0f} s to make)")
    program = os.environ.get("CHROMIUM") or str(finding.chromium())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        page = browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme="dark").new_page()
        page.on("pageerror", lambda error: _say(f"ERROR {error}"))
        page.add_init_script(WATCH)
        screen = Screen(page)
        _say(f"opening: {screen.trace(lambda: _open(page, link_for(dispatcher), options.events))}")
        traffic = Traffic(options.updates, dispatcher)
        traffic.start()
        try:
            _watch(screen, traffic, options.seconds)
        finally:
            traffic.stop()
            browser.close()


def _open(page: Page, link: str, events: int) -> None:
    page.goto(link)
    page.click("button[type=submit]")
    page.wait_for_url("**/console/")
    page.wait_for_function("most => document.querySelectorAll('#queue .card').length >= most", arg=events)
    page.click("#queue .card")  # arms the sound too
    page.wait_for_selector("#panel-people .person")
    page.wait_for_timeout(SETTLED_MS)


def _watch(screen: Screen, traffic: Any, seconds: int) -> None:
    began, heaps, lags, traces = time.monotonic(), [], [], []
    screen.requests.clear()
    while (passed := time.monotonic() - began) < seconds:
        screen.page.keyboard.press("j")
        traced = screen.trace(lambda: screen.page.wait_for_timeout(TRACED_S * 1000))
        traces.append(traced)
        lags += [_lag(screen, traffic) for _ in range(3)]
        heaps.append(memory := screen.memory())
        _say(f"{passed:5.0f} s: {traced}; {_written(memory)}; entry to card {max(lags[-3:]):.1f} s")
        screen.page.wait_for_timeout(max(0.0, (passed + ROUND_S + began - time.monotonic()) * 1000))
    took = time.monotonic() - began
    tasks = screen.long_tasks()
    at_start = [ms for at, ms in tasks if at < SETTLED_MS]
    later = [ms for at, ms in tasks if at >= SETTLED_MS]
    worst = sorted(((ms, at) for at, ms in tasks if at >= SETTLED_MS), reverse=True)[:5]
    _say(f"\n{took:.0f} s, {traffic.written / took:.0f} journal entries/s")
    _say(f"opening the page: longest task {max(at_start, default=0):.0f} ms")
    over = [sum(ms > least for ms in later) for least in (50, 100, LONG_MS)]
    longest, cpu = max(traced.longest_ms for traced in traces), max(traced.longest_cpu_ms for traced in traces)
    in_traces = f"in the traces {longest:.0f} ms, {cpu:.0f} ms of CPU"
    _say(f"then: longest task {max(later, default=0):.0f} ms ({in_traces});", end=" ")
    _say(f"over 50 ms {over[0]}, over 100 ms {over[1]}, over {LONG_MS:.0f} ms {over[2]}")
    _say(f"the worst: {', '.join(f'{ms:.0f} ms at {at / 1000:.1f} s' for ms, at in worst)}")
    _say(f"memory: {_written(heaps[0])} → {_written(heaps[-1])}; most {max(heap['heap_mb'] for heap in heaps):.1f} MB")
    _say(f"entry to card: median {sorted(lags)[len(lags) // 2]:.1f} s, most {max(lags):.1f} s")
    _say(f"requests: {screen.requests.total() / took:.1f}/s")
    for path, count in screen.requests.most_common(8):
        _say(f"  {count / took:6.2f}/s {path}")


def _lag(screen: Screen, traffic: Any) -> float:
    """Seconds from a dispatcher's acknowledgement, made elsewhere, to the card that says so."""
    from apps.sos.rules import desk  # noqa: PLC0415
    from apps.users.models import Role, User  # noqa: PLC0415

    event = traffic.keep_open_event()
    name = f"Dispatcher {event.pk}"
    dispatcher = User.objects.create(phone_number=f"+99892{event.pk:07d}", full_name=name, role=Role.ADMIN)
    desk.acknowledge(event, dispatcher)
    at = time.time()
    seen_at = screen.shows(str(event.uid), name)
    traffic.kept.discard(event.pk)
    return max(0.0, seen_at - at)


def _written(memory: dict[str, float]) -> str:
    return f"heap {memory['heap_mb']:.1f} MB, {memory['nodes']:.0f} nodes, {memory['listeners']:.0f} listeners"


def _say(text: str, end: str = "\n") -> None:
    print(text, end=end, flush=True)


if __name__ == "__main__":
    main()
