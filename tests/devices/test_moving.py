"""A watch goes to another account: by its owner's code, or by a dispatcher."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.db.models import F
from django.utils import timezone
from rest_framework.test import APIClient

from apps.devices.models import ClaimTry, Device, DeviceClaim, DeviceToken, LocationTrack
from apps.devices.rules.moving import LETTERS
from apps.devices.rules.registry import Fix, record_fix
from apps.sos.models import JournalEntry, SosEvent
from apps.sos.rules.opening import open_event
from apps.users.models import Remark, Status, User
from tests.devices.conftest import MINE, PLACE, URL

pytestmark = pytest.mark.django_db
CODE, MOVE = f"{MINE}claim-code/", f"{MINE}move/"


def code_from(owner: APIClient) -> str:
    answer = owner.post(CODE)
    assert (answer.status_code, answer.json().keys()) == (201, {"claim_code", "expires_at", "device_uid"})
    return str(answer.json()["claim_code"])


def claim(client: APIClient, code: Any, **fields: Any) -> Any:
    return client.post(URL, {"device_uid": "w-1", "claim_code": code} | fields, format="json")


@pytest.fixture
def buyer(person: Callable[..., User]) -> User:
    return person()


@pytest.fixture
def app(buyer: User, client_of: Callable[..., APIClient]) -> APIClient:
    """The buyer's."""
    return client_of(buyer)


def test_code_moves_the_watch_once(watch: Device, owner: APIClient, app: APIClient, buyer: User, person: Any) -> None:
    code = code_from(owner)
    assert (len(code), set(code) <= set(LETTERS)) == (8, True)
    answer = claim(app, code, model="Mine")
    assert (answer.status_code, answer.json()["model"]) == (201, "Mine")
    assert Device.objects.get().owner == buyer
    assert owner.get(MINE).status_code == 404
    assert claim(owner, code).status_code == 409
    assert not ClaimTry.objects.filter(user=buyer).exists()


def test_nothing_of_its_owner_before_goes_along(watch: Device, owner: APIClient, app: APIClient) -> None:
    owner.patch(MINE, {"medical_note": "Diabetes."}, format="json")
    owner.post(f"{MINE}token/")
    record_fix(watch, Fix(**PLACE))
    Device.objects.update(days_seen=3)
    event = open_event(watch.owner, {**PLACE, "device_uid": "w-1"}).event
    claim(app, code_from(owner))
    shown = app.get(MINE).json()
    assert (shown["medical_note"], shown["has_token"], shown["is_established"]) == ("", False, False)
    assert not LocationTrack.objects.exists()
    assert not DeviceToken.objects.exists()
    assert (SosEvent.objects.get().user, SosEvent.objects.get().is_open) == (event.user, True)
    assert app.get("/api/v1/sos/").json()["results"] == []


@pytest.mark.parametrize("typed", [str.lower, lambda code: f" {code[:4]}-{code[4:]} "])
def test_code_as_people_type_it(watch: Device, owner: APIClient, app: APIClient, typed: Any) -> None:
    assert claim(app, typed(code_from(owner))).status_code == 201


def test_wrong_code_is_refused_as_none_is(watch: Device, owner: APIClient, app: APIClient) -> None:
    without = app.post(URL, {"device_uid": "w-1"}, format="json")
    assert claim(app, "22222222").json() == without.json(), "before there is a code"
    code_from(owner)
    answer = claim(app, "22222222")
    assert (answer.status_code, answer.json()) == (409, without.json())


def test_code_is_good_for_a_day_and_can_be_replaced_and_withdrawn(
    watch: Device, owner: APIClient, app: APIClient
) -> None:
    first, second = code_from(owner), code_from(owner)
    assert claim(app, first).status_code == 409
    DeviceClaim.objects.update(created_at=F("created_at") - timedelta(hours=24))
    assert claim(app, second).status_code == 409
    third = code_from(owner)
    for _ in range(2):
        assert owner.delete(CODE).status_code == 204
    assert claim(app, third).status_code == 409
    assert third not in str(list(DeviceClaim.objects.values()))


def test_five_tries_an_hour(watch: Device, owner: APIClient, app: APIClient) -> None:
    code = code_from(owner)
    for _ in range(5):
        assert claim(app, "22222222").status_code == 409
    refused = claim(app, code)
    assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
    assert 3500 < int(refused.headers["Retry-After"]) <= 3600
    assert app.post(URL, {"device_uid": "w-2", "claim_code": "x"}, format="json").status_code == 201, "it needs no code"
    ClaimTry.objects.update(at=timezone.now() - timedelta(hours=1))
    assert claim(app, code).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_of_many_tries_at_once_five_are_looked_at(watch: Device, owner: APIClient, app: APIClient) -> None:
    code_from(owner)

    def attempt(_: int) -> int:
        try:
            return int(claim(app, "22222222").status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        statuses = sorted(threads.map(attempt, range(8)))
    assert statuses == [409] * 5 + [429] * 3


def test_account_with_enough_devices_gets_no_more(
    watch: Device, owner: APIClient, app: APIClient, settings: Any, buyer: User
) -> None:
    settings.DEVICES_PER_ACCOUNT = 1
    Device.objects.create(owner=buyer, device_uid="w-2")
    answer = claim(app, code_from(owner))
    assert (answer.status_code, answer.json().keys()) == (400, {"detail", "code", "device_uid"})
    assert owner.get(MINE).status_code == 200, "it stays where it was"


def test_dispatcher_moves_a_watch_with_a_reason(
    watch: Device, client_of: Any, dispatcher: User, buyer: User, owner: APIClient, app: APIClient
) -> None:
    desk = client_of(dispatcher)
    body = {"owner": str(buyer.uuid), "reason": "Has shown the receipt."}
    answer = desk.post(MOVE, body, format="json")
    assert (answer.status_code, answer.json()["model"]) == (200, "T-Watch 5")
    assert (owner.get(MINE).status_code, app.get(MINE).status_code) == (404, 200)
    entry = JournalEntry.objects.get(kind="DEVICE_MOVED")
    remark, moved = Remark.objects.get(), str(Device.objects.get().uuid)
    facts = {"person": buyer.pk, "before": watch.owner_id, "device": moved, "remark": remark.pk}
    assert (entry.actor_id, entry.data) == (dispatcher.pk, facts)
    assert (remark.text, remark.person) == ("Has shown the receipt.", buyer)
    assert desk.post(MOVE, body, format="json").status_code == 200, "it is theirs already"
    assert JournalEntry.objects.filter(kind="DEVICE_MOVED").count() == 1


def test_move_needs_an_active_account_and_a_reason(
    watch: Device, client_of: Any, dispatcher: User, person: Any, settings: Any
) -> None:
    desk, banned, full = client_of(dispatcher), person(status=Status.BANNED), person()
    settings.DEVICES_PER_ACCOUNT = 1
    Device.objects.create(owner=full, device_uid="w-2")
    for body, field in (
        ({"owner": str(banned.uuid), "reason": "x"}, "owner"),
        ({"owner": str(full.uuid), "reason": "x"}, "owner"),
        ({"owner": str(person().uuid)}, "reason"),
        ({"owner": str(person().uuid), "reason": ""}, "reason"),
    ):
        answer = desk.post(MOVE, body, format="json")
        assert (answer.status_code, field in answer.json()) == (400, True)
    assert Device.objects.get(device_uid="w-1").owner == watch.owner
