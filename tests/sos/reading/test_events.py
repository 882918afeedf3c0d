"""Who sees which events, and how much of each."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.devices.rules.registry import register_device
from apps.sos.kinds import DetectedType, EventStatus, Outcome
from apps.sos.models import SosEvent
from apps.sos.rules.desk import resolve
from apps.sos.rules.due_step import take_due_step
from apps.users.models import User
from apps.users.rules.attachments import StillNeeded
from apps.users.signals import erased, erasing
from tests.conftest import HERE

pytestmark = pytest.mark.django_db
HIDDEN_FROM_THE_CALLED = (
    "lat", "lon", "altitude", "accuracy_m", "wearer", "owner", "device", "helpers", "signal_count",
)  # fmt: skip


@pytest.fixture
def watch(wearer: User) -> Any:
    device, _ = register_device(wearer, "watch_unique_serial_001", model="T-Watch 5", sim_number="+998901234567")
    return device


@pytest.fixture
def called(watch: Any, wearer: User, press: Any, helper: Callable[..., User]) -> tuple[SosEvent, list[User]]:
    people = [helper(100 + n) for n in range(3)]
    press(wearer)
    event = SosEvent.objects.get()
    take_due_step(event.pk)
    return event, people


def event_of(client: Any, event: SosEvent) -> Any:
    return client.get(f"/api/v1/sos/{event.uid}/")


def uids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [event["event_uid"] for event in answer.json()["results"]]


def test_wearer_and_dispatcher_see_everything(called: Any, wearer: User, dispatcher: User, client_of: Any) -> None:
    event, people = called
    for viewer in (wearer, dispatcher):
        shown = event_of(client_of(viewer), event).json()
        assert (shown["lat"], shown["lon"]) == HERE
        assert shown["wearer"] == {"full_name": wearer.full_name, "phone_number": str(wearer.phone_number)}
        assert shown["device"]["device_uid"] == "watch_unique_serial_001"
        assert (shown["status"], shown["resolved"], shown["outcome"]) == ("NEW", False, None)
        assert (shown["signal_count"], shown["location_source"]) == (1, "SIGNAL")
    assert [h["uuid"] for h in shown["helpers"]] == [str(user.uuid) for user in people]


def test_wearer_sees_who_comes_and_not_who_was_merely_called(called: Any, wearer: User, client_of: Any) -> None:
    event, people = called
    assert event_of(client_of(wearer), event).json()["helpers"] == []
    client_of(people[1]).post(f"/api/v1/sos/{event.uid}/respond/", {"status": "ACCEPTED"}, format="json")
    (coming,) = event_of(client_of(wearer), event).json()["helpers"]
    assert (coming["full_name"], coming["status"]) == (people[1].full_name, "ACCEPTED")


def test_called_helper_sees_the_area_then_the_place_then_nothing(
    called: Any, wearer: User, dispatcher: User, client_of: Any
) -> None:
    event, people = called
    client = client_of(people[0])
    before = event_of(client, event)
    assert {name: before.json()[name] for name in HIDDEN_FROM_THE_CALLED} == dict.fromkeys(HIDDEN_FROM_THE_CALLED)
    assert before.json()["area"]["size_m"] == 300
    assert (before.json()["area"]["lat"], before.json()["area"]["lon"]) != HERE
    assert before.json()["alert"]["distance_m"] % 100 == 0
    for secret in (wearer.full_name, str(wearer.phone_number), str(HERE[0]), "watch_unique"):
        assert secret not in before.content.decode()

    client.post(f"/api/v1/sos/{event.uid}/respond/", {"status": "ACCEPTED"}, format="json")
    after = event_of(client, event).json()
    assert (after["lat"], after["lon"], after["wearer"]["full_name"]) == (*HERE, wearer.full_name)
    assert (after["alert"]["status"], after["helpers"]) == ("ACCEPTED", None)

    resolve(event, dispatcher, Outcome.HELPED)
    closed = event_of(client, event).json()
    assert (closed["status"], closed["outcome"], closed["alert"]["status"]) == ("RESOLVED", "HELPED", "STOOD_DOWN")
    assert {closed[name] for name in ("area", "lat", "lon", "wearer", "owner", "device")} == {None}


def test_to_whoever_has_no_part_it_does_not_exist(called: Any, person: Any, helper: Any, client_of: Any) -> None:
    event, _ = called
    for stranger in (person(), helper(7000)):
        assert event_of(client_of(stranger), event).status_code == 404
        assert uids(client_of(stranger).get("/api/v1/sos/")) == []
    assert event_of(client_of(), event).status_code == 401


def test_list_holds_ones_own_those_one_was_called_to_or_all(
    called: Any, person: Any, press: Any, wearer: User, dispatcher: User, client_of: Any
) -> None:
    event, people = called
    other = person()
    press(other, device_uid="unknown")
    newest = str(SosEvent.objects.get(user=other).uid)
    assert uids(client_of(wearer).get("/api/v1/sos/")) == [str(event.uid)]
    assert uids(client_of(people[0]).get("/api/v1/sos/")) == [str(event.uid)]
    assert uids(client_of(other).get("/api/v1/sos/")) == [newest]
    assert uids(client_of(dispatcher).get("/api/v1/sos/")) == [newest, str(event.uid)]


def test_filters_find_what_they_say(called: Any, person: Any, press: Any, dispatcher: User, client_of: Any) -> None:
    event, _ = called
    press(person(), device_uid="unknown", lat=40.0, lon=65.0)
    far = SosEvent.objects.latest("pk")
    resolve(far, dispatcher, Outcome.FALSE_ALARM)
    both, (old, new) = [str(far.uid), str(event.uid)], (str(event.uid), str(far.uid))
    SosEvent.objects.filter(pk=event.pk).update(received_at=timezone.now() - timedelta(hours=2))
    hour_ago = (timezone.now() - timedelta(hours=1)).isoformat().replace("+00:00", "Z")

    def found(**query: Any) -> list[str]:
        return uids(client_of(dispatcher).get("/api/v1/sos/", query))

    assert found(active="true") == [old]
    assert found(active="false") == [new]
    assert found(status="RESOLVED") == [new]
    assert found(status=["NEW", "RESOLVED"]) == both
    assert (found(since=hour_ago), found(until=hour_ago)) == ([new], [old])
    assert found(device="watch_unique_serial_001") == [old]
    assert found(bbox="69,41,70,42") == [old]
    assert (found(outcome="FALSE_ALARM"), found(outcome=["HELPED", "FALSE_ALARM"])) == ([new], [new])
    assert (found(kind="FALL_DETECTED"), found(kind="TEST"), found(drill="true")) == (both, [], [])
    wearer = event.user
    assert found(person=wearer.full_name.upper()) == found(person=f"{wearer.phone_number}"[-7:])
    assert old in found(person=wearer.full_name)
    assert found(person="nobody of that name") == []
    assert found(bbox="170,30,70,50") == both
    assert found(bbox="170,30,-170,50") == []


WRONG = {
    "active": ["maybe", "1"], "status": ["OPEN", ""], "since": ["yesterday", "2025-13-01T00:00:00Z"],
    "until": ["12", "9999-12-31T23:59:59-12:00"],
    "device": ["x" * 65, "nul\0"], "bbox": ["1,2,3", "a,b,c,d", "0,91,1,92", "1,5,2,4", "nan,0,1,1"],
    "person": ["x" * 101, "nul\0"], "outcome": ["WELL"], "kind": ["FIRE"], "drill": ["maybe"],
    "page_size": ["0", "201", "x", "-1", "1e9"], "cursor": ["nonsense", "cD1hYmM="],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values if value]
)
def test_wrong_filter_is_named(dispatcher: User, client_of: Any, name: str, value: str) -> None:
    answer = client_of(dispatcher).get("/api/v1/sos/", {name: value})
    assert (answer.status_code, answer.json()["code"], name in answer.json()) == (400, "invalid", True)


@pytest.mark.parametrize("time", ["0420-07-07T01:37:55+20:51", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_wild_times_filter_without_harm(dispatcher: User, client_of: Any, time: str) -> None:
    assert uids(client_of(dispatcher).get("/api/v1/sos/", {"since": time, "until": time})) == []


def test_filters_tell_a_called_helper_nothing_that_the_answer_hides(called: Any, client_of: Any) -> None:
    event, people = called
    client = client_of(people[0])
    exact = {"bbox": "69.24,41.31,69.25,41.32"}
    assert uids(client.get("/api/v1/sos/", exact)) == []
    assert uids(client.get("/api/v1/sos/", {"device": "watch_unique_serial_001"})) == []
    assert uids(client.get("/api/v1/sos/", {"person": event.user.full_name})) == []
    client.post(f"/api/v1/sos/{event.uid}/respond/", {"status": "ACCEPTED"}, format="json")
    assert uids(client.get("/api/v1/sos/", exact)) == [str(event.uid)]


def test_pages_go_on_without_gap_or_repeat_while_events_come(
    person: Any, press: Any, dispatcher: User, client_of: Any
) -> None:
    for n in range(5):
        press(person(), device_uid=f"w{n}")
    expected = [str(uid) for uid in SosEvent.objects.order_by("-pk").values_list("uid", flat=True)]
    client, seen, url = client_of(dispatcher), [], "/api/v1/sos/?page_size=2"
    while url:
        page = client.get(url)
        seen += uids(page)
        url = page.json()["next"]
        press(person(), device_uid="late")
    assert seen == expected


def test_list_costs_the_same_few_queries_however_long(
    called: Any, person: Any, press: Any, dispatcher: User, client_of: Any
) -> None:
    client = client_of(dispatcher)

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as caught:
            client.get("/api/v1/sos/")
        return len(caught)

    few = queries()
    for n in range(5):
        press(person(), device_uid=f"w{n}")
    assert queries() == few <= 5


def test_erasing_waits_for_an_open_event_and_leaves_no_trace_of_the_person(
    called: Any, wearer: User, dispatcher: User
) -> None:
    event, people = called
    with pytest.raises(StillNeeded):
        erasing.send(sender=User, user=wearer)
    erasing.send(sender=User, user=people[0])
    resolve(event, dispatcher, Outcome.HELPED)
    erasing.send(sender=User, user=wearer)
    erased.send(sender=User, user=wearer)
    event.refresh_from_db()
    assert (event.position, event.device_uid_text, event.location_source) == (None, "", "NONE")
    assert (event.signals.get().raw_payload, event.signals.get().payload_digest) == (None, None)
    assert (event.status, event.detected_type) == (EventStatus.RESOLVED, DetectedType.FALL_DETECTED)
