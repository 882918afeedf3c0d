"""Messages to oneself: listed, read, received; never anybody else's."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from django.utils import timezone

from apps.devices.models import HelperPosition, LocationTrack
from apps.notifications.models import Notification, NotificationChange, State
from apps.notifications.rules.queueing import change, notify, notify_contacts
from apps.sos.models import JournalEntry, SosEvent
from apps.users.models import User
from tests.conftest import HERE

pytestmark = pytest.mark.django_db
URL = "/api/v1/notifications/"


def told(user: User, kind: str = "HELP_COMING", **fields: Any) -> Notification:
    notify(kind, None, {user.pk: {"text_key": kind.lower()}}, occasion=str(uuid4()))
    Notification.objects.filter(user=user).filter(pk=Notification.objects.latest("pk").pk).update(**fields)
    return Notification.objects.latest("pk")


def uuids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.json()
    return [one["uuid"] for one in answer.json()["results"]]


class TestList:
    def test_own_messages_the_newest_first(self, wearer: User, person: Any, client_of: Any) -> None:
        first, second = told(wearer), told(wearer, "ALL_CLEAR")
        told(person())
        change([first], State.SENT)
        change([first], State.READ)
        answer = client_of(wearer).get(URL)
        assert uuids(answer) == [str(second.uuid), str(first.uuid)]
        shown = answer.json()["results"][1]
        assert set(shown) == {"uuid", "kind", "channel", "event_uid", "state", "created_at", "changes"}
        assert (shown["kind"], shown["channel"], shown["event_uid"], shown["state"]) == (
            "HELP_COMING", "FCM", None, "READ",
        )  # fmt: skip
        assert [one["state"] for one in shown["changes"]] == ["SENT", "READ"]
        assert all(set(one) == {"state", "at"} and one["at"].endswith("Z") for one in shown["changes"])

    def test_messages_to_ones_contacts_are_not_ones_own(self, wearer: User, client_of: Any) -> None:
        contact = wearer.emergency_contacts.create(name="Contact", phone_number="+998907777777")
        notify_contacts("CONTACT_ALARM", uuid4(), wearer.pk, {contact.pk: {"wearer_name": "N", "url": "u"}})
        row = Notification.objects.get()
        assert uuids(client_of(wearer).get(URL)) == []
        assert client_of(wearer).post(f"{URL}{row.uuid}/read/").status_code == 404

    def test_list_can_be_filtered(self, wearer: User, client_of: Any) -> None:
        waiting, sent, read = told(wearer), told(wearer, state="SENT"), told(wearer, "ALL_CLEAR", state="READ")
        client = client_of(wearer)
        assert uuids(client.get(URL, {"state": "SENT"})) == [str(sent.uuid)]
        assert uuids(client.get(f"{URL}?state=READ&state=SENT")) == [str(read.uuid), str(sent.uuid)]
        assert uuids(client.get(URL, {"kind": "HELP_COMING", "state": "QUEUED"})) == [str(waiting.uuid)]
        assert uuids(client.get(URL, {"kind": "NOTHING"})) == []

    @pytest.mark.parametrize(
        ("query", "wrong"),
        [
            ({"state": "LOST"}, "state"),
            ({"kind": "x" * 33}, "kind"),
            ({"kind": "a\x00"}, "kind"),
            ({"page_size": "0"}, "page_size"),
            ({"page_size": "201"}, "page_size"),
            ({"cursor": "nonsense"}, "cursor"),
        ],
        ids=repr,
    )
    def test_wrong_query_is_named(self, wearer: User, client_of: Any, query: dict[str, str], wrong: str) -> None:
        answer = client_of(wearer).get(URL, query)
        assert (answer.status_code, answer.json().keys()) == (400, {"detail", "code", wrong})

    def test_pages_lead_on(self, wearer: User, client_of: Any) -> None:
        expected = [str(told(wearer).uuid) for _ in range(5)][::-1]
        seen: list[str] = []
        url = f"{URL}?page_size=2"
        while url:
            answer = client_of(wearer).get(url)
            seen += uuids(answer)
            url = answer.json()["next"]
        assert seen == expected


class TestRead:
    def test_message_is_read_once(self, wearer: User, client_of: Any) -> None:
        row = told(wearer, state=State.SENT)
        for _ in range(2):
            answer = client_of(wearer).post(f"{URL}{row.uuid}/read/")
            assert (answer.status_code, answer.json()["state"]) == (200, "READ")
            assert [one["state"] for one in answer.json()["changes"]] == ["READ"]
        assert NotificationChange.objects.count() == 1

    @pytest.mark.parametrize("state", ["QUEUED", "SENT", "RECEIVED", "FAILED"])
    def test_whatever_state_it_was_in(self, wearer: User, client_of: Any, state: str) -> None:
        row = told(wearer, state=state)
        assert client_of(wearer).post(f"{URL}{row.uuid}/read/").json()["state"] == "READ"

    def test_what_was_never_sent_stays_so(self, wearer: User, client_of: Any) -> None:
        row = told(wearer, state=State.DROPPED)
        assert client_of(wearer).post(f"{URL}{row.uuid}/read/").json()["state"] == "DROPPED"
        assert not NotificationChange.objects.exists()

    def test_receipt_after_reading_takes_nothing_back(self, wearer: User, client_of: Any) -> None:
        row = told(wearer, state=State.SENT)
        client_of(wearer).post(f"{URL}{row.uuid}/read/")
        receipt(client_of, row)
        assert Notification.objects.get().state == State.READ

    def test_anothers_message_does_not_exist(self, wearer: User, person: Any, dispatcher: User, client_of: Any) -> None:
        row = told(wearer)
        for reader in (person(), dispatcher):
            answer = client_of(reader).post(f"{URL}{row.uuid}/read/")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        for nothing in (uuid4(), "1", "x" * 40):
            assert client_of(wearer).post(f"{URL}{nothing}/read/").status_code == 404
        assert client_of().post(f"{URL}{row.uuid}/read/").status_code == 401
        assert client_of(wearer).get(f"{URL}{row.uuid}/read/").status_code == 405
        assert Notification.objects.get().state == State.QUEUED

    def test_dispatchers_are_told(self, wearer: User, client_of: Any, press: Any) -> None:
        press(wearer)
        row = told(wearer, event_uid=SosEvent.objects.get().uid)
        client_of(wearer).post(f"{URL}{row.uuid}/read/")
        assert JournalEntry.objects.latest("position").data == {"states": {str(row.uuid): "READ"}}

    @pytest.mark.django_db(transaction=True)
    def test_read_twice_at_once_is_read_once(self, wearer: User, client_of: Any) -> None:
        row = told(wearer, state=State.SENT)

        def read(_: int) -> int:
            try:
                return int(client_of(wearer).post(f"{URL}{row.uuid}/read/").status_code)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(read, range(8))) == {200}
        assert NotificationChange.objects.count() == 1


UNREADABLE = [
    b'{"lat": null}', b'{"lat": 41.3}', b'{"lat": true, "lon": 69}', b'{"lat": [41.3], "lon": {}}',
    b'{"lat": 1e999, "lon": 1}', b'{"lat": "x", "lon": 69}', b'{"lat": 91, "lon": 0}', b'{"lat": 0, "lon": 0}',
    b'{"lat": NaN, "lon": 1}', b"{", b"[]", b"null", b"\xff", b'"\\ud800"', b"[" * 100_000, b"x" * (2**20 + 1),
]  # fmt: skip


def receipt(client_of: Any, row: Notification, *body: Any, **how: Any) -> Any:
    return client_of().post(row.data["receipt_url"].removeprefix("http://localhost"), *body, **how)


class TestReceipt:
    @pytest.fixture
    def called(self, helper: Any) -> User:
        user: User = helper(900)
        HelperPosition.objects.update(recorded_at=timezone.now() - timedelta(minutes=20))
        return user

    def test_place_in_a_receipt_moves_the_helper(self, called: User, client_of: Any) -> None:
        row, tracks = told(called), LocationTrack.objects.count()
        answer = receipt(client_of, row, {"lat": HERE[0], "lon": HERE[1]}, format="json")
        assert (answer.status_code, answer.json()) == (200, {"status": "received"})
        there = HelperPosition.objects.get(user=called)
        assert (there.position.y, there.position.x) == HERE
        assert timezone.now() - there.recorded_at < timedelta(minutes=1)
        assert LocationTrack.objects.count() == tracks
        assert Notification.objects.get().state == State.RECEIVED

    def test_empty_receipt_moves_nobody(self, called: User, client_of: Any) -> None:
        before = HelperPosition.objects.values().get()
        for body in ([], [{}]):
            assert receipt(client_of, told(called), *body, format="json").status_code == 200
        assert HelperPosition.objects.values().get() == before

    @pytest.mark.parametrize("body", UNREADABLE, ids=lambda body: body[:20].decode(errors="replace"))
    @pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
    def test_receipt_counts_whatever_its_body_holds(self, called: User, client_of: Any, body: bytes, kind: str) -> None:
        before, row = HelperPosition.objects.values().get(), told(called)
        url = row.data["receipt_url"].removeprefix("http://localhost")
        answer = client_of().generic("POST", url, body, content_type=kind)
        assert (answer.status_code, Notification.objects.get().state) == (200, State.RECEIVED)
        assert answer.json()["warnings"]
        assert HelperPosition.objects.values().get() == before

    @pytest.mark.parametrize(
        ("body", "wrong"),
        [
            (b'{"lat": 41.3}', {"lon"}),
            (b'{"lat": null, "lon": null}', {"lat", "lon"}),
            (b'{"lat": 0, "lon": 0}', {"lat"}),
            (b"[]", {"body"}),
            (b"{", {"body"}),
        ],
    )
    def test_place_that_was_not_taken_is_named(
        self, called: User, client_of: Any, body: bytes, wrong: set[str]
    ) -> None:
        answer = receipt(client_of, told(called), body, content_type="application/json").json()
        assert (answer["status"], answer["warnings"].keys()) == ("received", wrong)
        assert all(isinstance(why, str) for whys in answer["warnings"].values() for why in whys)

    def test_good_place_is_used_whatever_its_content_type(self, called: User, client_of: Any) -> None:
        body = json.dumps({"lat": HERE[0], "lon": HERE[1]})
        answer = receipt(client_of, told(called), body, content_type="text/plain")
        assert (answer.status_code, answer.json()) == (200, {"status": "received"})
        assert HelperPosition.objects.get(user=called).position.y == HERE[0]

    def test_repeated_receipt_moves_nobody(self, called: User, client_of: Any) -> None:
        row = told(called)
        receipt(client_of, row, {"lat": HERE[0], "lon": HERE[1]}, format="json")
        assert receipt(client_of, row, {"lat": 1, "lon": 1}, format="json").status_code == 200
        assert HelperPosition.objects.get(user=called).position.y == HERE[0]

    def test_who_is_no_helper_gets_no_position(self, wearer: User, client_of: Any) -> None:
        assert receipt(client_of, told(wearer), {"lat": 1, "lon": 1}, format="json").status_code == 200
        assert not HelperPosition.objects.exists()
