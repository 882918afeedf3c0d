"""One owns the account, another wears the watch: everybody is told the name of whoever needs help."""

import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from apps.devices.models import Device
from apps.devices.rules.registry import register_device
from apps.notifications.models import Notification
from apps.notifications.rules import texts
from apps.sos.queries.live import live_url
from apps.users.models import EmergencyContact, User
from tests.sos.conftest import Course

pytestmark = pytest.mark.django_db
MOTHER = {"full_name": "Salima Karimova", "phone_number": "+998935550011"}
SON = "Rustam Karimov"


@pytest.fixture
def watch(course: Course) -> Device:
    """The son's, worn by his mother."""
    course.wearer.full_name = SON
    course.wearer.save()
    device, _ = register_device(course.wearer, "watch-of-mother")
    device.wearer_name, device.wearer_phone = MOTHER["full_name"], MOTHER["phone_number"]
    device.save()
    return device


@pytest.fixture
def neighbour(course: Course) -> EmergencyContact:
    """Has said yes to an account whose phone is proven."""
    course.wearer.phone_confirmed_at = timezone.now()
    course.wearer.save()
    contact: EmergencyContact = EmergencyContact.objects.create(
        owner=course.wearer,
        name="Neighbour",
        phone_number="+998931234567",
        language="en",
        confirmed_at=timezone.now(),
    )
    return contact


def test_contacts_read_who_needs_help_and_who_is_safe_again(
    watch: Device, neighbour: EmergencyContact, course: Course
) -> None:
    EmergencyContact.objects.update(confirmed_at=timezone.now())
    User.objects.update(phone_confirmed_at=timezone.now())
    course.press(device_uid=watch.device_uid)
    course.step()
    course.desk("resolve", outcome="HELPED")
    said = [
        texts.text_for(one, neighbour) for one in Notification.objects.filter(contact_id=neighbour.pk).order_by("pk")
    ]
    assert len(said) == 2
    assert all("Salima Karimova" in text and SON not in text for text in said)


def test_live_page_names_the_wearer(watch: Device, neighbour: EmergencyContact, course: Course) -> None:
    event = course.press(device_uid=watch.device_uid)
    page = Client().get(live_url(event.uid, neighbour.pk).removeprefix(settings.PUBLIC_URL)).content.decode()
    assert re.search(r"<h1>SOS: Salima Karimova</h1>", page)
    assert SON not in page


def test_helper_who_comes_is_told_whom_to_help_and_whose_account_it_is(
    watch: Device, course: Course, client_of: Any
) -> None:
    helper = course.helper(100)
    event = course.press(device_uid=watch.device_uid)
    course.step()
    assert course.answer(helper, "ACCEPTED").json()["wearer"] == MOTHER
    shown = client_of(helper).get(f"/api/v1/sos/{event.uid}/").json()
    assert shown["wearer"] == MOTHER
    assert shown["owner"] == {"full_name": SON, "phone_number": str(course.wearer.phone_number)}


def test_watch_that_names_nobody_is_worn_by_its_owner(watch: Device, course: Course, client_of: Any) -> None:
    Device.objects.update(wearer_name="", wearer_phone=None)
    for uid in (watch.device_uid, ...):
        event = course.press(device_uid=uid)
        shown = client_of(course.dispatcher).get(f"/api/v1/sos/{event.uid}/").json()
        assert shown["wearer"] == shown["owner"] == {"full_name": SON, "phone_number": str(course.wearer.phone_number)}
