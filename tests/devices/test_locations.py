"""Many fixes at once: what a watch kept while it had no connection."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone
from rest_framework.test import APIClient

from apps.devices.kinds import TRACK_ROOM
from apps.devices.models import Device, HelperPosition, LocationTrack
from apps.devices.rules.registry import Fix, record_fix, register_device
from apps.users.models import Role, Status
from apps.users.rules.accounts import change_standing
from tests.devices.conftest import MINE, PLACE, ago

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("lane")]
LOCATIONS = f"{MINE}locations/"


def fix(minutes_ago: float, lat: float = 41.0, **more: Any) -> dict[str, Any]:
    return {"lat": lat, "lon": 69.0, "timestamp": ago(minutes=minutes_ago).isoformat(), **more}


def told_by(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.content
    told: dict[str, Any] = answer.json()
    assert list(told) == ["recorded", "duplicates", "over_limit", "refused"]
    return told


def counted(answer: Any) -> tuple[int, int, list[int]]:
    told = told_by(answer)
    assert told["over_limit"] == 0
    return told["recorded"], told["duplicates"], [one["index"] for one in told["refused"]]


def test_all_are_kept_and_the_newest_moves_the_device(send: Any, owner: APIClient) -> None:
    fixes = [fix(3, 41.3), fix(1, 41.1, speed=2, direction=90.0), fix(2, 41.2, battery_level=60)]
    assert counted(send(*fixes)) == (3, 0, [])
    shown = owner.get(MINE).json()
    assert (shown["lat"], shown["battery_level"], shown["is_online"]) == (41.1, 60, True)
    assert [one["lat"] for one in owner.get(f"{MINE}track/").json()["fixes"]] == [41.3, 41.2, 41.1]


def test_sent_again_nothing_is_added(send: Any) -> None:
    fixes = [fix(n) for n in range(1, 6)]
    assert counted(send(*fixes)) == (5, 0, [])
    assert counted(send(*fixes)) == (0, 5, [])
    assert counted(send(fix(9), *fixes)) == (1, 5, [])
    assert LocationTrack.objects.count() == 6


def test_a_time_said_twice_is_kept_once_in_any_zone(send: Any, owner: APIClient) -> None:
    at = ago(minutes=1)
    same = [{**PLACE, "lat": lat, "timestamp": at.astimezone(zone).isoformat()} for lat, zone in (
        (41.1, UTC), (41.2, timezone.get_fixed_timezone(300)),
    )]  # fmt: skip
    assert counted(send(*same)) == (1, 1, [])
    assert (owner.get(MINE).json()["lat"], owner.get(f"{MINE}track/").json()["fixes"][0]["lat"]) == (41.1, 41.1)


def test_late_fixes_move_nothing_back(send: Any, owner: APIClient, watch: Device) -> None:
    record_fix(watch, Fix(**PLACE, battery_level=84))
    assert counted(send(fix(5, battery_level=99), fix(4, battery_level=98))) == (2, 0, [])
    shown = owner.get(MINE).json()
    assert (shown["lat"], shown["battery_level"]) == (PLACE["lat"], 84)


def test_battery_comes_from_the_newest_fix_that_tells_it(send: Any, owner: APIClient) -> None:
    send(fix(3, battery_level=70), fix(2, battery_level=60), fix(1), fix(0.5, battery_level=None))
    assert owner.get(MINE).json()["battery_level"] == 60
    send(fix(2.5, battery_level=65))
    assert owner.get(MINE).json()["battery_level"] == 60
    send(fix(1.5, battery_level=55))
    assert owner.get(MINE).json()["battery_level"] == 55


def test_of_fixes_from_the_future_the_latest_is_kept_as_now(send: Any, owner: APIClient) -> None:
    assert counted(send(fix(-60, 41.1), fix(-90, 41.2), fix(-30, 41.3), fix(1, 41.4))) == (2, 2, [])
    shown = owner.get(MINE).json()
    assert shown["lat"] == 41.2
    assert shown["position_at"] <= timezone.now().isoformat()
    assert [one["lat"] for one in owner.get(f"{MINE}track/").json()["fixes"]] == [41.4, 41.2]


BAD: list[tuple[Any, str]] = [
    ({**PLACE}, "timestamp"), (fix(1) | {"timestamp": None}, "timestamp"), (fix(1) | {"timestamp": 5}, "timestamp"),
    (fix(1) | {"timestamp": "2025-10-28T12:00:00"}, "timestamp"), (fix(1) | {"timestamp": "2025-10-28"}, "timestamp"),
    (fix(1) | {"timestamp": "0001-01-01T00:00:00+23:00"}, "timestamp"), (fix(1, 91), "lat"),
    ({"lon": 69.0, "timestamp": "2025-10-28T12:00:00Z"}, "lat"), (fix(1) | {"lat": "41"}, "lat"),
    (fix(1) | {"lat": 0, "lon": 0.0}, "lat"), (fix(1) | {"lon": -181}, "lon"), (fix(1) | {"lon": 10**400}, "lon"),
    (fix(1, speed=-1), "speed"), (fix(1, direction=361), "direction"), (fix(1, battery_level=101), "battery_level"),
    (fix(1, battery_level=True), "battery_level"), (5, "non_field_errors"), (None, "non_field_errors"),
    ([], "non_field_errors"), ("fix", "non_field_errors"),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "named"), BAD, ids=lambda value: str(value)[:40])
def test_a_bad_fix_is_named_and_the_good_are_kept(send: Any, bad: Any, named: str) -> None:
    answer = send(fix(3), bad, fix(2))
    assert counted(answer) == (2, 0, [1])
    (refused,) = answer.json()["refused"]
    assert refused["errors"].keys() == {named}
    assert all(isinstance(why, str) for why in refused["errors"][named])


def test_each_wrong_field_of_each_bad_fix_is_named(send: Any) -> None:
    answer = send({"lat": 91, "lon": "x", "timestamp": "soon", "speed": -1}, fix(1), fix(1, 91))
    assert counted(answer) == (1, 0, [0, 2])
    assert [one["errors"].keys() for one in answer.json()["refused"]] == [{"lat", "lon", "timestamp", "speed"}, {"lat"}]


def test_when_all_are_bad_nothing_is_kept(send: Any, owner: APIClient) -> None:
    assert counted(send(fix(1, 91), 5)) == (0, 0, [0, 1])
    assert owner.get(MINE).json()["position_at"] is None


@pytest.mark.parametrize(
    "body",
    [{}, {"fixes": None}, {"fixes": []}, {"fixes": "all"}, {"fixes": {}}, {"fixes": {"0": {}}}, {"fixes": 5},
     {"fixes": [fix(1)] * 1001}, {"fixes": [0] * 300_000}, [], [fix(1)], fix(1), "text", 5, None],
    ids=lambda body: str(body)[:40],
)  # fmt: skip
def test_what_is_no_list_of_1_to_1000_is_refused(owner: APIClient, body: Any) -> None:
    answer = owner.post(LOCATIONS, body, format="json")
    if body is None:  # no body at all
        answer = owner.generic("POST", LOCATIONS, b"null", content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert answer.json().keys() == {"detail", "code", "fixes"}
    assert not LocationTrack.objects.exists()


def test_nan_is_not_json(owner: APIClient) -> None:
    body = b'{"fixes": [{"lat": NaN, "lon": 69, "timestamp": "2025-10-28T12:00:00Z"}]}'
    answer = owner.generic("POST", LOCATIONS, body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")


def test_a_thousand_are_one_statement(send: Any, django_assert_max_num_queries: Any) -> None:
    start = datetime(2025, 10, 28, tzinfo=UTC)
    fixes = [{**PLACE, "timestamp": (start + timedelta(seconds=n)).isoformat()} for n in range(1000)]
    with django_assert_max_num_queries(3):  # the account, the device, the fixes
        assert counted(send(*fixes)) == (1000, 0, [])
    assert LocationTrack.objects.count() == 1000


def test_a_helper_moves_once_to_the_newest(send: Any, watch: Device) -> None:
    change_standing(watch.owner, role=Role.HELPER, status=Status.ACTIVE)
    send(fix(2, 41.2), fix(1, 41.1), fix(3, 41.3))
    assert HelperPosition.objects.get().position.y == 41.1
    send(fix(1.5, 41.15))
    assert HelperPosition.objects.get().position.y == 41.1


@pytest.mark.django_db(transaction=True)
def test_the_same_batch_many_times_at_once_is_kept_once(owner: APIClient) -> None:
    fixes = [fix(n / 60, 41 + n / 1000) for n in range(100)]

    def post(turn: int) -> int:
        body = {"fixes": fixes if turn % 2 else fixes[::-1]}
        try:
            return int(owner.post(LOCATIONS, body, format="json").json()["recorded"])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(post, range(12))) == 100
    assert LocationTrack.objects.count() == 100
    assert owner.get(MINE).json()["lat"] == 41.0


# More than a track takes


def leave_room(seconds: float) -> None:
    """Every track has room for so many fixes now; below 0: for none, however long the test takes."""
    Device.objects.update(track_room_at=timezone.now() + timedelta(seconds=TRACK_ROOM - seconds))


def room_at() -> datetime:
    """When the track has room again for all it takes at once."""
    at = Device.objects.get().track_room_at
    assert at is not None
    return at


def test_a_thousand_at_once_take_all_the_room_and_each_second_gives_some_back(send: Any) -> None:
    start = ago(hours=2)
    fixes = [{**PLACE, "timestamp": (start + timedelta(seconds=n)).isoformat()} for n in range(TRACK_ROOM)]
    assert counted(send(*fixes)) == (TRACK_ROOM, 0, [])
    device = Device.objects.get()
    assert device.last_seen_at is not None
    assert room_at() - device.last_seen_at == timedelta(seconds=TRACK_ROOM)
    leave_room(TRACK_ROOM)
    assert counted(send(fix(1))) == (1, 0, [])


def test_what_is_over_the_limit_is_taken_counted_and_not_kept(send: Any, owner: APIClient) -> None:
    leave_room(-3600)
    said_twice = fix(2, 41.2)
    told = told_by(send(fix(3, 41.3), fix(1, 41.1, battery_level=60), 5, said_twice, said_twice))
    assert (told["recorded"], told["duplicates"], told["over_limit"]) == (0, 1, 3)
    assert [one["index"] for one in told["refused"]] == [2]
    assert not LocationTrack.objects.exists()
    shown = owner.get(MINE).json()
    assert (shown["lat"], shown["battery_level"], shown["is_online"]) == (41.1, 60, True), "it has moved all the same"


def test_of_too_many_the_newest_are_kept(send: Any, owner: APIClient) -> None:
    leave_room(3.5)
    before = room_at()
    told = told_by(send(*[fix(n, 41 + n / 1000) for n in range(1, 201)]))
    assert told["recorded"] >= 3
    assert (told["recorded"] + told["over_limit"], told["duplicates"]) == (200, 0)
    kept = [round(one["lat"] * 1000 - 41_000) for one in owner.get(f"{MINE}track/").json()["fixes"]]
    assert kept == list(range(told["recorded"], 0, -1))
    assert room_at() - before == timedelta(seconds=told["recorded"])


def test_repeats_take_no_room(send: Any) -> None:
    leave_room(500)
    before = room_at()
    fixes = [fix(n) for n in range(1, 11)]
    assert counted(send(*fixes)) == (10, 0, [])
    for _ in range(3):
        assert counted(send(*fixes)) == (0, 10, [])
    assert room_at() - before == timedelta(seconds=10)


def test_one_device_leaves_the_others_their_room(send: Any, watch: Device) -> None:
    leave_room(-3600)
    other, _ = register_device(watch.owner, "w-2")
    assert record_fix(other, Fix(**PLACE)).recorded == 1
    assert told_by(send(fix(1)))["over_limit"] == 1


@pytest.mark.django_db(transaction=True)
def test_many_reports_at_once_share_one_limit(owner: APIClient) -> None:
    leave_room(100)

    def post(turn: int) -> dict[str, Any]:
        fixes = [fix(100 + turn + n / 60) for n in range(50)]
        try:
            return told_by(owner.post(LOCATIONS, {"fixes": fixes}, format="json"))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(post, range(24)))
    took_s = (timezone.now() - (room_at() - timedelta(seconds=TRACK_ROOM))).total_seconds()
    kept = sum(told["recorded"] for told in answers)
    assert kept == LocationTrack.objects.count()
    assert kept + sum(told["over_limit"] for told in answers) == 24 * 50
    assert 100 <= kept < 24 * 50
    assert took_s >= 0, "no more than there was room for"
