"""What the benchmarks count as wrong is counted where it is wrong, and only there."""

from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from apps.notifications.models import Notification
from apps.sos.kinds import AlertStatus
from apps.sos.models import HelperAlert, HelperClaim, SosEvent
from apps.sos.rules.due_step import take_due_step
from apps.users.models import User
from benchmarks.measures import earthquake
from benchmarks.measures.attack import Turn

pytestmark = pytest.mark.django_db
BY_ONE, TO_TWO, BY_NOBODY = earthquake.TWICE


def counted() -> dict[str, int]:
    """What is wrong, with its number."""
    found = {}
    for name, query in earthquake.TWICE.items():
        with connection.cursor() as cursor:
            cursor.execute(query)
            found[name] = cursor.fetchone()[0]
    return {name: count for name, count in found.items() if count}


@pytest.fixture
def shared(person: Any, helper: Any, press: Any) -> User:
    """The one helper of two events of the same rank, whose phone rings for both."""
    only = helper(100)
    for _ in range(2):
        press(person())
    for event in SosEvent.objects.order_by("pk"):
        take_due_step(event.pk)
    assert HelperAlert.objects.filter(helper=only).count() == 2
    return only


def test_phone_that_rings_for_two_events_of_one_rank_is_nothing_wrong(shared: User) -> None:
    assert counted() == {}


def test_second_push_of_one_ring_is_counted(shared: User) -> None:
    push = Notification.objects.filter(user=shared, kind="SOS_ALERT").earliest("pk")
    push.pk, push.idempotency_key = None, "again"
    push.uuid = Notification._meta.get_field("uuid").get_default()
    push.save()
    assert counted() == {BY_ONE: 1}
    HelperAlert.objects.update(rings=F("rings") + 1)
    assert counted() == {}


def test_helper_who_comes_to_two_is_counted(shared: User) -> None:
    HelperAlert.objects.filter(helper=shared).update(status=AlertStatus.ACCEPTED)
    assert counted() == {TO_TWO: 1}


def test_helper_whom_no_event_holds_that_called_them_is_counted(shared: User) -> None:
    HelperClaim.objects.filter(helper=shared).update(event=None)
    assert counted() == {BY_NOBODY: 1}


def test_share_is_of_those_whom_the_same_events_call_without_an_attack() -> None:
    alone = Turn({1: frozenset("abcd"), 2: frozenset("efgh")}, 0.1)
    beside = Turn({1: frozenset("abcx"), 2: frozenset("defgh")}, 0.1)
    assert (beside.share_of(alone), alone.share_of(alone)) == (7 / 8, 1)
