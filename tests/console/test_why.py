"""What is hidden of a past event is shown once a dispatcher has said why they look."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from apps.devices.models import Device
from apps.sos.kinds import Outcome
from apps.sos.models import SosEvent
from apps.sos.rules import desk
from apps.users.models import Look, User

from .screen import Console

pytestmark = pytest.mark.django_db(transaction=True)
HIDDEN = "Место, заметки и контакты прошлого события показываются при указании причины."


def test_the_notes_of_a_past_event_are_shown_for_a_reason(console: Console, sos: Any, dispatcher: User) -> None:
    page, event = console.page, sos(name="Anna Petrova")
    Device.objects.update(address_note="Second floor", medical_note="Diabetes")
    console.choose()
    expect(page.locator("#panel-facts")).to_contain_text("Second floor")
    desk.resolve(event, dispatcher, Outcome.HELPED, "")
    SosEvent.objects.update(closed_at=timezone.now() - timedelta(hours=2))
    desk.add_note(event, dispatcher, "Rang back.")
    facts, why = page.locator("#panel-facts"), page.get_by_role("button", name="Показать, указав причину…")
    expect(facts).to_contain_text(HIDDEN)
    expect(facts).not_to_contain_text("Second floor")
    expect(facts).not_to_contain_text("Diabetes")
    expect(page.locator("#panel-contacts")).to_have_text(HIDDEN)
    expect(page.locator("#panel-notes")).to_contain_text("Rang back.")
    why.click()
    dialog = page.locator("dialog[open]")
    expect(dialog).to_contain_text("Пострадавший может это прочитать.")
    dialog.get_by_label("Причина").fill("Asked for by the police.")
    dialog.get_by_role("button", name="Показать, указав причину…").click()
    expect(facts).to_contain_text("Second floor")
    expect(facts).to_contain_text("Diabetes")
    expect(why).to_have_count(0)
    kept = set(Look.objects.exclude(reason="").values_list("viewer_id", "person_id", "way", "reason"))
    assert kept == {(dispatcher.pk, event.user_id, way, "Asked for by the police.") for way in ("API", "MAP")}
    expect(page.locator("#panel-contacts")).not_to_have_text(HIDDEN)
    assert console.complaints == []
