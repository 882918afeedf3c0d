"""Whose phones ring where helpers are few: one event at a time, the more urgent first, and nobody is left without."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone

from apps.notifications.models import Notification
from apps.sos import claims
from apps.sos.models import HelperAlert, LostClaim, SosEvent
from apps.sos.rules.due_step import take_due_step, take_due_steps
from apps.sos.rules.messages import EventAudience
from apps.sos.rules.opening import open_event
from apps.users.models import Role, User
from mdd_backend.database import prepared
from tests.conftest import HERE

pytestmark = pytest.mark.django_db
PLACE = {"lat": HERE[0], "lon": HERE[1], "severity": 3}
HELD = "SELECT helper_id, event_id, until = 'infinity' FROM sos_helperclaim WHERE until > clock_timestamp() ORDER BY 1"


def held() -> dict[int, tuple[int, bool]]:
    """Who is called or comes, by helper: to which event, and whether they come."""
    return {helper: (event, comes) for helper, event, comes in prepared.rows(HELD, [])}


def pressed(wearer: User, rank: int | None = None, **said: Any) -> SosEvent:
    event = open_event(wearer, PLACE | said).event
    if rank is not None:
        SosEvent.objects.filter(pk=event.pk).update(rank=rank)
    return event


def called(event: SosEvent) -> set[int]:
    return set(HelperAlert.objects.filter(event=event).values_list("helper_id", flat=True))


def test_every_helper_has_a_row_however_they_became_one(person: Any, helper: Any) -> None:
    made, turned, turned_at_once = helper(100), person(), person()
    turned.role = Role.HELPER
    turned.save()
    User.objects.filter(pk=turned_at_once.pk).update(role=Role.HELPER)
    rows = prepared.rows("SELECT helper_id FROM sos_helperclaim ORDER BY 1", [])
    assert [pk for (pk,) in rows] == sorted([made.pk, turned.pk, turned_at_once.pk])


def test_called_helper_belongs_to_the_event_until_they_answer(wearer: User, helper: Any, client_of: Any) -> None:
    comes, declines, silent = (helper(metres) for metres in (100, 200, 300))
    event = pressed(wearer)
    take_due_step(event.pk)
    assert held() == {user.pk: (event.pk, False) for user in (comes, declines, silent)}
    for user, answer in ((comes, "ACCEPTED"), (declines, "DECLINED")):
        client_of(user).post(f"/api/v1/sos/{event.uid}/respond/", {"status": answer}, format="json")
    assert held() == {comes.pk: (event.pk, True), silent.pk: (event.pk, False)}


@pytest.mark.parametrize("last", ["WITHDRAWN", "UNSAFE"])
def test_who_comes_no_more_is_free(wearer: User, helper: Any, client_of: Any, last: str) -> None:
    hero = helper(100)
    event = pressed(wearer)
    take_due_step(event.pk)
    for answer in ("ACCEPTED", last):
        client_of(hero).post(f"/api/v1/sos/{event.uid}/respond/", {"status": answer}, format="json")
    assert held() == {}


def test_closed_event_holds_nobody(wearer: User, helper: Any, client_of: Any, dispatcher: User) -> None:
    there, silent = helper(100), helper(200)
    event = pressed(wearer)
    take_due_step(event.pk)
    for answer in ("ACCEPTED", "ON_SCENE"):
        client_of(there).post(f"/api/v1/sos/{event.uid}/respond/", {"status": answer}, format="json")
    assert set(held()) <= {there.pk, silent.pk}
    client_of(dispatcher).post(f"/api/v1/sos/{event.uid}/resolve/", {"outcome": "HELPED"}, format="json")
    assert held() == {}


def test_more_urgent_event_takes_who_has_not_answered_and_the_other_calls_somebody_else(
    wearer: User, person: Any, helper: Any
) -> None:
    near = [helper(100 + n) for n in range(8)]
    first = pressed(person(), rank=701)
    take_due_step(first.pk)
    assert called(first) == {user.pk for user in near}
    further = [helper(900 + n) for n in range(8)]
    urgent = pressed(wearer, rank=704)
    take_due_step(urgent.pk)
    assert called(urgent) == {user.pk for user in further}, "the free ones first"
    third = pressed(person(), rank=704)
    take_due_step(third.pk)
    assert called(third) == {user.pk for user in near}
    assert LostClaim.objects.filter(event=first).count() == 8
    push = Notification.objects.filter(event_uid=first.uid, kind="SOS_ALERT")
    assert EventAudience().still_needed(list(push)) == set()
    another = helper(1200)
    take_due_steps()
    assert not LostClaim.objects.exists()
    assert called(first) == {user.pk for user in (*near, another)}


def test_whoever_presses_first_with_an_invented_watch_shifts_nobody(wearer: User, person: Any, helper: Any) -> None:
    near = [helper(100 + n) for n in range(8)]
    invented = pressed(person(), rank=505)
    take_due_step(invented.pk)
    further = [helper(900 + n) for n in range(8)]
    urgent = pressed(wearer, rank=703)
    take_due_step(urgent.pk)
    assert called(urgent) == {user.pk for user in near}
    take_due_steps()
    assert called(invented) == {user.pk for user in (*near, *further)}


def test_events_of_one_rank_share_who_has_not_answered_where_too_few_are_left(person: Any, helper: Any) -> None:
    only = helper(100)
    one, other = pressed(person()), pressed(person())
    take_due_step(one.pk)
    take_due_step(other.pk)
    assert (called(one), called(other)) == ({only.pk}, {only.pk})
    pushes = Notification.objects.filter(kind="SOS_ALERT")
    assert EventAudience().still_needed(list(pushes)) == {push.pk for push in pushes}


def test_further_events_of_one_wearer_take_nobody_from_anybody(wearer: User, person: Any, helper: Any) -> None:
    only = helper(100)
    first = pressed(person())
    take_due_step(first.pk)
    pressed(wearer)
    SosEvent.objects.filter(user=wearer).update(last_signal_at=timezone.now() - timedelta(hours=1))
    second = pressed(wearer)
    assert second.rank < first.rank
    take_due_step(second.pk)
    assert (called(first), called(second)) == ({only.pk}, set())


def test_whoever_comes_is_taken_by_nobody(wearer: User, person: Any, helper: Any, client_of: Any) -> None:
    hero = helper(100)
    event = pressed(person(), rank=401)
    take_due_step(event.pk)
    client_of(hero).post(f"/api/v1/sos/{event.uid}/respond/", {"status": "ACCEPTED"}, format="json")
    urgent = pressed(wearer, rank=705)
    take_due_step(urgent.pk)
    assert (called(urgent), held()) == (set(), {hero.pk: (event.pk, True)})


def test_acceptance_beats_a_ring_of_another_event(wearer: User, person: Any, helper: Any, client_of: Any) -> None:
    hero = helper(100)
    first = pressed(person(), rank=501)
    take_due_step(first.pk)
    urgent = pressed(wearer, rank=704)
    take_due_step(urgent.pk)
    answer = client_of(hero).post(f"/api/v1/sos/{first.uid}/respond/", {"status": "ACCEPTED"}, format="json")
    assert answer.status_code == 200
    assert held() == {hero.pk: (first.pk, True)}
    assert LostClaim.objects.filter(event=urgent).exists()


@pytest.mark.django_db(transaction=True)
def test_many_waves_at_once_share_out_the_helpers_without_a_deadlock(person: Any, helper: Any) -> None:
    crowd = [helper(100 + n) for n in range(24)]
    events = [pressed(person(), rank=400 + n % 3) for n in range(12)]

    def step(event: SosEvent) -> None:
        try:
            take_due_step(event.pk)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(step, events))
    for _ in range(4):
        take_due_steps()
    rungs = [pk for event in events for pk in called(event)]
    assert set(rungs) == {user.pk for user in crowd}
    assert set(held()) == set(rungs)


def test_claims_are_waited_for_by_nobody(wearer: User, helper: Any) -> None:
    event = pressed(wearer)
    assert claims.claim(event, [], 8) == set()
    assert claims.claim(event, [helper(100).pk], 0) == set()


CLAIMS = "SELECT helper_id, event_id, until = 'infinity' FROM sos_helperclaim ORDER BY 1"


@pytest.fixture
def hero(helper: Any) -> User:
    user: User = helper(100)
    return user


@pytest.fixture
def rung(wearer: User, hero: User) -> SosEvent:
    """An event to which the hero has been called."""
    event = pressed(wearer)
    take_due_step(event.pk)
    return event


def test_audit_leaves_what_is_right(
    rung: SosEvent, hero: User, client_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    claims.audit()
    assert held() == {hero.pk: (rung.pk, False)}
    client_of(hero).post(f"/api/v1/sos/{rung.uid}/respond/", {"status": "ACCEPTED"}, format="json")
    claims.audit()
    assert held() == {hero.pk: (rung.pk, True)}
    assert "claims were wrong" not in caplog.text


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ("UPDATE sos_helperclaim SET until = 'infinity'", False),
        ("UPDATE sos_helperalert SET status = 'DECLINED'", False),
        ("UPDATE sos_sosevent SET status = 'RESOLVED', next_step_at = NULL, closed_at = now()", False),
        ("UPDATE sos_helperclaim SET event_id = event_id + 1", False),
        ("UPDATE sos_helperalert SET status = 'EN_ROUTE'", True),
    ],
)
def test_audit_puts_right_what_is_not(
    change: str, left: bool, rung: SosEvent, hero: User, caplog: pytest.LogCaptureFixture
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(change)
    claims.audit()
    assert held() == ({hero.pk: (rung.pk, True)} if left else {})
    assert "claims were wrong" in caplog.text


def test_audit_tells_of_the_lost_whom_nobody_replaces(
    rung: SosEvent, hero: User, caplog: pytest.LogCaptureFixture
) -> None:
    lost = LostClaim.objects.create(event=rung, helper=hero)
    claims.audit()
    assert "claims were wrong" not in caplog.text
    LostClaim.objects.filter(pk=lost.pk).update(at=timezone.now() - timedelta(seconds=3))
    claims.audit()
    assert "lost_and_not_replaced=1" in caplog.text.replace("'", "").replace(": ", "=")


def test_audit_gives_a_helper_without_a_claim_one(hero: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM sos_helperclaim")
    claims.audit()
    assert prepared.rows(CLAIMS, []) == [(hero.pk, None, False)]


def test_audit_takes_nobody_from_an_emergency_for_a_drill(
    rung: SosEvent, hero: User, person: Any, client_of: Any
) -> None:
    drill = pressed(person(), drill=True)
    HelperAlert.objects.create(
        event=drill, helper=hero, wave=1, status="ACCEPTED", rung_at=timezone.now(), created_at=timezone.now()
    )
    client_of(hero).post(f"/api/v1/sos/{rung.uid}/respond/", {"status": "ACCEPTED"}, format="json")
    claims.audit()
    assert held() == {hero.pk: (rung.pk, True)}
