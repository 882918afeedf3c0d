"""Helpers answer; a dispatcher closes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from apps.sos.models import HelperAlert, SosEvent
from apps.sos.rules.due_step import take_due_step
from apps.users.models import User
from mdd_backend.database.clock import utc

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene(wearer: User, press: Any, helper: Callable[..., User]) -> tuple[SosEvent, list[User]]:
    people = [helper(100 + n) for n in range(4)]
    press(wearer)
    event = SosEvent.objects.get()
    take_due_step(event.pk)
    return event, people


def respond(client: Any, event: SosEvent, status: Any = "ACCEPTED") -> Any:
    return client.post(f"/api/v1/sos/{event.uid}/respond/", {"status": status}, format="json")


def test_who_accepts_learns_where_and_who(scene: Any, client_of: Any, wearer: User) -> None:
    event, people = scene
    answer = respond(client_of(people[0]), event)
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "event_uid": str(event.uid),
            "status": "ACCEPTED",
            "event_status": "IN_PROGRESS",
            "lat": 41.311081,
            "lon": 69.240562,
            "position_at": utc(event.received_at),
            "wearer": {"full_name": wearer.full_name, "phone_number": str(wearer.phone_number)},
        },
    )
    assert respond(client_of(people[0]), event).json() == answer.json()


def test_who_declines_learns_nothing_and_may_change_their_mind(scene: Any, client_of: Any) -> None:
    event, people = scene
    client = client_of(people[0])
    declined = respond(client, event, "DECLINED").json()
    assert declined == {"event_uid": str(event.uid), "status": "DECLINED", "event_status": "NEW"}
    assert respond(client, event).json()["status"] == "ACCEPTED"


def test_third_acceptance_is_told_that_enough_are_coming(scene: Any, client_of: Any) -> None:
    event, people = scene
    assert [respond(client_of(user), event).status_code for user in people[:2]] == [200, 200]
    refused = respond(client_of(people[2]), event)
    assert refused.status_code == 409
    assert refused.json() == {
        "detail": "Enough helpers are on their way.",
        "code": "conflict",
        "event_status": "IN_PROGRESS",
        "status": "STOOD_DOWN",
    }


def test_accepted_cannot_be_declined(scene: Any, client_of: Any) -> None:
    event, people = scene
    respond(client_of(people[0]), event)
    assert respond(client_of(people[0]), event, "DECLINED").status_code == 409


def test_event_does_not_exist_for_who_was_not_called(scene: Any, client_of: Any, person: Any, wearer: User) -> None:
    event, _ = scene
    for stranger in (person(), wearer):
        answer = respond(client_of(stranger), event)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert respond(client_of(), event).status_code == 401


@pytest.mark.parametrize("status", ["", "MAYBE", None, 5, [], {}, "accepted"])
def test_unknown_answer_names_the_field(scene: Any, client_of: Any, status: Any) -> None:
    event, people = scene
    answer = respond(client_of(people[0]), event, status)
    assert (answer.status_code, answer.json()["code"], "status" in answer.json()) == (400, "invalid", True)


@pytest.mark.django_db(transaction=True)
def test_all_at_once_for_two_places_leave_two(scene: Any, client_of: Any) -> None:
    event, people = scene

    def accept(user: User) -> int:
        try:
            return int(respond(client_of(user), event).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(accept, people)) == [200, 200, 409, 409]
    assert HelperAlert.objects.filter(status="ACCEPTED").count() == 2


def test_only_a_dispatcher_resolves(scene: Any, client_of: Any, dispatcher: User, wearer: User) -> None:
    event, people = scene
    url = f"/api/v1/sos/{event.uid}/resolve/"
    for user in (wearer, people[0]):
        refused = client_of(user).post(url, {"outcome": "HELPED"}, format="json")
        assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    wrong = client_of(dispatcher).post(url, {"outcome": "x"}, format="json")
    assert (wrong.status_code, "outcome" in wrong.json()) == (400, True)
    done = client_of(dispatcher).post(url, {"outcome": "HELPED"}, format="json")
    told = {"event_uid": str(event.uid), "event_status": "RESOLVED", "outcome": "HELPED"}
    assert done.json().items() >= told.items()
