"""A watch's own token: what it opens, what it does not, and how it ends."""

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.db.models import F
from drf_spectacular.generators import EndpointEnumerator
from rest_framework.test import APIClient

from apps.devices.models import Device, DeviceToken
from apps.devices.rules.registry import register_device
from apps.sos.models import SosEvent
from apps.users.models import Role, Status, User
from apps.users.rules.accounts import change_standing
from tests.conftest import PASSWORD
from tests.devices.conftest import MINE, PLACE, URL, watch_with

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("lane")]
TRIGGER = "/api/v1/sos/trigger/"
MAY = {
    "PATCH /api/v1/devices/{device_uid}/status/",
    "POST /api/v1/devices/{device_uid}/location/",
    "POST /api/v1/devices/{device_uid}/locations/",
    "GET /api/v1/sos/current/",
    "POST /api/v1/sos/trigger/",
    "POST /api/v1/sos/{event_uid}/cancel/",
}


def heard(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def test_a_token_is_shown_once_and_only_its_digest_is_kept(owner: APIClient) -> None:
    answer = owner.post(f"{MINE}token/")
    token = answer.json()["token"]
    assert (answer.status_code, answer.json()) == (201, {"token": token, "device_uid": "w-1"})
    assert re.fullmatch(r"mdd_device_[A-Za-z0-9_-]{43,}", token)
    assert DeviceToken.objects.get().digest == hashlib.sha256(token.encode()).hexdigest()
    assert token not in str(DeviceToken.objects.values().get())


def test_the_watch_reports_and_calls_for_help_by_itself(itself: APIClient, watch: Device, press: Any) -> None:
    assert itself.patch(f"{MINE}status/", {"battery_level": 50}, format="json").json()["has_token"] is True
    assert itself.post(f"{MINE}location/", PLACE, format="json").status_code == 201
    fixes = {"fixes": [{**PLACE, "timestamp": "2025-10-28T12:00:00Z"}]}
    assert itself.post(f"{MINE}locations/", fixes, format="json").json()["recorded"] == 1
    assert itself.post(TRIGGER, {"device_uid": "w-1"}, format="json").status_code == 201
    event = SosEvent.objects.get()
    assert (event.user, event.device) == (watch.owner, watch)


def test_the_watch_need_not_say_which_it_is(itself: APIClient, watch: Device) -> None:
    answer = itself.post(TRIGGER, {"lat": 41.3, "lon": 69.2}, format="json")
    assert "device_uid" not in answer.json()["warnings"]
    assert SosEvent.objects.get().device == watch


def test_it_opens_nothing_else(itself: APIClient) -> None:
    seen = set()
    for path, _, method, view in EndpointEnumerator().get_api_endpoints():
        if not (path.startswith("/api/v1/") and view.cls.authentication_classes):
            continue
        url = path.replace("{device_uid}", "w-1").replace("{token_id}", "1")
        url = re.sub(r"\{\w+\}", "00000000-0000-4000-8000-000000000000", url)
        answer = getattr(itself, method.lower())(url, {}, format="json")
        if f"{method} {path}" in MAY:
            assert answer.status_code in {200, 201, 400, 404}
            seen.add(f"{method} {path}")
        else:
            assert heard(answer) == (403, "device_token_not_allowed"), f"{method} {path}"
    assert seen == MAY


@pytest.mark.parametrize("method", ["post", "delete"])
def test_a_watch_cannot_make_or_end_its_token(itself: APIClient, method: str) -> None:
    assert heard(getattr(itself, method)(f"{MINE}token/")) == (403, "device_token_not_allowed")
    assert itself.patch(f"{MINE}status/", {}, format="json").status_code == 200


def test_no_other_device_exists_for_it(itself: APIClient, wearer: User, person: Any) -> None:
    register_device(wearer, "w-2")
    register_device(person(), "of-other")
    for uid in ("w-2", "of-other", "unknown"):
        assert heard(itself.patch(f"{URL}{uid}/status/", {}, format="json")) == (404, "not_found")
        assert heard(itself.post(f"{URL}{uid}/location/", PLACE, format="json")) == (404, "not_found")
        assert heard(itself.post(f"{URL}{uid}/locations/", {}, format="json")) == (404, "not_found")
    assert not Device.objects.filter(last_seen_at__isnull=False).exists()


def test_a_new_token_replaces_the_old(owner: APIClient, itself: APIClient) -> None:
    new = watch_with(owner.post(f"{MINE}token/").json()["token"])
    assert heard(itself.patch(f"{MINE}status/", {}, format="json")) == (401, "token_not_valid")
    assert new.patch(f"{MINE}status/", {}, format="json").status_code == 200


def test_a_revoked_token_is_refused_at_once(owner: APIClient, itself: APIClient) -> None:
    for _ in range(2):
        answer = owner.delete(f"{MINE}token/")
        assert (answer.status_code, answer.content) == (204, b"")
    answer = itself.patch(f"{MINE}status/", {}, format="json")
    assert heard(answer) == (401, "token_not_valid")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert owner.get(MINE).json()["has_token"] is False


@pytest.mark.parametrize(
    "token",
    ["mdd_device_", "mdd_device_short", "mdd_device_" + "A" * 43, "mdd_device_é", "mdd_device_a b", "mdd_device"],
)
def test_made_up_tokens_are_refused(watch: Device, token: str) -> None:
    assert heard(watch_with(token).patch(f"{MINE}status/", {}, format="json")) == (401, "token_not_valid")


def test_the_digest_is_no_token(itself: APIClient) -> None:
    stolen = DeviceToken.objects.get().digest
    for token in (stolen, f"mdd_device_{stolen}"):
        assert heard(watch_with(token).patch(f"{MINE}status/", {}, format="json")) == (401, "token_not_valid")


def test_a_banned_persons_watch_can_only_call_for_help(itself: APIClient, wearer: User) -> None:
    change_standing(wearer, role=Role.USER, status=Status.BANNED)
    for answer in (
        itself.patch(f"{MINE}status/", {}, format="json"),
        itself.post(f"{MINE}location/", PLACE, format="json"),
        itself.post(f"{MINE}locations/", {}, format="json"),
        itself.get(MINE),
    ):
        assert heard(answer) == (401, "banned")
    assert itself.post(TRIGGER, {}, format="json").status_code == 201


def test_an_erased_persons_watch_is_unknown(owner: APIClient, itself: APIClient, wearer: User) -> None:
    User.objects.filter(pk=wearer.pk).update(status=Status.ERASED)
    assert heard(itself.post(TRIGGER, {}, format="json")) == (401, "token_not_valid")
    User.objects.filter(pk=wearer.pk).update(status=Status.ACTIVE)
    assert owner.delete("/api/v1/users/me/", {"password": PASSWORD}, format="json").status_code == 204
    assert heard(itself.post(TRIGGER, {}, format="json")) == (401, "token_not_valid")


def test_its_use_is_noted_once_an_hour(itself: APIClient, django_assert_max_num_queries: Any) -> None:
    assert DeviceToken.objects.get().last_used_at is None

    def use() -> Any:
        assert itself.post(f"{MINE}location/", PLACE, format="json").status_code == 201
        return DeviceToken.objects.get().last_used_at

    first = use()
    assert first is not None
    with django_assert_max_num_queries(3):  # the token, the position, and this test's own look
        assert use() == first
    DeviceToken.objects.update(last_used_at=F("last_used_at") - timedelta(hours=1, seconds=1))
    assert use() > first


@pytest.mark.django_db(transaction=True)
def test_of_tokens_made_at_once_one_is_good(owner: APIClient) -> None:
    def make(_: int) -> Any:
        try:
            return owner.post(f"{MINE}token/").json()["token"]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        tokens = list(pool.map(make, range(12)))
    answers = [watch_with(token).patch(f"{MINE}status/", {}, format="json").status_code for token in tokens]
    assert sorted(answers) == [200] + [401] * 11
