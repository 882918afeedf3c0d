"""A helper whom the dispatcher sends is shown as sent until they, or the dispatcher, say that they come."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from apps.sos.models import HelperAlert, SosEvent

from .screen import Console

pytestmark = pytest.mark.django_db(transaction=True)


def test_sent_helper_is_not_shown_as_coming_until_the_dispatcher_has_their_yes(
    console: Console, sos: Any, helper: Any
) -> None:
    helper(2500, full_name="Olim Tursunov")
    sos(severity=3)
    expect(console.cards).to_have_count(1)
    console.choose()
    console.page.keyboard.press("s")
    dialog = console.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Olim Tursunov")
    console.page.keyboard.press("Space")
    console.page.keyboard.press("Enter")
    people = console.page.locator("#panel-people")
    expect(people).to_contain_text("отправлен, не подтвердил")
    expect(console.page.locator("#panel-state")).to_contain_text("Без ответа")
    people.get_by_role("button", name="Согласие по телефону").click()
    expect(people).to_contain_text("согласился")
    expect(people.get_by_role("button")).to_have_count(0)
    assert HelperAlert.objects.get().status == "ACCEPTED"
    assert console.complaints == []


def test_place_measured_long_ago_says_so(console: Console, sos: Any) -> None:
    sos()
    SosEvent.objects.update(position_at=timezone.now() - timedelta(minutes=20), location_source="SIGNAL")
    console.page.reload()
    expect(console.cards).to_have_count(1)
    console.choose()
    expect(console.page.locator("#panel-facts")).to_contain_text("измерено 20 мин назад")
