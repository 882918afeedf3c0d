"""A page that hears nothing from the server is heard itself, also on a night when no event is open."""

import pytest
from playwright.sync_api import expect

from apps.users.models import Role, User
from apps.users.rules.accounts import change_standing

from .screen import SOON_MS, Console
from .served import until

pytestmark = pytest.mark.django_db(transaction=True)
QUIET, LOST = "MDD: пульт", "НЕТ СВЯЗИ · MDD: пульт"


def played(console: Console, tune: str) -> int:
    return int(console.page.evaluate("tune => globalThis.consoleSound.played[tune]", tune))


def test_losing_the_server_sounds_and_changes_the_title(console: Console) -> None:
    page = console.page
    page.click("#sound")
    expect(page.locator("#sound")).to_have_text("Звук включён")
    expect(page).to_have_title(QUIET)
    console.server.stop()
    expect(page).to_have_title(LOST, timeout=10_000)
    until(lambda: played(console, "lost") > 0, "it is heard")
    page.click("#lost-known")
    heard = played(console, "lost")
    page.wait_for_timeout(2500)
    assert played(console, "lost") == heard, "whoever has said that they know is left in peace"
    expect(page).to_have_title(LOST)
    console.server.start()
    expect(page).to_have_title(QUIET)
    expect(page.locator("#lost")).to_be_hidden()
    console.server.stop()
    until(lambda: played(console, "lost") > heard, "the next loss is heard again")
    assert played(console, "sos") == 0


def test_page_that_never_reaches_the_server_says_so(console: Console) -> None:
    console.page.route("**/console/queue/**", lambda route: route.abort())
    console.page.reload()
    expect(console.page.locator("#lost")).to_be_visible()
    expect(console.page).to_have_title(LOST)
    console.page.unroute("**/console/queue/**")
    expect(console.page.locator("#link")).to_have_class("link live")
    expect(console.page).to_have_title(QUIET)


@pytest.mark.usefixtures("often_seen_to")
def test_session_that_has_ended_is_heard_like_a_lost_server(console: Console, dispatcher: User) -> None:
    console.page.click("#sound")
    change_standing(dispatcher, role=Role.USER, status="ACTIVE")
    expect(console.page).to_have_title(LOST, timeout=SOON_MS + 5000)
    until(lambda: played(console, "lost") > 0, "it is heard")
