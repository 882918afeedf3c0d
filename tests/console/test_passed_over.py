"""Who is near and not called, and why: the console asks when a dispatcher wants to know, and only then."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Route, expect

from apps.sos.kinds import Outcome
from apps.sos.models import SosEvent
from apps.sos.rules import desk
from apps.sos.rules.due_step import take_due_step
from apps.users.models import User

from .screen import Console
from .served import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def near(helper: Any) -> User:
    helper(200, full_name="Aziz Rakhimov")
    off_duty: User = helper(350, full_name="Olim Tursunov", on_duty=False)
    return off_duty


def choose(console: Console, name: str) -> Locator:
    """The folded list of the event of that person."""
    console.page.locator("#queue .card", has_text=name).click()
    expect(console.page.locator("#panel-name")).to_contain_text(name)
    return console.page.locator("#passed-over")


def asked(console: Console) -> int:
    return sum(url.endswith("/passed-over/") for url in console.requests)


def test_unfolded_it_names_them_with_distance_and_reason(near: User, console: Console, sos: Any, axe: str) -> None:
    event: SosEvent = sos(severity=3)
    take_due_step(event.pk)
    passed = choose(console, "Dilnoza")
    expect(console.page.locator("#panel-people")).to_contain_text("Aziz Rakhimov")
    expect(passed.locator("summary")).to_have_text("Рядом, но не вызваны")
    assert asked(console) == 0
    passed.locator("summary").click()
    expect(passed.locator("li")).to_have_text([f"Olim Tursunov{near.phone_number}350 м · не на смене"])
    expect(passed.locator("a")).to_have_attribute("href", f"tel:{near.phone_number}")
    assert asked(console) == 1
    assert console.serious(axe) == []
    User.objects.filter(pk=near.pk).update(on_duty=True)
    console.page.keyboard.press("Enter")
    expect(passed).not_to_have_attribute("open", "")
    console.page.keyboard.press("Enter")
    expect(passed).to_contain_text("Рядом нет тех, кого нельзя вызвать.")
    assert console.complaints == []


def test_it_stays_unfolded_while_the_event_goes_on_and_goes_when_it_is_closed(
    near: User, console: Console, sos: Any, dispatcher: User
) -> None:
    event: SosEvent = sos(severity=3)
    passed = choose(console, "Dilnoza")
    passed.locator("summary").click()
    expect(passed.locator("li")).to_have_count(1)
    take_due_step(event.pk)
    expect(console.page.locator("#panel-people")).to_contain_text("Aziz Rakhimov")
    expect(passed.locator("li")).to_be_visible()
    desk.resolve(event, dispatcher, Outcome.HELPED)
    expect(passed).to_be_hidden()


def test_late_answer_is_not_shown_for_another_event(near: User, console: Console, sos: Any) -> None:
    held = list[Route]()

    def hold(route: Route) -> None:
        held.append(route)

    sos(name="Anna Petrova"), sos(name="Bobur Saidov")
    console.intercept("**/passed-over/", hold)
    passed = choose(console, "Anna")
    passed.locator("summary").click()
    until(lambda: console.page.evaluate("true") and held, "it is asked for")
    choose(console, "Bobur")
    expect(passed).not_to_have_attribute("open", "")
    passed.locator("summary").click()
    until(lambda: console.page.evaluate("true") and len(held) == 2, "it is asked for")
    with console.page.expect_response("**/passed-over/"):
        held[0].continue_()
    console.page.evaluate("new Promise((done) => setTimeout(done))")  # the page has taken the answer
    expect(passed).to_contain_text("Загружаю…")
    held[1].continue_()
    expect(passed).to_contain_text("Olim Tursunov")


def test_without_an_answer_it_says_so(near: User, console: Console, sos: Any) -> None:
    sos()
    console.cut_off("**/passed-over/")
    passed = choose(console, "Dilnoza")
    passed.locator("summary").click()
    expect(passed).to_contain_text("Сервер не отвечает.")
