"""How soon help came: counted from the rows, by the days of a zone."""

import csv
import io
import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from apps.notifications.models import Notification, NotificationChange
from apps.sos.journal.response_times import response_times
from apps.sos.kinds import JournalKind
from apps.sos.models import JournalEntry, SosEvent
from tests.sos.conftest import Course

_positions = itertools.count(10**6)

pytestmark = pytest.mark.django_db
DAY = date(2026, 3, 10)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
URL = "/api/v1/reports/response-times/"


@pytest.fixture
def event_with(course: Course) -> Any:
    """An event received then, whose steps took so many seconds (None: did not come)."""

    def make(at: datetime = NOON, steps: tuple[float | None, ...] = (), **changes: Any) -> SosEvent:
        event = course.press(device_uid=...)
        SosEvent.objects.filter(pk=event.pk).update(
            received_at=at, status="RESOLVED", next_step_at=None, closed_at=at, **changes
        )
        push, receipt, accept, there = (*steps, None, None, None, None)[:4]
        row = Notification.objects.create(
            user=course.wearer, channel="FCM", kind="SOS_ALERT", event_uid=event.uid, idempotency_key=str(event.uid),
            created_at=at, due_at=at, expires_at=at, state="SENT",
        )  # fmt: skip
        began = changes.get("unconfirmed_until") or at
        for state, seconds in (("SENT", push), ("RECEIVED", receipt)):
            if seconds is not None:
                NotificationChange.objects.create(notification=row, state=state, at=began + timedelta(seconds=seconds))
        for kind, seconds in ((JournalKind.HELPER_ACCEPTED, accept), (JournalKind.HELPER_ON_SCENE, there)):
            if seconds is not None:
                JournalEntry.objects.create(
                    position=next(_positions), event=event, kind=kind, at=began + timedelta(seconds=seconds)
                )
        return event

    return make


def test_each_step_counts_from_the_signal(event_with: Any) -> None:
    for seconds in (1, 2, 3, 4):
        event_with(steps=(seconds, seconds * 2, seconds * 10, seconds * 100))
    event_with(steps=(9, None, None, None))
    report = response_times(DAY, DAY, "UTC")
    (day,) = report["days"]
    assert day["steps"] == report["total"]["steps"]
    assert (day["day"], day["events"]) == ("2026-03-10", 5)
    assert day["steps"]["first_push"] == {"count": 5, "median_s": 3.0, "p90_s": 7.0, "p95_s": 8.0}
    assert day["steps"]["first_accept"] == {"count": 4, "median_s": 25.0, "p90_s": 37.0, "p95_s": 38.5}
    assert day["steps"]["first_on_scene"]["median_s"] == 250.0


def test_tests_and_drills_do_not_count(event_with: Any) -> None:
    event_with(steps=(1, 1, 1, 1), is_drill=True)
    event_with(steps=(1, 1, 1, 1), detected_type="TEST")
    total = response_times(DAY, DAY, "UTC")["total"]
    assert total["events"] == 0
    assert total["steps"]["first_push"] == {"count": 0, "median_s": None, "p90_s": None, "p95_s": None}


def test_after_a_countdown_seconds_count_from_its_end(event_with: Any) -> None:
    event_with(steps=(2, None, None, None), unconfirmed_until=NOON + timedelta(seconds=20))
    assert response_times(DAY, DAY, "UTC")["total"]["steps"]["first_push"]["median_s"] == 2.0


def test_days_are_those_of_the_zone_and_empty_ones_are_there(event_with: Any) -> None:
    event_with(datetime(2026, 3, 10, 20, tzinfo=UTC), (1,))
    days = response_times(DAY, date(2026, 3, 12), "Asia/Tashkent")["days"]
    assert [(day["day"], day["events"]) for day in days] == [
        ("2026-03-10", 0), ("2026-03-11", 1), ("2026-03-12", 0)
    ]  # fmt: skip
    assert response_times(DAY, DAY, "UTC")["total"]["events"] == 1


def test_table_says_the_same(event_with: Any, course: Course) -> None:
    event_with(steps=(1.5, 2, 30, 400))
    query = {"since": "2026-03-09", "until": "2026-03-10", "zone": "UTC"}
    answer = course.client_of(course.dispatcher).get(URL.removesuffix("/") + ".csv", query)
    assert answer["Content-Type"].startswith("text/csv")
    assert 'filename="response-times-2026-03-09-2026-03-10.csv"' in answer["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [(row["day"], row["events"], row["first_push_median_s"]) for row in rows] == [
        ("2026-03-09", "0", ""), ("2026-03-10", "1", "1.5")
    ]  # fmt: skip


def test_without_a_question_it_is_the_last_thirty_days(course: Course) -> None:
    report = course.client_of(course.dispatcher).get(URL).json()
    assert len(report["days"]) == 30
    assert report["zone"] == "UTC"


@pytest.mark.parametrize("path", [URL, URL.removesuffix("/") + ".csv"])
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"since": "yesterday"}, "since"),
        ({"until": "2026-02-30"}, "until"),
        ({"since": "2026-03-02", "until": "2026-03-01"}, "since"),
        ({"since": "2024-01-01", "until": "2026-01-01"}, "since"),
        ({"until": "0001-01-05"}, "until"),
        ({"until": "9999-12-31"}, "until"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"zone": "../../etc/passwd"}, "zone"),
        ({"zone": "x" * 65}, "zone"),
    ],
)
def test_bad_question_names_the_field(query: dict[str, str], field: str, path: str, course: Course) -> None:
    answer = course.client_of(course.dispatcher).get(path, query)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/json"
    assert field in answer.json()
