"""The dispatch policy at the admin: the API's rules, journalled as there."""

import json
from typing import Any

import pytest
from django.test import Client

from apps.sos.models import DispatchPolicy, JournalEntry
from apps.sos.rules.policy import BOUNDS, values_of
from apps.users.models import User

from .conftest import at_the_admin

pytestmark = pytest.mark.django_db
PAGES = "/admin/sos/dispatchpolicy/"


def form(**changes: Any) -> dict[str, Any]:
    values = values_of(DispatchPolicy()) | changes
    return values | {"waves": json.dumps(values["waves"])}


def journalled() -> list[Any]:
    return list(JournalEntry.objects.order_by("position").values_list("actor_id", "data"))


@pytest.fixture
def chief(superuser: User) -> Client:
    return at_the_admin(superuser)


@pytest.fixture
def page() -> str:
    return f"{PAGES}{DispatchPolicy.objects.create().pk}/change/"


def test_change_is_kept_and_journalled(chief: Client, superuser: User, page: str) -> None:
    waves = [{"radius_m": 700, "helpers": 4, "wait_s": 25}]
    assert chief.post(page, form(waves=waves, repeat_s=90)).status_code == 302
    kept = DispatchPolicy.objects.get()
    assert (kept.waves, kept.repeat_s) == (waves, 90)
    changed = {"waves": [values_of(DispatchPolicy())["waves"], waves], "repeat_s": [120, 90]}
    assert journalled() == [(superuser.pk, {"detected_type": None, "changed": changed})]
    assert chief.post(page, form(waves=waves, repeat_s=90)).status_code == 302
    assert len(journalled()) == 1, "nothing has changed"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"repeat_s": 59}, "Is not a whole number from 60 to 3600."),
        ({"movement_release_s": 100}, "Is not later than movement_ask_s."),
        ({"waves": [{"radius_m": 99, "helpers": 1, "wait_s": 5}]}, "Wave 1: radius_m is not a whole number"),
        ({"waves": "x"}, "Is not a list of 1 to 10 waves."),
    ],
)
def test_nonsense_is_refused_with_the_reason(chief: Client, page: str, changes: Any, why: str) -> None:
    before = DispatchPolicy.objects.values().get()
    answer = chief.post(page, form(**changes))
    assert answer.status_code == 200
    assert why in str(answer.context["adminform"].form.errors)
    assert DispatchPolicy.objects.values().get() == before
    assert journalled() == []


def test_a_new_one_starts_as_the_one_for_all_is(chief: Client) -> None:
    DispatchPolicy.objects.create(repeat_s=77)
    initial = chief.get(f"{PAGES}add/").context["adminform"].form.initial
    assert initial["repeat_s"] == 77
    assert set(initial) >= set(BOUNDS)
    answer = chief.post(f"{PAGES}add/", form(repeat_s=77, enough_helpers=4) | {"detected_type": "OTHER"})
    assert answer.status_code == 302
    assert DispatchPolicy.objects.get(detected_type="OTHER").enough_helpers == 4
    changed = {"own": [False, True], "enough_helpers": [2, 4]}
    assert [data for _, data in journalled()] == [{"detected_type": "OTHER", "changed": changed}]
    again = chief.post(f"{PAGES}add/", form() | {"detected_type": "OTHER"})
    assert (again.status_code, "detected_type" in again.context["adminform"].form.errors) == (200, True)


def test_the_one_for_all_can_be_added_once_and_never_deleted(chief: Client) -> None:
    assert chief.post(f"{PAGES}add/", form(repeat_s=90) | {"detected_type": ""}).status_code == 302
    row = DispatchPolicy.objects.get()
    assert (row.detected_type, row.repeat_s) == ("", 90)
    assert chief.post(f"{PAGES}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    chief.post(PAGES, {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"})
    assert DispatchPolicy.objects.get() == row


@pytest.mark.parametrize("from_the_list", [True, False])
def test_one_of_a_type_is_deleted_and_journalled(chief: Client, from_the_list: bool) -> None:
    row = DispatchPolicy.objects.create(detected_type="OTHER", enough_helpers=5)
    body = {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"}
    answer = chief.post(PAGES, body) if from_the_list else chief.post(f"{PAGES}{row.pk}/delete/", {"post": "yes"})
    assert answer.status_code == 302
    assert not DispatchPolicy.objects.filter(detected_type="OTHER").exists()
    changed = {"own": [True, False], "enough_helpers": [5, 2]}
    assert [data for _, data in journalled()] == [{"detected_type": "OTHER", "changed": changed}]


def test_type_of_a_policy_stays(chief: Client) -> None:
    row = DispatchPolicy.objects.create(detected_type="OTHER")
    chief.post(f"{PAGES}{row.pk}/change/", form(repeat_s=90) | {"detected_type": "FALL_DETECTED"})
    row.refresh_from_db()
    assert (row.detected_type, row.repeat_s) == ("OTHER", 90)
