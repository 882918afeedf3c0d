"""The console and its map, each following the other; drawing the map takes the processor more than all the rest."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from apps.sos.rules.due_step import take_due_step

from .screen import Console
from .served import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def has_map() -> bool:
    return True


def test_signal_appears_in_the_queue_and_on_the_map_with_what_is_known(
    console: Console, sos: Any, helper: Any, client_of: Any
) -> None:
    near = helper(400, full_name="Aziz Rakhimov")
    event = sos()
    expect(console.cards).to_have_count(1)
    expect(console.cards.first).to_contain_text("Dilnoza K.")
    expect(console.cards.first).to_contain_text("Падение · важность 4")
    expect(console.cards.first).to_contain_text("Без ответа")
    take_due_step(event.pk)
    expect(console.cards.first).to_contain_text("вызвано 1")
    until(lambda: {mark["tone"] for mark in console.on_map("event")} == {"red"}, "the event is on the map")
    console.choose()
    expect(console.page.locator("#panel-name")).to_have_text("Dilnoza Karimova")
    expect(console.page.locator("#panel-facts")).to_contain_text(str(event.user.phone_number))
    expect(console.page.locator("#panel-sub")).to_contain_text("батарея 38 %")
    expect(console.page.locator("#panel-people")).to_contain_text("Aziz Rakhimov")
    expect(console.page.locator("#panel-story")).to_contain_text("Вызваны помощники")
    until(lambda: {mark["label"] for mark in console.on_map("helper")} == {"Aziz Rakhimov"}, "the helper is there")
    client_of(near).post(f"/api/v1/sos/{event.uid}/respond/", {"status": "ACCEPTED"}, format="json")
    expect(console.cards.first).to_contain_text("Едут 1")
    expect(console.page.locator("#panel-people")).to_contain_text("согласился")
    until(lambda: console.on_map("way"), "their way is drawn")
    assert console.complaints == []
    assert {re.sub(r"^(\w+://[^/]+).*", r"\1", url) for url in console.requests} - {"data:", "blob:"} <= {
        console.server.url, console.server.url.replace("http", "ws")
    }  # fmt: skip


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_serious(scheme: Any, console: Console, sos: Any, helper: Any, axe: str) -> None:
    helper(400)
    take_due_step(sos().pk)
    console.page.emulate_media(color_scheme=scheme)
    expect(console.cards).to_have_count(1)
    console.choose()
    expect(console.page.locator("#panel-people .person")).to_have_count(1)
    assert console.serious(axe) == []


def flown_to_the_chosen(console: Console) -> None:
    # The first look at all events has zoom 13. The map leaves it for the chosen one's ring when the server has
    # answered, and would fly back from wherever a key had moved it.
    flown = "((map) => map.getZoom() > 10 && map.getZoom() < 12.9 && !map.isMoving())(globalThis.consoleMap.map)"
    until(lambda: console.page.evaluate(flown), "the map has flown to the event")


def test_chosen_event_is_flown_to_though_the_answer_comes_before_the_picture(console: Console, sos: Any) -> None:
    sos()
    expect(console.cards).to_have_count(1)
    console.page.evaluate(
        "soon => { globalThis.requestAnimationFrame = (draw) => setTimeout(() => draw(performance.now()), soon); }", 500
    )
    console.choose()
    flown_to_the_chosen(console)


def test_chosen_event_is_flown_to_though_the_server_says_nothing_about_it(console: Console, sos: Any) -> None:
    sos()
    expect(console.cards).to_have_count(1)
    console.cut_off(re.compile(r"/api/v1/console/events/"))
    console.choose()
    flown_to_the_chosen(console)


def test_arrow_keys_belong_to_the_map(console: Console, sos: Any) -> None:
    sos()
    expect(console.cards).to_have_count(1)
    console.choose()
    flown_to_the_chosen(console)
    console.page.locator("#map canvas").focus()
    before = console.page.evaluate("globalThis.consoleMap.middle().lat")
    console.page.keyboard.press("ArrowDown")
    until(lambda: console.page.evaluate("globalThis.consoleMap.middle().lat") < before, "the map has moved")
