"""Whose phone jumps, and who withdraws again and again, is called after everybody else, for an hour."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.devices.models import Device, HelperPosition
from apps.devices.rules.registry import Fix, record_fix, record_fixes, see_helper
from apps.sos.models import HelperAlert, HelperClaim, SosEvent
from apps.sos.rules.due_step import take_due_step
from apps.sos.rules.opening import open_event
from apps.sos.rules.search import choose, nearest_helpers
from apps.users.models import User
from tests.conftest import HERE, METRES_NORTH

pytestmark = pytest.mark.django_db
PLACE = {"lat": HERE[0], "lon": HERE[1], "severity": 3}


def phone_of(user: User) -> Device:
    device: Device = Device.objects.get(owner=user)
    return device


def north(metres: float) -> dict[str, float]:
    return {"lat": HERE[0] + metres * METRES_NORTH, "lon": HERE[1]}


def pass_time(user: User, **how: float) -> None:
    """As if so long had passed since the phone told where it is."""
    device = phone_of(user)
    assert device.reachable_at is not None
    assert device.position_at is not None
    past = timedelta(**how)
    changes = {"reachable_at": device.reachable_at - past, "position_at": device.position_at - past}
    Device.objects.filter(owner=user).update(**changes)


def has_jumped(user: User) -> bool:
    return HelperPosition.objects.filter(user=user).exclude(jumped_at=None).exists()


def jumped(user: User, **how: float) -> User:
    HelperPosition.objects.filter(user=user).update(jumped_at=timezone.now() - timedelta(**how))
    return user


def answer(client_of: Any, user: User, event: SosEvent, *answers: str) -> None:
    for status in answers:
        done = client_of(user).post(f"/api/v1/sos/{event.uid}/respond/", {"status": status}, format="json")
        assert done.status_code == 200


@pytest.mark.parametrize(
    ("metres", "seconds", "is_jump"),
    [(2_000, 0, False), (4_000, 0, True), (5_000, 60, False), (9_000, 60, True), (280_000, 3600, False)],
)
def test_faster_than_300_km_an_hour_is_a_jump(helper: Any, metres: float, seconds: float, is_jump: bool) -> None:
    hero = helper(0)
    pass_time(hero, seconds=seconds)
    record_fix(phone_of(hero), Fix(**north(metres)))
    assert has_jumped(hero) is is_jump


def test_small_jumps_add_up(helper: Any) -> None:
    hero = helper(0)
    for number in range(1, 3):
        record_fix(phone_of(hero), Fix(**north(number * 1_800)))
    assert has_jumped(hero)


def test_clock_of_the_phone_does_not_matter(helper: Any) -> None:
    hero = helper(0)
    Device.objects.update(position_at=timezone.now() - timedelta(hours=5))
    record_fixes(phone_of(hero), [Fix(**north(50_000), recorded_at=timezone.now() - timedelta(hours=1))])
    assert has_jumped(hero)


def test_fixes_kept_without_a_connection_are_no_jump(helper: Any) -> None:
    hero = helper(0)
    pass_time(hero, minutes=20)
    at = timezone.now()
    record_fixes(
        phone_of(hero),
        [Fix(**north(minute * 1_500), recorded_at=at - timedelta(minutes=20 - minute)) for minute in range(20)],
    )
    assert not has_jumped(hero)


def test_late_fix_that_moves_nobody_is_no_jump(helper: Any) -> None:
    hero = helper(0)
    record_fix(phone_of(hero), Fix(**north(50_000), recorded_at=timezone.now() - timedelta(hours=1)))
    assert not has_jumped(hero)


def test_wearers_watch_is_not_judged(wearer: User, helper: Any) -> None:
    device = Device.objects.create(owner=wearer, device_uid="w")
    for metres in (0, 50_000):
        record_fix(device, Fix(**north(metres)))
    assert not has_jumped(wearer)


def test_place_in_an_answer_or_a_receipt_is_judged_too(helper: Any) -> None:
    near, far = helper(0), helper(0)
    see_helper(near, **north(1_000))
    see_helper(far, **north(50_000))
    assert (has_jumped(near), has_jumped(far)) == (False, True)


def test_who_has_jumped_is_called_after_all_others(wearer: User, helper: Any) -> None:
    nearest, others = jumped(helper(10), minutes=1), [helper(100 * number) for number in range(1, 4)]
    event = open_event(wearer, PLACE).event
    assert [one.user_id for one in choose(event, 1500, 3).helpers] == [user.pk for user in others]
    assert [one.user_id for one in choose(event, 1500, 4).helpers][-1] == nearest.pk
    assert [(one.user_id, one.caution) for one in nearest_helpers(event, 1500, 2)] == [
        (nearest.pk, "JUMPED"),
        (others[0].pk, ""),
    ]


def test_who_is_called_last_is_called_where_nobody_else_is(wearer: User, helper: Any) -> None:
    only = jumped(helper(100), minutes=1)
    event = open_event(wearer, PLACE).event
    take_due_step(event.pk)
    assert HelperAlert.objects.get().helper == only


def test_it_wears_off_after_an_hour(wearer: User, helper: Any) -> None:
    nearest = jumped(helper(10), minutes=61)
    helper(100)
    event = open_event(wearer, PLACE).event
    assert [(one.user_id, one.caution) for one in choose(event, 1500, 1).helpers] == [(nearest.pk, "")]


def test_two_withdrawals_within_an_hour(wearer: User, dispatcher: User, helper: Any, client_of: Any) -> None:
    hero = helper(10)
    event = open_event(wearer, PLACE).event
    take_due_step(event.pk)
    desk, seen_by_wearer = client_of(dispatcher), client_of(wearer)
    answer(client_of, hero, event, "ACCEPTED", "WITHDRAWN")
    assert desk.get(f"/api/v1/sos/{event.uid}/").json()["helpers"][0]["caution"] is None
    answer(client_of, hero, event, "ACCEPTED", "WITHDRAWN", "ACCEPTED")
    assert desk.get(f"/api/v1/sos/{event.uid}/").json()["helpers"][0]["caution"] == "WITHDREW"
    assert seen_by_wearer.get(f"/api/v1/sos/{event.uid}/").json()["helpers"][0]["caution"] is None
    HelperClaim.objects.update(unsteady_at=timezone.now() - timedelta(minutes=61))
    assert desk.get(f"/api/v1/sos/{event.uid}/").json()["helpers"][0]["caution"] is None


def test_withdrawals_further_apart_do_not_count(wearer: User, helper: Any, client_of: Any) -> None:
    hero = helper(10)
    event = open_event(wearer, PLACE).event
    take_due_step(event.pk)
    answer(client_of, hero, event, "ACCEPTED", "WITHDRAWN")
    HelperClaim.objects.update(withdrew_at=timezone.now() - timedelta(minutes=61))
    answer(client_of, hero, event, "ACCEPTED", "WITHDRAWN")
    assert HelperClaim.objects.values_list("unsteady_at", flat=True).get() is None


def test_dispatchers_see_it_among_those_who_could_be_sent(
    wearer: User, dispatcher: User, helper: Any, client_of: Any
) -> None:
    jumped(helper(100), minutes=1), helper(200)
    event = open_event(wearer, PLACE).event
    found = client_of(dispatcher).get(f"/api/v1/console/events/{event.uid}/free-helpers/").json()
    assert [one["caution"] for one in found] == ["JUMPED", None]
