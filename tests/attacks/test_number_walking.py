"""Somebody has a list of phone numbers and wants to know whose are here, or to annoy their owners."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.notifications.models import Notification
from apps.notifications.rules.delivery import deliver_due
from apps.users.rules.accounts import answer_reset_requests
from tests.users.conftest import REGISTER, RESET, post, registration

pytestmark = pytest.mark.django_db


def statements(phone: str) -> list[str]:
    """What a request for a code does in the database, without what it does it with."""
    with CaptureQueriesContext(connection) as seen:
        answer = APIClient().post(RESET, {"phone_number": phone}, format="json")
    assert (answer.status_code, answer.json()) == (202, {"status": "sent"})
    return [re.sub(r"\"s\d+_x\d+\"", "", query["sql"].split("VALUES")[0]) for query in seen.captured_queries]


def test_asking_for_a_code_does_the_same_for_a_number_that_nobody_has(person: Any) -> None:
    person(phone_number="+998907654321")
    assert statements("+998907654321") == statements("+998907654322")


def test_registering_walks_through_no_list(person: Any, settings: Any) -> None:
    settings.REGISTRATIONS_PER_ADDRESS = 5
    numbers = [f"+99890765{n:04d}" for n in range(12)]
    for number in numbers:
        person(phone_number=number)
    answers = [post(REGISTER, registration(phone_number=number)).status_code for number in numbers]
    assert answers == [400] * 5 + [429] * 7


def test_an_owner_is_not_annoyed(eskiz: Any, person: Any, settings: Any) -> None:
    settings.REGISTRATIONS_PER_ADDRESS = 1000
    person(phone_number="+998907654321")
    for _ in range(20):
        post(REGISTER, registration())
        post(RESET, {"phone_number": "+998907654321"})
        answer_reset_requests()
    deliver_due("SMS")
    assert sorted(Notification.objects.values_list("kind", flat=True)) == ["NUMBER_TAKEN", "PASSWORD_RESET"]
