"""When the page calls its dispatcher, and that whatever sounds can be acknowledged."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F
from playwright.sync_api import expect

from apps.sos.models import SosEvent
from apps.sos.rules import desk
from apps.sos.rules.due_step import take_due_step
from apps.users.models import User

from .screen import Console

pytestmark = pytest.mark.django_db(transaction=True)
QUIET, ALARM = "MDD: пульт", "(1) ждёт SOS"


@pytest.fixture
def answer(client_of: Any) -> Any:
    """A helper answers their call."""

    def say(helper: User, event: SosEvent, *statuses: str) -> None:
        for status in statuses:
            url = f"/api/v1/sos/{event.uid}/respond/"
            assert client_of(helper).post(url, {"status": status}, format="json").status_code == 200

    return say


def acknowledged_long_ago(event: SosEvent, dispatcher: User, seconds: int) -> None:
    desk.acknowledge(event, dispatcher)
    SosEvent.objects.filter(pk=event.pk).update(acknowledged_at=F("acknowledged_at") - timedelta(seconds=seconds))


def silence(console: Console) -> None:
    """With the button, which is there as long as it sounds."""
    expect(console.page).to_have_title(ALARM)
    console.page.get_by_role("button", name="Принять").click()
    expect(console.page).to_have_title(QUIET)


def test_alarm_comes_back_when_an_acknowledgement_lapses_and_can_be_silenced(
    console: Console, sos: Any, dispatcher: User
) -> None:
    event = sos()
    console.choose()
    expect(console.page).to_have_title(ALARM)
    with transaction.atomic():  # the page must not see it between the two, and asks when it is told
        acknowledged_long_ago(event, dispatcher, 170)
    expect(console.page).to_have_title(QUIET)
    silence(console)  # ten seconds later; the server tells nothing then
    acknowledged_long_ago(event, dispatcher, 181)
    console.page.reload()
    console.choose()
    expect(console.page).to_have_title(ALARM)
    console.page.keyboard.press("a")
    expect(console.page).to_have_title(QUIET)
    expect(console.page.get_by_role("button", name="Принять")).to_be_hidden()


def test_unsafe_place_sounds_though_it_was_acknowledged(
    console: Console, sos: Any, dispatcher: User, helper: Any, answer: Any
) -> None:
    near, event = helper(300), sos()
    take_due_step(event.pk)
    console.choose()
    console.page.keyboard.press("a")
    expect(console.page).to_have_title(QUIET)
    answer(near, event, "ACCEPTED", "UNSAFE")
    silence(console)
    acknowledged_long_ago(event, dispatcher, 300)
    console.page.reload()
    console.choose()
    silence(console)


def test_one_who_is_coming_though_the_event_is_halted_leaves_the_button_there(
    console: Console, sos: Any, dispatcher: User, helper: Any, answer: Any
) -> None:
    near, other, event = helper(300), helper(400), sos()
    take_due_step(event.pk)
    answer(near, event, "ACCEPTED")
    answer(other, event, "ACCEPTED")
    desk.acknowledge(event, dispatcher)
    answer(other, event, "UNSAFE")
    console.choose()
    expect(console.page.locator("#panel-state")).to_have_text("Едут 1")
    silence(console)
