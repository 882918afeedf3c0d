"""Devices that fall silent or run low: who hears of it, how often, and when nobody does."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.db.models import F
from django.utils import timezone
from rest_framework.test import APIClient

from apps.devices.models import Device, Trouble
from apps.devices.rules.registry import register_device
from apps.devices.rules.trouble import ESTABLISHED_DAYS, check_devices
from apps.notifications.models import Notification
from apps.sos.models import JournalEntry, SosEvent
from apps.users.models import EmergencyContact, User

from .conftest import MINE, PLACE, URL, ago

pytestmark = pytest.mark.django_db
HOUR = 3600


@pytest.fixture(autouse=True)
def _texts(settings: Any) -> None:
    settings.SMS_TRANSPORT = "console"
    settings.STATUS_INTERVAL_S = 300


@pytest.fixture
def worn(watch: Device, owner: APIClient) -> Device:
    """The watch, heard a moment ago."""
    report(owner, battery_level=80)
    return watch


@pytest.fixture
def mother(watch: Device) -> EmergencyContact:
    contact: EmergencyContact = EmergencyContact.objects.create(
        owner=watch.owner, name="Mother", phone_number="+998931234567"
    )
    return contact


def report(client: APIClient, **what: Any) -> None:
    assert client.patch(f"{MINE}status/", what, format="json").status_code == 200


def passes(seconds: float) -> None:
    """So much time goes by, in which nothing is heard."""
    by = timedelta(seconds=seconds)
    Device.objects.update(last_seen_at=F("last_seen_at") - by)
    Trouble.objects.update(
        **{name: F(name) - by for name in ("since", "over_at", "told_at", "contacts_told_at")},
    )


def look(listening_s: float = 100 * HOUR) -> None:
    check_devices(ago(seconds=listening_s))


def goes_on(seconds: float, **listening: float) -> None:
    """The watch looks each two minutes, beat has it each; after half an hour, when all is told, each half hour."""
    left = seconds
    while left >= 60:
        step = min(120, left) if seconds - left < HOUR / 2 or left < HOUR / 2 else HOUR / 2
        left -= step
        passes(step)
        look(**listening)


def heard(owner: User) -> list[str]:
    rows = Notification.objects.filter(user=owner, contact_id=None).order_by("pk")
    assert {row.channel for row in rows} <= {"FCM"}
    return list(rows.values_list("kind", flat=True))


def texts() -> list[str]:
    return list(Notification.objects.exclude(contact_id=None).order_by("pk").values_list("kind", flat=True))


def test_silent_for_three_intervals_is_offline(worn: Device, owner: APIClient) -> None:
    passes(890)
    look()
    assert owner.get(MINE).json()["is_online"] is True
    passes(20)
    look()
    assert owner.get(MINE).json()["is_online"] is False


@pytest.mark.parametrize(
    ("interval_s", "silence_s"), [(10, 180), (60, 180), (100, 300), (None, 900), (86_400, 259_200)]
)
def test_each_device_has_its_own_interval(
    worn: Device, owner: APIClient, interval_s: int | None, silence_s: int
) -> None:
    answer = owner.patch(MINE, {"expected_interval_s": interval_s}, format="json")
    assert answer.json()["expected_interval_s"] == interval_s
    passes(silence_s - 5)
    look()
    assert owner.get(MINE).json()["is_online"] is True
    passes(10)
    look()
    assert owner.get(MINE).json()["is_online"] is False


@pytest.mark.parametrize("wrong", [9, 86_401, "60", 60.5, True, [], float("1e300")])
def test_wrong_interval_is_named(owner: APIClient, wrong: Any) -> None:
    answer = owner.patch(MINE, {"expected_interval_s": wrong}, format="json")
    assert (answer.status_code, list(answer.json())) == (400, ["detail", "code", "expected_interval_s"])


@pytest.mark.parametrize("way", ["status", "location", "sos"])
def test_whatever_it_sends_brings_it_back(worn: Device, owner: APIClient, way: str) -> None:
    passes(1000)
    look()
    sent = {
        "status": lambda: owner.patch(f"{MINE}status/", {}, format="json"),
        "location": lambda: owner.post(f"{MINE}location/", PLACE, format="json"),
        "sos": lambda: owner.post(
            "/api/v1/sos/trigger/", {"device_uid": "w-1", "detected_type": "TEST"}, format="json"
        ),
    }[way]()
    assert sent.status_code < 300
    assert owner.get(MINE).json()["is_online"] is True
    look()
    assert Trouble.objects.get().over_at is not None


def test_wearer_and_contacts_are_told_once(worn: Device, mother: EmergencyContact) -> None:
    goes_on(30 * HOUR)
    assert heard(worn.owner) == ["DEVICE_OFFLINE"]
    assert texts() == ["DEVICE_OFFLINE"]
    push, text = Notification.objects.order_by("pk")
    assert (push.data["device_uid"], push.event_uid, text.contact_id) == ("w-1", None, mother.pk)
    assert text.data == {"wearer_name": worn.owner.full_name}


def test_nobody_is_texted_without_contacts_or_gateway(worn: Device, settings: Any) -> None:
    goes_on(20 * 60)
    assert (heard(worn.owner), texts()) == (["DEVICE_OFFLINE"], [])
    settings.SMS_TRANSPORT = ""
    EmergencyContact.objects.create(owner=worn.owner, name="Mother", phone_number="+998931234567")
    goes_on(20 * 60)
    assert texts() == []


def test_short_silence_is_no_news(worn: Device, mother: EmergencyContact, owner: APIClient) -> None:
    passes(950)
    look()
    report(owner)
    goes_on(10 * 60)
    assert (heard(worn.owner), texts()) == ([], [])


def test_flapping_device_tells_once_until_it_was_back_for_an_hour(
    worn: Device, mother: EmergencyContact, owner: APIClient
) -> None:
    for _ in range(10):
        goes_on(20 * 60)
        report(owner)
        goes_on(5 * 60)
    assert (heard(worn.owner), texts()) == (["DEVICE_OFFLINE"], ["DEVICE_OFFLINE"])
    report(owner)
    for _ in range(5):
        goes_on(14 * 60)
        report(owner)
    goes_on(20 * 60)
    assert heard(worn.owner) == ["DEVICE_OFFLINE"] * 2
    assert texts() == ["DEVICE_OFFLINE"]


def test_low_battery_tells_once_and_again_after_a_charge(
    worn: Device, mother: EmergencyContact, owner: APIClient
) -> None:
    for level in (16, 15, 14, 20, 24, 15, 3):
        report(owner, battery_level=level)
        goes_on(120)
    assert (heard(worn.owner), texts()) == (["BATTERY_LOW"], ["BATTERY_LOW"])
    report(owner, battery_level=25)
    look()
    for _ in range(6):
        goes_on(12 * 60)
        report(owner)
    report(owner, battery_level=15)
    look()
    assert heard(worn.owner) == ["BATTERY_LOW"] * 2


def test_jumping_gauge_is_no_news_within_the_hour(worn: Device, owner: APIClient) -> None:
    for level in (15, 26, 14, 30, 10):
        report(owner, battery_level=level)
        goes_on(120)
    assert heard(worn.owner) == ["BATTERY_LOW"]


def test_watch_that_dies_every_night_is_two_texts_a_day_at_most(
    worn: Device, mother: EmergencyContact, owner: APIClient
) -> None:
    for _ in range(2):
        for level in range(90, 0, -10):
            report(owner, battery_level=level)
            goes_on(14 * 60)
        goes_on(9 * HOUR)
        for _ in range(6):
            report(owner, battery_level=100)
            goes_on(13 * 60)
    assert heard(worn.owner) == ["BATTERY_LOW", "DEVICE_OFFLINE"] * 2
    assert texts() == ["BATTERY_LOW"] * 2


def test_contacts_hear_of_a_lasting_silence_after_the_low_battery(
    worn: Device, mother: EmergencyContact, owner: APIClient
) -> None:
    report(owner, battery_level=10)
    look()
    goes_on(11 * HOUR)
    assert texts() == ["BATTERY_LOW"]
    goes_on(2 * HOUR)
    assert texts() == ["BATTERY_LOW", "DEVICE_OFFLINE"]
    goes_on(24 * HOUR)
    assert len(texts()) == 2


def test_after_an_outage_of_ours_every_device_has_its_whole_time_again(worn: Device, owner: APIClient) -> None:
    passes(5 * HOUR)
    look(listening_s=1)
    look(listening_s=890)
    assert owner.get(MINE).json()["is_online"] is True
    look(listening_s=910)
    assert owner.get(MINE).json()["is_online"] is False


@pytest.fixture
def city(person: Callable[..., User]) -> list[Device]:
    """Twelve watches, all heard a moment ago."""
    devices = [register_device(person(), f"city-{n}")[0] for n in range(12)]
    Device.objects.update(is_online=True, last_seen_at=timezone.now(), days_seen=ESTABLISHED_DAYS)
    return devices


def of_city(*which: int) -> Any:
    return Device.objects.filter(device_uid__in=[f"city-{n}" for n in which])


@pytest.fixture
def fakes(city: list[Device], person: Callable[..., User]) -> Any:
    """Two hundred more that somebody has registered, and that have reported on two days."""
    stranger = person()
    Device.objects.bulk_create(
        Device(
            device_uid=f"fake-{n}", owner=stranger, is_online=True, last_seen_at=timezone.now(),
            days_seen=ESTABLISHED_DAYS - 1,
        )
        for n in range(200)
    )  # fmt: skip
    return Device.objects.filter(owner=stranger)


def test_many_silent_at_once_are_offline_but_nobody_is_told(city: list[Device], caplog: Any) -> None:
    of_city(*range(6)).update(last_seen_at=ago(seconds=1000))
    look()
    passes(150)
    of_city(*range(6, 12)).update(last_seen_at=timezone.now())
    look()
    assert Device.objects.filter(is_online=False).count() == 6
    assert "many devices went silent at once" in caplog.text
    passes(HOUR)
    of_city(*range(6, 12)).update(last_seen_at=timezone.now())
    look()
    assert not Notification.objects.exists()


def test_few_silent_among_many_are_told(city: list[Device]) -> None:
    of_city(1, 2).update(last_seen_at=ago(seconds=1000))
    look()
    passes(150)
    look()
    assert set(Notification.objects.values_list("user_id", flat=True)) == {city[1].owner_id, city[2].owner_id}


def test_fakes_that_fall_silent_hush_nobody(city: list[Device], fakes: Any, caplog: Any) -> None:
    fakes.update(last_seen_at=ago(seconds=1000))
    of_city(1).update(last_seen_at=ago(seconds=1000))
    look()
    passes(150)
    look()
    assert city[1].owner_id in Notification.objects.values_list("user_id", flat=True)
    assert "many devices went silent at once" not in caplog.text


def test_fakes_that_stay_online_do_not_hide_that_many_are_silent(city: list[Device], fakes: Any) -> None:
    of_city(*range(6)).update(last_seen_at=ago(seconds=1000))
    look()
    passes(150)
    of_city(*range(6, 12)).update(last_seen_at=timezone.now())
    fakes.update(last_seen_at=timezone.now())
    look()
    assert not Notification.objects.exists()


def test_new_devices_are_hushed_with_the_others(city: list[Device]) -> None:
    of_city(0).update(days_seen=1)
    of_city(*range(7)).update(last_seen_at=ago(seconds=1000))
    look()
    passes(150)
    of_city(*range(7, 12)).update(last_seen_at=timezone.now())
    look()
    assert not Notification.objects.exists()


WAYS: dict[str, Callable[[APIClient], Any]] = {
    "status": lambda client: client.patch(f"{MINE}status/", {"battery_level": 50}, format="json"),
    "status with a place": lambda client: client.patch(f"{MINE}status/", PLACE, format="json"),
    "location": lambda client: client.post(f"{MINE}location/", PLACE, format="json"),
    "locations": lambda client: client.post(
        f"{MINE}locations/", {"fixes": [{**PLACE, "timestamp": ago(hours=1).isoformat()}]}, format="json"
    ),
    "sos": lambda client: client.post(
        "/api/v1/sos/trigger/", {"device_uid": "w-1", "detected_type": "TEST"}, format="json"
    ),
}


@pytest.mark.usefixtures("lane")
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_each_day_on_which_it_reports_counts_once(watch: Device, owner: APIClient, way: Any) -> None:
    assert (watch.days_seen, watch.seen_day) == (0, None)
    for day in range(1, ESTABLISHED_DAYS + 1):
        for _ in range(2):
            assert way(owner).status_code < 300
        watch.refresh_from_db()
        assert watch.days_seen == day
        Device.objects.update(seen_day=F("seen_day") - timedelta(days=1))


def test_days_are_those_of_utc(worn: Device) -> None:
    worn.refresh_from_db()
    assert worn.last_seen_at is not None
    assert worn.seen_day == worn.last_seen_at.date()


def test_who_was_given_up_long_ago_is_no_news(worn: Device) -> None:
    Device.objects.update(last_seen_at=ago(days=30))
    look()
    passes(200)
    look()
    assert (Trouble.objects.get().kind, heard(worn.owner)) == ("SILENT", [])


def test_signing_off_is_no_silence(worn: Device, owner: APIClient) -> None:
    report(owner, is_online=False)
    goes_on(20 * 60)
    assert not Trouble.objects.exists()


def test_banned_owner_is_not_told(worn: Device) -> None:
    User.objects.filter(pk=worn.owner_id).update(status="BANNED")
    goes_on(20 * 60)
    assert heard(worn.owner) == []


def test_open_event_of_a_device_in_trouble_says_so(worn: Device, owner: APIClient) -> None:
    signal = {"device_uid": "w-1", "detected_type": "FALL_DETECTED", **PLACE}
    assert owner.post("/api/v1/sos/trigger/", signal, format="json").status_code == 201
    report(owner, battery_level=9)
    look()
    passes(1000)
    look()
    told = JournalEntry.objects.filter(event=SosEvent.objects.get(), kind="DISPATCHERS_ALARMED").order_by("position")
    assert [(entry.data["reason"], entry.status) for entry in told] == [
        ("DEVICE_BATTERY_LOW", "NEW"),
        ("DEVICE_SILENT", "NEW"),
    ]
    assert not Notification.objects.filter(kind="DISPATCHER_ALARM").exists()


@pytest.mark.django_db(transaction=True)
def test_two_watches_at_once_tell_once(worn: Device, mother: EmergencyContact) -> None:
    report_at = ago(seconds=1000)
    Device.objects.update(last_seen_at=report_at)

    def both() -> None:
        def one() -> None:
            look()
            connections.close_all()

        threads = [threading.Thread(target=one) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    both()
    passes(150)
    both()
    assert (heard(worn.owner), texts()) == (["DEVICE_OFFLINE"], ["DEVICE_OFFLINE"])


TROUBLED = f"{URL}troubled/"


class TestList:
    def test_dispatcher_sees_who_is_in_trouble(
        self, worn: Device, owner: APIClient, client_of: Any, dispatcher: User, person: Callable[..., User]
    ) -> None:
        register_device(person(), "w-2")
        report(owner, battery_level=12)
        owner.patch(MINE, {"wearer_name": "Nodira Karimova"}, format="json")
        look()
        passes(1000)
        look()
        shown = client_of(dispatcher).get(TROUBLED).json()
        assert shown["count"] == 1
        row = shown["results"][0]
        assert list(row) == [
            "device_uid", "wearer_name", "model", "battery_level", "is_online", "last_seen_at", "troubles", "since",
        ]  # fmt: skip
        assert row.items() >= {
            "device_uid": "w-1", "wearer_name": "Nodira Karimova", "model": "T-Watch 5", "battery_level": 12,
            "is_online": False, "troubles": ["BATTERY_LOW", "SILENT"],
        }.items()  # fmt: skip
        report(owner, battery_level=90)
        look()
        assert client_of(dispatcher).get(TROUBLED).json()["results"] == []

    def test_newest_first_in_pages(self, city: list[Device], client_of: Any, dispatcher: User) -> None:
        for n in (3, 1, 2):
            of_city(n).update(last_seen_at=ago(seconds=1000))
            look()
        dispatch = client_of(dispatcher)
        first = dispatch.get(TROUBLED, {"page_size": 2}).json()
        assert [row["device_uid"] for row in first["results"]] == ["city-2", "city-1"]
        rest = dispatch.get(first["next"]).json()
        assert ([row["device_uid"] for row in rest["results"]], rest["count"]) == (["city-3"], 3)

    @pytest.mark.parametrize("size", ["0", "201", "x", "NaN", "-1", "9" * 30])
    def test_wrong_page_size_is_named(self, client_of: Any, dispatcher: User, size: str) -> None:
        answer = client_of(dispatcher).get(TROUBLED, {"page_size": size})
        assert (answer.status_code, "page_size" in answer.json()) == (400, True)

    def test_page_beyond_the_last_is_not_found(self, client_of: Any, dispatcher: User) -> None:
        assert client_of(dispatcher).get(TROUBLED, {"page": 2}).status_code == 404

    def test_nobody_else_sees_it(self, client_of: Any, wearer: User) -> None:
        assert client_of().get(TROUBLED).status_code == 401
        assert client_of(wearer).get(TROUBLED).status_code == 403

    def test_no_device_can_be_called_so(self, client_of: Any, wearer: User) -> None:
        answer = client_of(wearer).post(URL, {"device_uid": "troubled"}, format="json")
        assert (answer.status_code, answer.json()["device_uid"]) == (400, ["Is not to be had: choose another."])
