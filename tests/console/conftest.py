"""A browser for the console's pages, and the application for it to open.

The browser is the system's Chromium, as `./mdd test` finds or installs it.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from apps.devices.rules.registry import Fix, record_fix, register_device
from apps.monitoring.feed import presence
from apps.sos.models import SosEvent
from apps.users.models import User
from launcher.machine import finding
from launcher.places import PROJECT
from launcher.progress import Failure
from mdd_backend import hints
from tests.conftest import HERE

from .screen import Console
from .served import Redis, Served, free_port

# A container's root may not sandbox, its /dev/shm is small.
FLAGS = (
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--font-render-hinting=none",
)
# It has no GPU: WebGL is computed, which takes more of the processor than all the rest of the page.
WITH_MAP = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")
WITHOUT_MAP = ("--disable-gpu", "--disable-software-rasterizer")


@pytest.fixture(scope="session")
def chromium_program() -> str:
    """Chromium's path; a test that needs it fails where there is none, and says how to get it."""
    if found := os.environ.get("CHROMIUM"):
        return found
    if "CHROMIUM" not in os.environ:  # not by `./mdd test`, which has looked already
        try:
            return str(finding.chromium())
        except Failure:
            pass
    pytest.fail(finding.CHROMIUM_BY_HAND, pytrace=False)


@pytest.fixture(scope="module")
def has_map() -> bool:
    """Whether the browser can draw the map."""
    return False


@pytest.fixture(scope="module")
def chromium(chromium_program: str, has_map: bool) -> Iterator[Browser]:
    """A running browser, without pages.

    For one module: while it runs, its event loop counts as running in this thread, so that no asynchronous test can
    run, and Django must be told that its database may be used all the same.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        flags = [*FLAGS, *(WITH_MAP if has_map else WITHOUT_MAP)]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium_program, args=flags)
            yield browser
            browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of its own session, 1280 × 720."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720}, locale="ru-RU", timezone_id="Asia/Tashkent")
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, to be added to a page before it is asked for `axe.run()`."""
    path = PROJECT / "node_modules" / "axe-core" / "axe.min.js"
    if not path.exists():
        pytest.fail(f"{path} is missing: `./mdd test` installs it, or npm ci --ignore-scripts", pytrace=False)
    return path.read_text()


@pytest.fixture(scope="module")
def static_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("static")


@pytest.fixture
def redis(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    own = Redis(tmp_path)
    settings.REDIS_URL = own.url
    monkeypatch.setattr(hints, "_sender", None)  # else it would speak to the Redis of another test
    yield own
    own.kill()


@pytest.fixture(scope="module")
def port() -> int:
    """The same for all tests of a module: the browser keeps what it has loaded from there."""
    return free_port()


@pytest.fixture
def server(static_root: Path, settings: Any, redis: Redis, port: int) -> Iterator[Served]:
    settings.STATIC_ROOT = static_root
    settings.ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]
    if not (static_root / "console").exists():
        call_command("collectstatic", "--no-input", "-v0")
    served = Served(port)
    settings.PUBLIC_URL = served.url
    yield served
    served.stop()
    connections.close_all()


@pytest.fixture(scope="module")
def kept_context(chromium: Browser) -> Iterator[BrowserContext]:
    yield from _context(chromium)


@pytest.fixture
def context(kept_context: BrowserContext) -> Iterator[BrowserContext]:
    """Nobody is signed in, and no page is open; a script for every page belongs in `another_context`."""
    yield kept_context
    for page in kept_context.pages:
        page.close()
    kept_context.clear_cookies()


@pytest.fixture
def another_context(chromium: Browser) -> Iterator[BrowserContext]:
    yield from _context(chromium)


def _context(chromium: Browser) -> Iterator[BrowserContext]:
    """The map jumps where it would fly: each picture of it is computed by the processor."""
    made = chromium.new_context(
        viewport={"width": 1280, "height": 720},
        locale="ru-RU",
        timezone_id="Asia/Tashkent",
        color_scheme="dark",
        reduced_motion="reduce",
    )
    yield made
    made.close()


@pytest.fixture
def often_seen_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether who sits at a console still may is looked at each second, not each fifteen."""
    monkeypatch.setattr(presence, "EVERY_S", 1.0)


@pytest.fixture
def console(context: BrowserContext, server: Served, dispatcher: User) -> Console:
    return Console(context, server, dispatcher)


@pytest.fixture
def sos(person: Callable[..., User], press: Any) -> Callable[..., SosEvent]:
    """Somebody presses; the event."""

    def make(**changes: Any) -> SosEvent:
        name = changes.pop("name", "Dilnoza Karimova")
        wearer = person(full_name=name)
        uid = f"watch-{wearer.pk}"
        device, _ = register_device(wearer, uid)
        record_fix(device, Fix(lat=HERE[0], lon=HERE[1], battery_level=38))
        answer = press(wearer, device_uid=uid, timestamp=..., **changes)
        assert answer.status_code == 201, answer.content
        event: SosEvent = SosEvent.objects.get(uid=answer.json()["event_uid"])
        return event

    return make
