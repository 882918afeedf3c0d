"""What is kept for a while only, and what never goes."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.notifications.models import Notification, NotificationChange
from apps.sos.models import EventNote, HelperAlert, JournalEntry, Signal, SosEvent
from apps.sos.rules.due_step import take_due_step
from apps.sos.rules.retention import forget_old
from apps.users.models import Look, User
from mdd_backend.database import batches

pytestmark = pytest.mark.django_db
NOTHING = {"payloads": 0, "notifications": 0, "events": 0, "looks": 0}


@pytest.fixture
def closed(wearer: User, helper: Any, press: Any, dispatcher: User) -> SosEvent:
    helper(100)
    press(wearer)
    event = SosEvent.objects.get()
    take_due_step(event.pk)
    EventNote.objects.create(event=event, author=dispatcher, text="Rang back.", created_at=timezone.now())
    SosEvent.objects.update(status="RESOLVED", next_step_at=None, closed_at=timezone.now())
    return event


def age(**days: int) -> None:
    by = {name: timezone.now() - timedelta(days=n) for name, n in days.items()}
    if "closed_at" in by:
        SosEvent.objects.update(closed_at=by["closed_at"])
    if "received_at" in by:
        Signal.objects.update(received_at=by["received_at"])
    if "created_at" in by:
        Notification.objects.update(created_at=by["created_at"])


def test_what_is_young_stays(closed: SosEvent) -> None:
    age(closed_at=1094, received_at=89, created_at=179)
    assert forget_old() == NOTHING


def test_what_watches_sent_goes_first(closed: SosEvent) -> None:
    age(received_at=91)
    assert forget_old() == NOTHING | {"payloads": 1}
    signal = Signal.objects.get()
    assert (signal.raw_payload, signal.payload_digest, signal.warnings) == (None, None, {})
    assert forget_old() == NOTHING


def test_messages_go_with_their_changes(closed: SosEvent) -> None:
    NotificationChange.objects.create(notification=Notification.objects.first(), state="SENT", at=timezone.now())
    count = Notification.objects.count()
    age(created_at=181)
    assert forget_old() == NOTHING | {"notifications": count}
    assert not NotificationChange.objects.exists()


def test_a_closed_event_goes_with_all_that_is_its_own_and_the_journal_stays(
    closed: SosEvent, dispatcher: User, client_of: Any
) -> None:
    entries = JournalEntry.objects.count()
    age(closed_at=1096)
    assert forget_old()["events"] == 1
    assert not any(model.objects.exists() for model in (SosEvent, Signal, HelperAlert, EventNote))
    assert JournalEntry.objects.count() == entries
    told = client_of(dispatcher).get("/api/v1/sos/feed/", {"after": 0})
    assert (told.status_code, len(told.json()["messages"])) == (200, entries)


def test_an_open_event_stays_however_old(wearer: User, press: Any) -> None:
    press(wearer)
    SosEvent.objects.update(received_at=timezone.now() - timedelta(days=5000))
    assert forget_old()["events"] == 0


def test_who_follows_an_event_that_goes_stays(closed: SosEvent, wearer: User, press: Any) -> None:
    press(wearer, timestamp=..., lat=41.4)
    newer = SosEvent.objects.latest("pk")
    SosEvent.objects.filter(pk=newer.pk).update(follows=closed)
    SosEvent.objects.filter(pk=closed.pk).update(closed_at=timezone.now() - timedelta(days=1096))
    assert forget_old()["events"] == 1
    newer.refresh_from_db()
    assert newer.follows_id is None


def test_looks_go_too(wearer: User, dispatcher: User) -> None:
    for days in (1094, 1096):
        at = timezone.now() - timedelta(days=days)
        Look.objects.create(viewer=dispatcher, person=wearer, way="API", hour=at, at=at)
    assert forget_old() == NOTHING | {"looks": 1}


def test_it_takes_a_batch_at_a_time(wearer: User, dispatcher: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH", 3)
    at = timezone.now() - timedelta(days=2000)
    for n in range(8):
        hour = at + timedelta(hours=n)
        Look.objects.create(viewer=dispatcher, person=wearer, way="API", hour=hour, at=hour)
    assert forget_old()["looks"] == 8
