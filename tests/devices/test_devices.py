"""Devices: whose they are, what their owners say about them, what is refused."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from rest_framework.test import APIClient

from apps.devices.models import Device, DeviceToken, HelperPosition, LocationTrack
from apps.devices.rules.registry import Fix, record_fix, register_device
from apps.sos.models import SosEvent
from apps.users.models import Role, Status, User
from apps.users.rules.accounts import change_standing
from tests.conftest import PASSWORD
from tests.devices.conftest import MINE, PLACE, SHAPE, URL, ago

pytestmark = pytest.mark.django_db
DETAILS = {
    "model": "T-Watch 6",
    "sim_number": "+998 90 111-22-33",
    "wearer_name": "Nodira",
    "wearer_phone": "+998901112233",
    "medical_note": "Diabetes.\nInsulin in the bag.",
    "address_note": "Second entrance",
}


def test_registering_again_gives_the_same_device(wearer: User, client_of: Any) -> None:
    client = client_of(wearer)
    first = client.post(URL, {"device_uid": "w-1"}, format="json")
    again = client.post(URL, {"device_uid": "w-1"}, format="json")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert list(first.json()) == ["uuid", "device_uid", "model", "sim_number"]


def test_registering_again_erases_and_changes_nothing(wearer: User, client_of: Any) -> None:
    client = client_of(wearer)
    client.post(URL, {"device_uid": "w-1", **DETAILS}, format="json")
    for body in ({}, {"model": "other", "sim_number": None, "medical_note": ""}):
        answer = client.post(URL, {"device_uid": "w-1", **body}, format="json")
        assert (answer.status_code, answer.json()["model"]) == (200, "T-Watch 6")
    assert client.get(MINE).json().items() >= DETAILS.items()


def test_anothers_device_is_a_conflict(watch: Device, person: Any, client_of: Any) -> None:
    answer = client_of(person()).post(URL, {"device_uid": watch.device_uid}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


@pytest.mark.django_db(transaction=True)
def test_registered_by_many_requests_at_once_it_is_one_device(wearer: User, client_of: Any) -> None:
    client: APIClient = client_of(wearer)

    def register(_: int) -> int:
        try:
            return int(client.post(URL, {"device_uid": "w-1"}, format="json").status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(register, range(12))) == [200] * 11 + [201]
    assert Device.objects.count() == 1


@pytest.mark.parametrize("uid", [..., None, "", " ", "a b", "x" * 65, "ж", "a/b", 5, [], "-a", "a\nb", "a\0"])
def test_bad_serial_names_the_field(wearer: User, client_of: Any, uid: Any) -> None:
    body = {} if uid is ... else {"device_uid": uid}
    answer = client_of(wearer).post(URL, body, format="json")
    assert answer.status_code == 400
    assert answer.json().keys() == {"detail", "code", "device_uid"}


BAD_DETAILS: list[tuple[str, Any]] = [
    ("model", "x" * 101), ("model", 5), ("model", []),
    ("sim_number", "x" * 33), ("sim_number", 998901112233), ("sim_number", ""), ("sim_number", "+998\x0790"),
    ("sim_number", "+998\n90"), ("sim_number", "9\x850"), ("sim_number", "a\0b"),
    ("wearer_name", "x" * 151), ("wearer_name", True), ("wearer_name", "a\nb"),
    ("wearer_phone", "12"), ("wearer_phone", "nobody"), ("wearer_phone", 998901112233), ("wearer_phone", ""),
    ("wearer_phone", "+9989011122330000"), ("wearer_phone", "9" * 5000), ("wearer_phone", {}),
    ("medical_note", "x" * 2001), ("medical_note", 5), ("medical_note", "a\0b"),
    ("address_note", "x" * 501), ("address_note", ["a"]),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), BAD_DETAILS, ids=lambda value: repr(value)[:20])
def test_bad_detail_names_the_field_and_changes_nothing(owner: APIClient, field: str, value: Any) -> None:
    before = owner.get(MINE).json()
    body = {"wearer_name": "Somebody", "device_uid": "w-2", field: value}
    for answer in (owner.patch(MINE, body, format="json"), owner.post(URL, body, format="json")):
        assert answer.status_code == 400
        assert answer.json().keys() == {"detail", "code", field}
    assert owner.get(MINE).json() == before
    assert Device.objects.count() == 1


def test_half_a_character_is_no_text(owner: APIClient) -> None:
    answer = owner.generic("PATCH", MINE, b'{"wearer_name": "\\ud800"}', content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert "wearer_name" in answer.json()


def test_a_device_is_shown_whole(owner: APIClient, watch: Device) -> None:
    shown = owner.get(MINE).json()
    assert list(shown) == SHAPE
    assert shown == {
        "uuid": str(watch.uuid), "device_uid": "w-1", "model": "T-Watch 5", "sim_number": None, "wearer_name": "",
        "wearer_phone": None, "medical_note": "", "address_note": "", "battery_level": None, "is_online": False,
        "lat": None, "lon": None, "position_at": None, "last_seen_via": "", "last_seen_at": None,
        "expected_interval_s": None, "has_token": False, "is_established": False, "created_at": shown["created_at"],
    }  # fmt: skip
    at = ago(minutes=1)
    record_fix(watch, Fix(**PLACE, recorded_at=at, battery_level=7))
    owner.post(f"{MINE}token/")
    shown = owner.get(MINE).json()
    assert shown.items() >= {**PLACE, "battery_level": 7, "is_online": True, "has_token": True}.items()
    assert shown["position_at"] == at.isoformat().replace("+00:00", "Z")
    assert shown["last_seen_at"].endswith("Z")


def test_what_its_owner_does_not_mention_stays(owner: APIClient) -> None:
    assert owner.patch(MINE, DETAILS, format="json").json().items() >= DETAILS.items()
    for field, value in DETAILS.items():
        shown = owner.patch(MINE, {field: value}, format="json").json()
        assert list(shown) == SHAPE
        assert shown.items() >= DETAILS.items()
    assert owner.patch(MINE, {}, format="json").json().items() >= DETAILS.items()
    assert owner.patch(MINE, {"device_uid": "other", "is_online": True}, format="json").json()["device_uid"] == "w-1"


def test_null_empties_a_field(owner: APIClient) -> None:
    owner.patch(MINE, DETAILS, format="json")
    shown = owner.patch(MINE, dict.fromkeys(DETAILS), format="json").json()
    assert {name: shown[name] for name in DETAILS} == {
        "model": "", "sim_number": None, "wearer_name": "", "wearer_phone": None, "medical_note": "",
        "address_note": "",
    }  # fmt: skip


@pytest.mark.parametrize("written", ["+998 90 111-22-33", "901112233", " +998901112233 "])
def test_a_phone_is_kept_as_e164(owner: APIClient, written: str) -> None:
    shown = owner.patch(MINE, {"wearer_phone": written}, format="json").json()
    assert shown["wearer_phone"] == "+998901112233"


def test_the_longest_texts_fit(owner: APIClient) -> None:
    longest = {"model": 100, "sim_number": 32, "wearer_name": 150, "medical_note": 2000, "address_note": 500}
    body = {name: "ʻ" * length for name, length in longest.items()}
    assert owner.patch(MINE, body, format="json").json().items() >= body.items()


def test_one_lists_ones_own_and_a_dispatcher_anybodys(
    watch: Device, owner: APIClient, dispatcher: User, person: Any, client_of: Any, django_assert_max_num_queries: Any
) -> None:
    other = person()
    register_device(other, "of-other")
    register_device(dispatcher, "of-dispatcher")
    register_device(watch.owner, "w-2")
    with django_assert_max_num_queries(3):
        page = owner.get(URL).json()
    assert (page["count"], page["next"], [list(one) for one in page["results"]]) == (2, None, [SHAPE, SHAPE])

    def listed(client: APIClient, **query: Any) -> list[str]:
        return [one["device_uid"] for one in client.get(URL, {"reason": "A test."} | query).json()["results"]]

    assert listed(owner) == ["w-1", "w-2"]
    assert listed(owner, page_size=1, page=2) == ["w-2"]
    assert listed(owner, owner=watch.owner.uuid) == ["w-1", "w-2"]
    assert listed(owner, owner=other.uuid) == []
    assert listed(client_of(dispatcher)) == ["of-dispatcher"]
    assert listed(client_of(dispatcher), owner=watch.owner.uuid) == ["w-1", "w-2"]
    assert listed(client_of(dispatcher), owner="00000000-0000-4000-8000-000000000000") == []


@pytest.mark.parametrize(("name", "value"), [("owner", "me"), ("page_size", "0"), ("page_size", "201")])
def test_bad_question_names_itself(owner: APIClient, name: str, value: str) -> None:
    answer = owner.get(URL, {name: value})
    assert answer.status_code == 400
    assert answer.json().keys() == {"detail", "code", name}


ROUTES: list[tuple[str, str, Any]] = [
    ("get", "", None), ("patch", "", {"model": "x"}), ("delete", "", None), ("post", "token/", None),
    ("delete", "token/", None), ("patch", "status/", {"is_online": True}), ("post", "location/", PLACE),
    ("post", "locations/", {"fixes": [{**PLACE, "timestamp": "2025-10-28T12:00:00Z"}]}), ("get", "track/", None),
]  # fmt: skip


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: " ".join(route[:2]))
def test_device_of_another_does_not_exist(watch: Device, person: Any, client_of: Any, route: Any) -> None:
    method, path, body = route
    for uid in (watch.device_uid, "unknown", "x" * 65, "a b", "-a", "ж", "w-1%0A", "%00"):
        answer = getattr(client_of(person()), method)(f"{URL}{uid}/{path}", body, format="json")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert Device.objects.get().model == "T-Watch 5"


@pytest.mark.parametrize("route", [("get", "../", None), ("post", "../", {"device_uid": "w-2"}), *ROUTES], ids=str)
def test_nobody_and_the_banned_are_refused(watch: Device, person: Any, client_of: Any, route: Any) -> None:
    method, path, body = route
    url = f"{MINE}{path}".replace("w-1/../", "")
    change_standing(watch.owner, role=Role.USER, status=Status.BANNED)
    for user, code in ((None, "not_authenticated"), (watch.owner, "banned")):
        answer = getattr(client_of(user), method)(url, body, format="json")
        assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert Device.objects.get().model == "T-Watch 5"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: " ".join(route[:2]))
def test_dispatchers_look_and_touch_nothing(watch: Device, dispatcher: User, client_of: Any, route: Any) -> None:
    method, path, body = route
    why = "?reason=A+test." if method == "get" else ""
    answer = getattr(client_of(dispatcher), method)(f"{MINE}{path}{why}", body, format="json")
    assert answer.status_code == (200 if method == "get" else 404)
    assert Device.objects.get().model == "T-Watch 5"


def test_a_removed_device_takes_its_track_and_token_along_and_leaves_its_events(
    owner: APIClient, watch: Device, press: Any
) -> None:
    owner.post(f"{MINE}token/")
    record_fix(watch, Fix(**PLACE))
    press(watch.owner, device_uid="w-1")
    other, _ = register_device(watch.owner, "w-2")
    record_fix(other, Fix(**PLACE))
    first, again = owner.delete(MINE), owner.delete(MINE)
    assert (first.status_code, first.content, again.status_code) == (204, b"", 404)
    assert (Device.objects.get(), LocationTrack.objects.get().device) == (other, other)
    assert not DeviceToken.objects.exists()
    assert SosEvent.objects.get().device is None
    assert owner.post(URL, {"device_uid": "w-1"}, format="json").status_code == 201
    assert owner.get(f"{MINE}track/").json()["fixes"] == []


def test_helper_whose_phone_is_removed_stands_where_another_one_was_seen(helper: Any, client_of: Any) -> None:
    user = helper()
    client, phone = client_of(user), f"{URL}phone-{user.pk}/"
    old, _ = register_device(user, "old-phone")
    record_fix(old, Fix(41.0, 69.0, recorded_at=ago(minutes=50)))
    register_device(user, "never-seen")
    assert HelperPosition.objects.get().device.device_uid == f"phone-{user.pk}"
    assert client.delete(phone).status_code == 204
    there = HelperPosition.objects.get()
    assert (there.device, there.position.y, there.recorded_at < ago(minutes=49)) == (old, 41.0, True)
    assert client.delete(f"{URL}old-phone/").status_code == 204
    there = HelperPosition.objects.get()
    assert (there.device, there.position, there.recorded_at) == (None, None, None)


@pytest.mark.django_db(transaction=True)
def test_device_removed_while_it_reports_leaves_nothing_behind(owner: APIClient) -> None:
    def act(turn: int) -> int:
        fixes = {"fixes": [{**PLACE, "timestamp": ago(seconds=turn).isoformat()}]}
        try:
            if turn == 10:
                return int(owner.delete(MINE).status_code)
            if turn % 2:
                return int(owner.patch(f"{MINE}status/", PLACE, format="json").status_code)
            return int(owner.post(f"{MINE}locations/", fixes, format="json").status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        assert {204} <= set(pool.map(act, range(30))) <= {200, 204, 404}
    assert not LocationTrack.objects.exists()


def test_an_erased_persons_devices_and_tracks_are_gone(owner: APIClient, watch: Device, person: Any) -> None:
    kept, _ = register_device(person(), "of-other")
    for device in (watch, kept, register_device(watch.owner, "w-2")[0]):
        record_fix(device, Fix(**PLACE))
    assert owner.delete("/api/v1/users/me/", {"password": PASSWORD}, format="json").status_code == 204
    assert (Device.objects.get(), LocationTrack.objects.get().device) == (kept, kept)


# More devices than an account may have


def register(client: APIClient, uid: str) -> Any:
    return client.post(URL, {"device_uid": uid}, format="json")


def test_one_too_many_is_refused_by_name_and_the_others_go_on(
    watch: Device, owner: APIClient, settings: Any, person: Any, client_of: Any
) -> None:
    settings.DEVICES_PER_ACCOUNT = 2
    assert register(owner, "w-2").status_code == 201
    refused = register(owner, "w-3")
    assert (refused.status_code, refused.json().keys()) == (400, {"detail", "code", "device_uid"})
    assert refused.json()["device_uid"] == [
        "Your account may have 2 devices, not more: remove one, or ask the operators for more."
    ]
    assert [register(owner, uid).status_code for uid in ("w-1", "w-2")] == [200, 200]
    assert owner.post(f"{MINE}location/", PLACE, format="json").status_code == 201
    signal = {"device_uid": "w-1", "detected_type": "FALL_DETECTED", **PLACE}
    assert owner.post("/api/v1/sos/trigger/", signal, format="json").status_code == 201
    assert register(client_of(person()), "w-3").status_code == 201, "another account has its own number"
    assert owner.delete(f"{URL}w-2/").status_code == 204
    assert register(owner, "w-4").status_code == 201


def test_an_account_has_50_unless_it_is_allowed_another_number(wearer: User, client_of: Any) -> None:
    Device.objects.bulk_create(Device(device_uid=f"old-{n}", owner=wearer) for n in range(49))
    client = client_of(wearer)
    assert [register(client, uid).status_code for uid in ("the-50th", "the-51st")] == [201, 400]
    User.objects.filter(pk=wearer.pk).update(devices_most=51)
    assert [register(client, uid).status_code for uid in ("the-51st", "the-52nd")] == [201, 400]
    User.objects.filter(pk=wearer.pk).update(devices_most=1)
    assert [register(client, uid).status_code for uid in ("the-51st", "the-52nd")] == [200, 400]


def test_anothers_device_is_a_conflict_for_a_full_account_too(
    watch: Device, person: Any, client_of: Any, settings: Any
) -> None:
    settings.DEVICES_PER_ACCOUNT = 1
    client = client_of(person())
    assert register(client, "own").status_code == 201
    assert register(client, "w-1").status_code == 409


@pytest.mark.django_db(transaction=True)
def test_of_many_registered_at_once_no_more_are_taken(wearer: User, client_of: Any, settings: Any) -> None:
    settings.DEVICES_PER_ACCOUNT = 3
    client: APIClient = client_of(wearer)

    def one(n: int) -> int:
        try:
            return int(register(client, f"w-{n}").status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(one, range(12))) == [201] * 3 + [400] * 9
    assert Device.objects.filter(owner=wearer).count() == 3


@pytest.mark.django_db(transaction=True)
def test_of_two_accounts_that_register_one_device_at_once_one_has_it(person: Any, client_of: Any) -> None:
    clients = [client_of(person()) for _ in range(6)]

    def one(client: APIClient) -> int:
        try:
            return int(register(client, "w-1").status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(one, clients)) == [201] + [409] * 5
