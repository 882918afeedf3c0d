"""What is asked before something is done names the patient, and Enter alone decides nothing."""

from typing import Any

import pytest
from playwright.sync_api import Route, expect

from apps.sos.models import HelperAlert, SosEvent
from apps.sos.rules.due_step import take_due_step

from .screen import Console
from .served import until

pytestmark = pytest.mark.django_db(transaction=True)
NOTHING = "Сначала выберите. Пока ничего не сделано."


@pytest.fixture
def event(console: Console, sos: Any, helper: Any) -> SosEvent:
    """Chosen, with one helper called and another who could be sent."""
    helper(400, full_name="Aziz Rakhimov")
    event: SosEvent = sos(severity=3)
    take_due_step(event.pk)
    helper(2000, full_name="Olim Tursunov")
    expect(console.cards.first).to_contain_text("вызвано 1")
    console.choose()
    expect(console.page.locator("#panel-people")).to_contain_text("Aziz Rakhimov")
    return event


def open_dialog(console: Console, action: str) -> Any:
    """By its key where it has one."""
    key = {"resolve": "r", "assign": "s"}.get(action)
    if key:
        console.page.keyboard.press(key)
    else:
        console.page.click(f"[data-action={action}]")
    dialog = console.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    return dialog


@pytest.mark.parametrize("action", ["resolve", "assign", "handover"])
def test_enter_alone_decides_nothing_and_the_patient_is_named(action: str, event: SosEvent, console: Console) -> None:
    dialog = open_dialog(console, action)
    expect(dialog).to_contain_text("Dilnoza Karimova · Падение · важность 3")
    expect(dialog.locator("input[type=radio]:checked")).to_have_count(0)
    console.page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_have_text(NOTHING)
    dialog.locator("button[type=submit]").click()
    expect(dialog).to_be_visible()
    event.refresh_from_db()
    assert (event.status, event.handed_over_to, event.acknowledged_at) == ("NEW", "", None)
    assert list(HelperAlert.objects.values_list("status", flat=True)) == ["NOTIFIED"]
    assert console.complaints == []


@pytest.mark.parametrize("action", ["resolve", "assign", "handover"])
def test_the_keyboard_decides_once_something_is_chosen(action: str, event: SosEvent, console: Console) -> None:
    dialog = open_dialog(console, action)
    console.page.keyboard.press("Space")
    expect(dialog.locator("input[type=radio]:checked")).to_have_count(1)
    console.page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    event.refresh_from_db()
    assert {
        "resolve": event.outcome == "HELPED",
        "assign": HelperAlert.objects.exclude(status="NOTIFIED").exists(),
        "handover": event.handed_over_to == "103",
    }[action]


def test_late_list_of_helpers_does_not_take_the_place_of_another_question(event: SosEvent, console: Console) -> None:
    page, held = console.page, list[Route]()

    def hold(route: Route) -> None:
        held.append(route)

    console.intercept("**/free-helpers/", hold)
    console.choose()
    expect(page.locator("#panel-people")).to_contain_text("Aziz Rakhimov")
    page.keyboard.press("s")
    dialog = open_dialog(console, "resolve")
    until(lambda: page.evaluate("true") and held, "the helpers are asked for")
    with page.expect_response("**/free-helpers/"):
        held[0].continue_()
    page.evaluate("new Promise((done) => setTimeout(done))")  # the page has taken the answer
    expect(dialog).to_contain_text("Чем закончилось?")
    assert console.complaints == []


def test_nobody_to_send_is_said_with_nothing_to_confirm(console: Console, sos: Any) -> None:
    sos()
    expect(console.cards).to_have_count(1)
    console.choose()
    expect(console.page.locator("#panel-name")).to_have_text("Dilnoza Karimova")
    dialog = open_dialog(console, "assign")
    expect(dialog).to_contain_text("Dilnoza Karimova")
    expect(dialog.locator("button[type=submit]")).to_have_count(0)
    console.page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
