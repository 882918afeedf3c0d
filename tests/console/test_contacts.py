"""Whom a dispatcher can phone about a wearer, and what those people know already."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone
from playwright.sync_api import expect

from apps.notifications.models import Notification
from apps.sos.models import SosEvent
from apps.sos.rules.due_step import take_due_step

from .screen import Console

pytestmark = pytest.mark.django_db(transaction=True)


def test_emergency_contacts_are_in_the_panel_with_what_they_were_told(console: Console, sos: Any, helper: Any) -> None:
    helper(400)
    event: SosEvent = sos()
    event.user.emergency_contacts.create(name="Salima Karimova", phone_number="+998931234567", language="uz")
    take_due_step(event.pk)
    expect(console.cards).to_have_count(1)
    console.choose()
    contacts = console.page.locator("#panel-contacts")
    expect(contacts).to_contain_text("Salima Karimova")
    expect(contacts.locator("a")).to_have_attribute("href", "tel:+998931234567")
    expect(contacts).to_contain_text("узбекский · сообщений не было")
    began = F("received_at") - timedelta(seconds=61)
    SosEvent.objects.filter(pk=event.pk).update(received_at=began, next_step_at=timezone.now())
    take_due_step(event.pk)
    expect(contacts).to_contain_text("узбекский · тревога контакту: в очереди")
    assert Notification.objects.get(kind="CONTACT_ALARM").contact_id
    expect(console.page.locator("#panel-others")).not_to_contain_text("тревога контакту")
    assert console.complaints == []


def test_wearer_without_contacts_has_none_to_phone(console: Console, sos: Any) -> None:
    sos()
    expect(console.cards).to_have_count(1)
    console.choose()
    expect(console.page.locator("#panel-contacts")).to_have_text("Экстренных контактов нет.")
