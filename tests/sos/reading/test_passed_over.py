"""Whom a dispatcher sees near an event who is not called, and why they may not be."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.devices.models import Device, HelperPosition
from apps.notifications.models import PushToken
from apps.sos.models import HelperClaim, JournalEntry, SosEvent
from apps.sos.rules import search
from apps.sos.rules.due_step import take_due_step
from apps.sos.sql import FIT
from apps.users.models import BlockedHelper, Look, Status, User
from apps.users.rules import looks
from tests.sos.conftest import Course

pytestmark = pytest.mark.django_db


def passed_over(course: Course) -> list[Any]:
    answer = course.client_of(course.dispatcher).get(f"/api/v1/sos/{course.event.uid}/passed-over/")
    assert answer.status_code == 200
    found: list[Any] = answer.json()
    return found


def reasons(course: Course) -> dict[str, str]:
    return {one["uuid"]: one["reason"] for one in passed_over(course)}


def test_each_is_named_with_the_distance_and_the_reason_the_nearest_first(course: Course, press: Any) -> None:
    people = [course.helper(100 * n, full_name=f"Helper {n}") for n in range(1, 9)]
    not_active, off_duty, stale, offline, unreachable, blocked, busy, in_need = people
    press(in_need, device_uid=...)
    claims = HelperClaim.objects.filter(helper=busy)
    claims.update(event=SosEvent.objects.get(), rank=32_767, until=timezone.now() + timedelta(hours=1))
    User.objects.filter(pk=not_active.pk).update(status=Status.BANNED)
    User.objects.filter(pk=off_duty.pk).update(on_duty=False)
    HelperPosition.objects.filter(user=stale).update(recorded_at=timezone.now() - timedelta(hours=2))
    Device.objects.filter(owner=offline).update(is_online=False)
    PushToken.objects.filter(user=unreachable).delete()
    BlockedHelper.objects.create(owner=course.wearer, helper=blocked)
    fit = course.helper(900)
    course.press()
    course.step()
    assert course.called() == {fit.pk}
    assert passed_over(course) == [
        {
            "uuid": str(user.uuid),
            "full_name": f"Helper {n}",
            "phone_number": str(user.phone_number),
            "distance_m": pytest.approx(100 * n, rel=0.01),
            "reason": reason,
        }
        for n, (user, reason) in enumerate(zip(people, FIT, strict=True), start=1)
    ]


def test_they_are_looked_for_as_far_as_the_waves_have_come(course: Course) -> None:
    near, far = course.helper(1400, on_duty=False), course.helper(2500, on_duty=False)
    course.press()
    course.step()
    SosEvent.objects.update(waves_called=0)
    assert reasons(course).keys() == {str(near.uuid)}
    SosEvent.objects.update(waves_called=1)
    assert reasons(course).keys() == {str(near.uuid)}
    for waves in (2, 4, 9):
        SosEvent.objects.update(waves_called=waves)
        assert reasons(course).keys() == {str(near.uuid), str(far.uuid)}


def test_neither_those_called_nor_those_who_may_be_are_among_them(course: Course) -> None:
    course.helper(100)
    course.press()
    course.step()
    course.helper(200)
    assert passed_over(course) == []


def test_only_the_nearest_are_looked_at(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "LOOKED_AT", 2)
    nearest = [course.helper(100 + n, on_duty=False) for n in range(3)][:2]
    course.press()
    assert [one["uuid"] for one in passed_over(course)] == [str(user.uuid) for user in nearest]


def test_nobody_is_passed_over_by_an_event_that_is_closed_or_has_no_place(course: Course) -> None:
    course.helper(100, on_duty=False)
    course.press(lat=..., lon=...)
    assert passed_over(course) == []
    course.press()
    assert len(passed_over(course)) == 1
    course.desk("resolve", outcome="HELPED")
    assert passed_over(course) == []


def test_asking_changes_nothing(course: Course, django_assert_max_num_queries: Any) -> None:
    for n in range(12):
        course.helper(100 + n, on_duty=False)
    course.press()
    before = SosEvent.objects.values().get()
    entries = JournalEntry.objects.count()
    with django_assert_max_num_queries(7):
        assert len(passed_over(course)) == 12
    assert (SosEvent.objects.values().get(), JournalEntry.objects.count()) == (before, entries)
    looks.flush()
    assert not Look.objects.exists(), "the place is not in it"


def test_wave_does_not_look_for_them(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    course.helper(100, on_duty=False)
    called = course.helper(200)
    course.press()
    monkeypatch.setattr(search.sql, "WHY_NOT", "SELECT nobody_asks")
    SosEvent.objects.update(next_step_at=timezone.now())
    assert take_due_step(course.event.pk)
    assert course.called() == {called.pk}
