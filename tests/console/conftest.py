"""A browser for the console's pages: the system's Chromium, as `./mdd test` finds or installs it."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from launcher import finding
from launcher.places import PROJECT
from launcher.progress import Failure

# A container's root may not sandbox, its /dev/shm is small, and it has no GPU: WebGL is computed.
FLAGS = (
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
    "--disable-dev-shm-usage",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--hide-scrollbars",
    "--font-render-hinting=none",
)


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
def chromium(chromium_program: str) -> Iterator[Browser]:
    """A running browser, without pages.

    For one module: while it runs, its event loop counts as running in this thread, so that no asynchronous test can
    run, and Django must be told that its database may be used all the same.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium_program, args=FLAGS)
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
