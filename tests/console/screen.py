"""A dispatcher's browser with the console open."""

import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, Route, expect

from apps.users.models import User

from .served import Served

SOON_MS = 30_000  # on a machine that does much else besides
expect.set_options(timeout=SOON_MS)


def session_of(dispatcher: User) -> str:
    """The key of a session as signing in makes one, which has tests of its own and costs a password's hash."""
    client = Client()
    client.force_login(dispatcher)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


class Console:
    """Signed in; whatever the page complains of is kept."""

    def __init__(self, context: BrowserContext, server: Served, dispatcher: User) -> None:
        self.page, self.server = context.new_page(), server
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": session_of(dispatcher), "url": server.url}]
        )
        self.page.goto(f"{server.url}/console/")
        expect(self.page.locator("#link")).to_have_class("link live")

    @property
    def cards(self) -> Any:
        return self.page.locator("#queue .card")

    def choose(self, number: int = 0) -> None:
        self.cards.nth(number).click()
        expect(self.page.locator("#panel")).to_be_visible()

    def cut_off(self, addresses: str | re.Pattern[str]) -> None:
        """No question to them gets through."""
        self.intercept(addresses, lambda route: route.abort())

    def intercept(self, addresses: str | re.Pattern[str], answer: Callable[[Route], object]) -> None:
        """Questions to them go to `answer`. The page is loaded anew: one that is open may slip past for a moment."""
        self.page.route(addresses, answer)
        self.page.reload()
        expect(self.page.locator("#link")).to_have_class("link live")

    def on_map(self, kind: str) -> list[dict[str, Any]]:
        """The marks of a kind that the map really shows."""
        script = """kind => { const map = globalThis.consoleMap.map; if (!map?.isStyleLoaded()) return [];
            return map.queryRenderedFeatures().map(one => one.properties).filter(one => one.kind === kind); }"""
        found: list[dict[str, Any]] = self.page.evaluate(script, kind)
        return found

    def serious(self, axe: str) -> list[tuple[str, list[str]]]:
        """What axe-core, whose source `axe` is, finds serious in the page as it stands: the rule and the elements."""
        self.page.context.new_cdp_session(self.page).send("Page.setBypassCSP", {"enabled": True})
        self.page.evaluate(axe)
        rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
        found = self.page.evaluate("rules => axe.run({runOnly: rules})", rules)
        return [
            (one["id"], [node["html"][:200] for node in one["nodes"]])
            for one in found["violations"]
            if one["impact"] in {"serious", "critical"}
        ]
