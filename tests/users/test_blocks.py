"""Helpers whom a wearer never wants called."""

from typing import Any
from uuid import uuid4

import pytest

from apps.sos.models import HelperAlert, SosEvent
from apps.sos.rules.due_step import take_due_step
from apps.users.models import BlockedHelper, Role, Status, User
from apps.users.rules.contacts import MOST_BLOCKED
from tests.users.conftest import GONE, ME
from tests.users.test_contacts import at_once

pytestmark = pytest.mark.django_db
BLOCKED = "/api/v1/blocked-helpers/"


@pytest.fixture
def block(client_of: Any) -> Any:
    def send(user: User, helper: Any) -> Any:
        uuid = str(helper.uuid) if isinstance(helper, User) else helper
        return client_of(user).post(BLOCKED, {} if uuid is ... else {"helper": uuid}, format="json")

    return send


def test_blocked_helper_is_listed_by_name(wearer: User, person: Any, block: Any, client_of: Any) -> None:
    first, second = person(role=Role.HELPER), person(role=Role.HELPER)
    answers = [block(wearer, one) for one in (first, second)]
    assert [answer.status_code for answer in answers] == [201, 201]
    listed = client_of(wearer).get(BLOCKED).json()["results"]
    assert listed == [answer.json() for answer in answers]
    assert listed[0].keys() == {"helper", "full_name", "created_at"}
    assert [(one["helper"], one["full_name"]) for one in listed] == [
        (str(one.uuid), one.full_name) for one in (first, second)
    ]
    assert client_of(first).get(BLOCKED).json()["results"] == []


def test_blocking_again_changes_nothing(wearer: User, person: Any, block: Any) -> None:
    helper = person(role=Role.HELPER)
    first, again = block(wearer, helper), block(wearer, helper)
    assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())


def test_blocked_helper_is_not_called(wearer: User, helper: Any, block: Any, press: Any) -> None:
    near, further = helper(100), helper(200)
    block(wearer, near)
    press(wearer)
    take_due_step(SosEvent.objects.get().pk)
    assert [alert.helper for alert in HelperAlert.objects.all()] == [further]


def test_unblocking(wearer: User, person: Any, block: Any, client_of: Any) -> None:
    helper = person(role=Role.HELPER)
    block(wearer, helper)
    url = f"{BLOCKED}{helper.uuid}/"
    assert client_of(helper).delete(url).status_code == 404
    assert client_of(person()).delete(url).status_code == 404
    assert client_of().delete(url).status_code == 401
    assert client_of(wearer).delete(url).status_code == 204
    assert client_of(wearer).delete(url).status_code == 404
    assert not BlockedHelper.objects.exists()


def test_only_active_helpers_can_be_blocked(wearer: User, dispatcher: User, person: Any, block: Any) -> None:
    banned = person(role=Role.HELPER, status=Status.BANNED)
    oneself = person(role=Role.HELPER)
    refused = [banned, dispatcher, person(), str(uuid4()), "x", "", None, 5, True, [], ..., "0" * 400]
    for helper in refused:
        answer = block(wearer, helper)
        assert (answer.status_code, "helper" in answer.json()) == (400, True), helper
    assert block(oneself, oneself).json()["helper"] == ["Is no active helper whom you could block."]
    assert not BlockedHelper.objects.exists()


def test_no_more_than_a_hundred(wearer: User, person: Any, block: Any) -> None:
    blocked = [person(role=Role.HELPER) for _ in range(MOST_BLOCKED)]
    BlockedHelper.objects.bulk_create(BlockedHelper(owner=wearer, helper=helper) for helper in blocked)
    answer = block(wearer, person(role=Role.HELPER))
    assert (answer.status_code, answer.json()) == (400, {"detail": "At most 100 helpers.", "code": "too_many"})
    assert block(wearer, blocked[0]).status_code == 200, "who is blocked already takes no new place"


@pytest.mark.django_db(transaction=True)
def test_blocked_twice_at_once_is_blocked_once(wearer: User, person: Any, block: Any) -> None:
    helper = person(role=Role.HELPER)
    assert at_once(4, lambda _: block(wearer, helper)) == [200, 200, 200, 201]


def test_blocks_go_with_either_account(person: Any, block: Any, client_of: Any) -> None:
    first, second, third = (person(role=Role.HELPER) for _ in range(3))
    for owner, helper in ((first, second), (second, third), (third, first)):
        block(owner, helper)
    assert client_of(first).delete(ME, GONE, format="json").status_code == 204
    assert list(BlockedHelper.objects.values_list("owner", "helper")) == [(second.pk, third.pk)]
