"""A note is stored with the event that it was written about, and with no other, whatever happens meanwhile."""

from typing import Any

import pytest
from playwright.sync_api import Route, expect

from apps.sos.models import EventNote, SosEvent

from .screen import Console
from .served import until

pytestmark = pytest.mark.django_db(transaction=True)
ALLERGY = "Аллергия на пенициллин."


@pytest.fixture
def two(console: Console, sos: Any) -> tuple[SosEvent, SosEvent]:
    events = sos(name="Anna Petrova"), sos(name="Bobur Saidov")
    expect(console.cards).to_have_count(2)
    return events


def choose(console: Console, name: str) -> None:
    console.page.locator("#queue .card", has_text=name).click()
    expect(console.page.locator("#panel-name")).to_contain_text(name)


def notes() -> list[tuple[str, str]]:
    return list(EventNote.objects.order_by("pk").values_list("event__user__full_name", "text"))


def test_note_stays_with_the_event_it_was_begun_for(two: Any, console: Console) -> None:
    page = console.page
    field, send = page.locator("#note"), page.locator("#note-send")
    choose(console, "Anna")
    page.keyboard.press("n")
    page.keyboard.type(ALLERGY)
    choose(console, "Bobur")
    expect(field).to_have_value("")
    send.click()
    field.fill("Дверь закрыта.")
    choose(console, "Anna")
    expect(field).to_have_value(ALLERGY)
    send.click()
    expect(page.locator("#panel-notes")).to_contain_text(ALLERGY)
    expect(field).to_have_value("")
    choose(console, "Bobur")
    expect(field).to_have_value("Дверь закрыта.")
    assert notes() == [("Anna Petrova", ALLERGY)]
    for event in two:
        event.refresh_from_db()
        assert event.acknowledged_at is None, "a note silences nobody's alarm"


def test_note_is_kept_over_an_outage(two: Any, console: Console) -> None:
    page = console.page
    choose(console, "Anna")
    page.fill("#note", ALLERGY)
    console.server.stop()
    page.click("#note-send")
    expect(page.locator("#error")).to_have_text("Сервер не отвечает. Ничего не сделано.")
    choose(console, "Bobur")
    expect(page.locator("#note")).to_have_value("")
    expect(page.locator("#lost")).to_be_visible()
    console.server.start()
    expect(page.locator("#lost")).to_be_hidden()
    choose(console, "Anna")
    expect(page.locator("#note")).to_have_value(ALLERGY)
    page.click("#note-send")
    expect(page.locator("#panel-notes")).to_contain_text(ALLERGY)
    assert notes() == [("Anna Petrova", ALLERGY)]


def test_slow_answer_neither_stores_twice_nor_takes_what_was_written_since(two: Any, console: Console) -> None:
    page, held = console.page, list[Route]()

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/note/", hold)
    choose(console, "Anna")
    page.fill("#note", ALLERGY)
    page.click("#note-send")
    expect(page.locator("#note-send")).to_be_disabled()
    until(lambda: page.evaluate("true") and held, "it is asked for")
    choose(console, "Bobur")
    page.fill("#note", "Дверь закрыта.")
    choose(console, "Anna")
    page.fill("#note", "И на йод.")
    expect(page.locator("#note-send")).to_be_disabled()
    for one in held:
        one.continue_()
    expect(page.locator("#panel-notes")).to_contain_text(ALLERGY)
    expect(page.locator("#note-send")).to_be_enabled()
    expect(page.locator("#note")).to_have_value("И на йод.")
    choose(console, "Bobur")
    expect(page.locator("#note")).to_have_value("Дверь закрыта.")
    assert notes() == [("Anna Petrova", ALLERGY)]
