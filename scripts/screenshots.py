"""Takes pictures of the console as a dispatcher sees it: `python scripts/screenshots.py SIGN_IN_LINK FOLDER`.

CHROMIUM names the browser. `./mdd screenshots` starts a city for it and calls it.
"""

import os
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
SIZE = {"width": 1440, "height": 900}
LIVELY = 5  # open events
PATIENCE_MS = 240_000
SETTLED_MS = 6000  # until the map has drawn what was chosen
STILL = "document.querySelectorAll('#queue .card:not(.grey)').length"


def main(link: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"], args=FLAGS)
        page = browser.new_page(viewport=SIZE, color_scheme="dark", locale="ru-RU", timezone_id="Asia/Tashkent")
        page.goto(link)
        page.click("button[type=submit]")
        _wait(page)
        _choose(page, ".card.amber", ".card.red", ".card.green")
        page.screenshot(path=folder / "console-dark.png")
        page.emulate_media(color_scheme="light")
        _choose(page, ".card.red", ".card.green", ".card.amber")
        page.screenshot(path=folder / "console-light.png")
        browser.close()


def _wait(page: Page) -> None:
    """Until the city is lively enough to show."""
    for _ in range(PATIENCE_MS // 500):
        if page.evaluate(STILL) >= LIVELY:
            return
        page.wait_for_timeout(500)
    raise SystemExit(f"not within {PATIENCE_MS // 1000} s: {LIVELY} open events")


def _choose(page: Page, *wanted: str) -> None:
    """The first event of the first colour that there is."""
    for kind in wanted:
        if page.locator(f"#queue {kind}").count():
            page.locator(f"#queue {kind}").first.click()
            break
    page.wait_for_timeout(SETTLED_MS)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
