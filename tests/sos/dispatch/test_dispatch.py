"""Who is called, in which order, and what their phones are told."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from apps.devices.models import Device, HelperPosition
from apps.devices.rules.registry import Fix, record_fix, register_device
from apps.notifications.models import Notification, PushToken
from apps.sos.kinds import EventStatus, Outcome
from apps.sos.models import HelperAlert, HelperClaim, SosEvent
from apps.sos.queries.privacy import cell_of, coarse
from apps.sos.rules import search
from apps.sos.rules.closing import close
from apps.sos.rules.due_step import take_due_step
from apps.sos.rules.search import nearest_helpers
from apps.users.models import Role, Status, User
from apps.users.rules.accounts import change_standing

pytestmark = pytest.mark.django_db


@pytest.fixture
def open_event(wearer: User, press: Any) -> Any:
    def make(user: User | None = None, **changes: Any) -> SosEvent:
        answer = press(user or wearer, **{"severity": 3, "device_uid": ...} | changes)
        return SosEvent.objects.get(uid=answer.json()["event_uid"])

    return make


def called(event: SosEvent) -> list[int]:
    return list(event.alerts.order_by("distance_m").values_list("helper_id", flat=True))


def step(event: SosEvent) -> None:
    SosEvent.objects.filter(pk=event.pk).update(wave_at=timezone.now(), next_step_at=timezone.now())
    assert take_due_step(event.pk)


def test_first_wave_calls_the_eight_nearest_within_1500_m(helper: Any, open_event: Any) -> None:
    near = [helper(metres) for metres in (900, 100, 300, 200, 500, 400, 700, 600, 800)]
    event = open_event()
    take_due_step(event.pk)
    by_distance = sorted(near, key=lambda user: user.helper_position.position.y)
    assert called(event) == [user.pk for user in by_distance[:8]]


def test_severe_event_starts_with_the_first_two_waves(helper: Any, open_event: Any) -> None:
    far = helper(2500)
    event = open_event(severity=4)
    take_due_step(event.pk)
    assert called(event) == [far.pk]


def test_waves_go_further_out_and_call_nobody_twice(helper: Any, open_event: Any) -> None:
    people = [helper(metres) for metres in (1000, 2500, 4500, 9000)]
    helper(12_000)
    event = open_event()
    for wave in range(1, 7):
        step(event)
        assert called(event) == [user.pk for user in people[:wave]]
    assert list(event.alerts.order_by("distance_m").values_list("wave", flat=True)) == [1, 2, 3, 4]
    assert Notification.objects.filter(kind="SOS_ALERT").count() == 4


def test_step_is_taken_once(helper: Any, open_event: Any) -> None:
    helper(100)
    event = open_event()
    assert take_due_step(event.pk)
    assert not take_due_step(event.pk)


UNFIT: dict[str, Any] = {
    "off duty": lambda user: User.objects.filter(pk=user.pk).update(on_duty=False),
    "banned": lambda user: change_standing(user, role=user.role, status=Status.BANNED),
    "not a helper any more": lambda user: change_standing(user, role=Role.USER, status=user.status),
    "phone offline": lambda user: Device.objects.filter(owner=user).update(is_online=False),
    "cannot be reached": lambda user: PushToken.objects.filter(user=user).delete(),
    "old position": lambda user: HelperPosition.objects.filter(user=user).update(
        recorded_at=F("recorded_at") - timedelta(hours=2)
    ),
}


@pytest.mark.parametrize("why", UNFIT)
def test_who_cannot_help_is_not_called_and_takes_no_place(why: str, helper: Any, open_event: Any) -> None:
    UNFIT[why](helper(100))
    fit = [helper(200 + n) for n in range(8)]
    event = open_event()
    take_due_step(event.pk)
    assert called(event) == [user.pk for user in fit]


def test_wearer_who_is_a_helper_is_not_called_to_themselves(helper: Any, open_event: Any) -> None:
    event = open_event(helper(10))
    take_due_step(event.pk)
    assert called(event) == []


def test_helper_called_elsewhere_is_busy_until_that_event_closes(helper: Any, open_event: Any, person: Any) -> None:
    only = helper(100)
    first, second = open_event(), open_event(person())
    SosEvent.objects.filter(pk=second.pk).update(rank=first.rank - 1)
    take_due_step(first.pk)
    take_due_step(second.pk)
    assert called(second) == []
    close(first, EventStatus.RESOLVED, Outcome.HELPED, None)
    SosEvent.objects.filter(pk=second.pk).update(waves_called=0)
    step(second)
    assert called(second) == [only.pk]


def test_helper_in_need_is_not_called(helper: Any, open_event: Any) -> None:
    in_need = helper(5000)
    open_event(in_need)
    event = open_event()
    SosEvent.objects.filter(pk=event.pk).update(waves_called=3)
    step(event)
    assert called(event) == []


def test_person_with_two_devices_is_called_once_at_the_newest_place(helper: Any, open_event: Any) -> None:
    user = helper(100)
    watch, _ = register_device(user, "second-device")
    record_fix(watch, Fix(lat=41.311081 + 700 / 111_320, lon=69.240562))
    event = open_event()
    take_due_step(event.pk)
    assert HelperAlert.objects.get(event=event).distance_m == pytest.approx(700, abs=5)


def test_helper_approved_after_reporting_a_place_can_be_called(person: Any, open_event: Any) -> None:
    user = person(on_duty=True)
    record_fix(register_device(user, "early-phone")[0], Fix(lat=41.312, lon=69.241))
    PushToken.objects.create(user=user, token="t", platform="ANDROID")
    change_standing(user, role=Role.HELPER, status=Status.ACTIVE)
    event = open_event()
    take_due_step(event.pk)
    assert called(event) == [user.pk]


def test_late_fix_never_moves_a_helper_back_and_a_future_one_never_pins_them(helper: Any) -> None:
    user = helper(100)
    device = user.devices.get()
    at = timezone.now()
    record_fix(device, Fix(lat=41.5, lon=69.5, recorded_at=at + timedelta(days=400)))
    record_fix(device, Fix(lat=41.0, lon=69.0, recorded_at=at - timedelta(minutes=5)))
    device.refresh_from_db()
    assert (device.position.y, HelperPosition.objects.get(user=user).position.y) == (41.5, 41.5)
    assert device.position_at <= timezone.now()
    record_fix(device, Fix(lat=41.6, lon=69.6))
    assert HelperPosition.objects.get(user=user).position.y == 41.6
    assert device.tracks.count() == 4


def test_push_tells_an_area_and_nothing_that_names_a_person_or_a_place(
    helper: Any, open_event: Any, wearer: User
) -> None:
    helper(640)
    event = open_event()
    take_due_step(event.pk)
    notification = Notification.objects.get(kind="SOS_ALERT")
    data = notification.data
    assert set(data) == {
        "event_uid", "notification_id", "kind", "text_key", "detected_type", "severity",
        "area_lat", "area_lon", "area_size_m", "distance_m", "position_at", "receipt_url",
    }  # fmt: skip
    assert (data["event_uid"], data["notification_id"]) == (str(event.uid), str(notification.uuid))
    assert all(isinstance(value, str) for value in data.values())
    assert int(data["distance_m"]) % 100 == 0
    said = str(data)
    assert "41.311081" not in said
    assert "69.240562" not in said
    assert str(wearer.phone_number) not in said
    assert wearer.full_name not in said


def test_grid_cell_is_fixed_and_about_300_m() -> None:
    cell = cell_of(41.311081, 69.240562)
    assert cell_of(41.311081 + 1e-6, 69.240562) == cell
    assert cell_of(*cell) == cell
    assert abs(cell[0] - 41.311081) * 111_320 <= 151
    assert cell_of(41.311081 + 300 / 111_320, 69.240562) != cell
    assert (coarse(3), coarse(149), coarse(151)) == (100, 100, 200)


def test_search_walks_the_index_outward_from_the_event(helper: Any, open_event: Any) -> None:
    helper(100)
    event = open_event()
    assert len(nearest_helpers(event, 10_000, 50)) == 1
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, cardinality(parameter_types) FROM pg_prepared_statements"
            " WHERE statement LIKE '%%devices_helperposition%%' AND statement LIKE '%%place.cell%%' LIMIT 1"
        )
        ((name, parameters),) = cursor.fetchall()
        cursor.execute(f'EXPLAIN EXECUTE "{name}" ({", ".join(["NULL"] * parameters)})')
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("SHOW enable_sort")
        assert cursor.fetchone() == ("on",), "only the search may not sort"
    assert 'Order By: ("position" <-> ' in plan
    assert "Index Scan using devices_on_call" in plan, "none of those off duty is passed over"
    assert "Sort" not in plan


def test_search_goes_past_so_many_who_ring_for_others(
    helper: Any, open_event: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd, beyond, event = [helper(metres) for metres in (100, 200, 300)], helper(900), open_event()
    later = timezone.now() + timedelta(hours=1)
    HelperClaim.objects.filter(helper__in=crowd).update(until=later, event=event.pk + 1, rank=1000)
    monkeypatch.setattr(search, "WALK_PAST", 4)
    assert [one.user_id for one in nearest_helpers(event, 10_000, 50)] == [beyond.pk]
    monkeypatch.setattr(search, "WALK_PAST", 3)
    assert nearest_helpers(event, 10_000, 50) == []
    HelperPosition.objects.filter(user=crowd[0]).update(recorded_at=timezone.now() - timedelta(hours=2))
    assert [one.user_id for one in nearest_helpers(event, 10_000, 50)] == [beyond.pk], "who is not there does not count"
