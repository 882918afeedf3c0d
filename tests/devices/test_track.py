"""Where a device has been."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from apps.devices.models import Device
from apps.devices.rules.registry import Fix, record_fix, record_fixes
from apps.users.models import User
from tests.devices.conftest import MINE, PLACE, ago

pytestmark = pytest.mark.django_db
TRACK = f"{MINE}track/"
NOON = datetime(2025, 10, 28, 12, tzinfo=UTC)
DAY = {"from": "2025-10-28T00:00:00Z", "to": "2025-10-29T00:00:00Z"}


@pytest.fixture
def walked(watch: Device) -> Device:
    """Five fixes, a minute apart, from noon on."""
    record_fixes(watch, [Fix(41 + n / 10, 69.0, NOON + timedelta(minutes=n), speed=n) for n in range(5)])
    return watch


def lats(answer: Any) -> list[float]:
    assert answer.status_code == 200, answer.content
    return [fix["lat"] for fix in answer.json()["fixes"]]


def test_a_track_is_told_whole_and_in_order(walked: Device, owner: APIClient) -> None:
    record_fix(walked, Fix(40.5, 68.5, NOON - timedelta(minutes=1), direction=90, battery_level=84))
    answer = owner.get(TRACK, DAY)
    assert answer.headers["Content-Type"] == "application/json"
    told = answer.json()
    assert {**told, "fixes": None} == {"device_uid": "w-1", **DAY, "fixes": None, "next_from": None}
    assert lats(answer) == [40.5, 41.0, 41.1, 41.2, 41.3, 41.4]
    first = told["fixes"][0]
    assert first == {
        "recorded_at": "2025-10-28T11:59:00Z", "received_at": first["received_at"], "lat": 40.5, "lon": 68.5,
        "speed": None, "direction": 90.0, "battery_level": 84,
    }  # fmt: skip
    assert datetime.fromisoformat(first["received_at"]) > ago(minutes=1)


def test_geojson_has_the_same_fixes_as_points(walked: Device, owner: APIClient) -> None:
    answer = owner.get(TRACK, {**DAY, "as": "geojson", "limit": 2})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/geo+json")
    told, plain = json.loads(answer.content), owner.get(TRACK, {**DAY, "limit": 2}).json()
    assert told == {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [fix.pop("lon"), fix.pop("lat")]},
                "properties": fix,
            }
            for fix in plain["fixes"]
        ],
        "next_from": "2025-10-28T12:02:00Z",
    }
    assert told["features"][0]["geometry"]["coordinates"] == [69.0, 41.0]
    nothing = owner.get(TRACK, {"as": "geojson"}).content
    assert json.loads(nothing) == {"type": "FeatureCollection", "features": [], "next_from": None}


def test_next_from_leads_through_all_of_it(walked: Device, owner: APIClient) -> None:
    seen, query = [], {**DAY, "limit": "2"}
    while query["from"]:
        answer = owner.get(TRACK, query)
        seen.append(lats(answer))
        query["from"] = answer.json()["next_from"]
    assert seen == [[41.0, 41.1], [41.2, 41.3], [41.4]]


def test_from_is_included_and_to_is_not_in_any_zone(walked: Device, owner: APIClient) -> None:
    query = {"from": "2025-10-28T17:01:00+05:00", "to": "2025-10-28T12:03:00Z"}
    assert lats(owner.get(TRACK, query)) == [41.1, 41.2]


def test_without_a_time_it_is_the_last_day(watch: Device, owner: APIClient) -> None:
    for lat, hours in ((41.1, 25), (41.2, 23)):
        record_fix(watch, Fix(lat, 69.0, ago(hours=hours)))
    record_fix(watch, Fix(41.3, 69.0))
    assert lats(owner.get(TRACK)) == [41.2, 41.3]
    assert lats(owner.get(TRACK, {"to": ago(hours=1).isoformat()})) == [41.2]
    assert lats(owner.get(TRACK, {"from": ago(days=30).isoformat()})) == [41.1, 41.2, 41.3]


def test_a_dispatcher_may_look(walked: Device, dispatcher: User, client_of: Any) -> None:
    assert len(lats(client_of(dispatcher).get(TRACK, DAY | {"reason": "A test."}))) == 5


TOO_LONG = {"from": "2025-10-01T00:00:00Z", "to": "2025-11-01T00:00:00.000001Z"}
BAD: list[tuple[dict[str, str], str]] = [
    ({"from": "yesterday"}, "from"), ({"from": ""}, "from"), ({"from": "2025-10-28T12:00:00"}, "from"),
    ({"from": "2025-10-28"}, "from"), ({"from": "0001-01-01T00:00:00+23:00"}, "from"), ({"to": "soon"}, "to"),
    ({"to": "9999-12-31T23:59:59-23:00"}, "to"), ({"to": "0001-01-01T00:00:00Z"}, "to"), ({"to": "1"}, "to"),
    ({"from": DAY["to"], "to": DAY["from"]}, "from"), ({"from": DAY["to"], "to": DAY["to"]}, "from"),
    (TOO_LONG, "from"), ({"from": "2025-01-01T00:00:00Z"}, "from"), ({"from": "2999-01-01T00:00:00Z"}, "from"),
    ({"limit": "0"}, "limit"), ({"limit": "10001"}, "limit"), ({"limit": "-1"}, "limit"), ({"limit": "many"}, "limit"),
    ({"limit": "1.5"}, "limit"), ({"limit": "9" * 5000}, "limit"), ({"as": "kml"}, "as"), ({"as": ""}, "as"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "named"), BAD, ids=lambda value: str(value)[:40])
def test_bad_question_names_itself(owner: APIClient, query: dict[str, str], named: str) -> None:
    answer = owner.get(TRACK, query)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert answer.json().keys() == {"detail", "code", named}


def test_31_days_and_the_widest_limit_are_fine(owner: APIClient) -> None:
    query = {"from": "2025-10-01T00:00:00Z", "to": "2025-11-01T00:00:00Z", "limit": "10000"}
    assert lats(owner.get(TRACK, query)) == []


def relations(plan: Any) -> set[str]:
    """The tables a plan reads."""
    if isinstance(plan, list):
        return set().union(*(relations(one) for one in plan))
    return {plan["Relation Name"]} if "Relation Name" in plan else relations(plan.get("Plans", [plan.get("Plan", {})]))


def test_only_the_days_asked_for_are_read(watch: Device, owner: APIClient) -> None:
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    record_fix(watch, Fix(**PLACE))
    query = {"from": (today - timedelta(hours=1)).isoformat(), "to": (today + timedelta(days=1)).isoformat()}
    with CaptureQueriesContext(connection) as asked:
        assert lats(owner.get(TRACK, query)) == [PLACE["lat"]]
    (sql,) = [one["sql"] for one in asked if 'FROM "devices_locationtrack"' in one["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
        plan = cursor.fetchone()[0]
    days = (today - timedelta(days=1), today)
    assert relations(plan) == {f"devices_locationtrack_{day:%Y%m%d}" for day in days}
