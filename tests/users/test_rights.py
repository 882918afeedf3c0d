"""What a dispatcher decides about accounts, and what only a superuser does."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from apps.sos.models import JournalEntry
from apps.users.models import Role, Status, User
from tests.users.conftest import USERS, at_once

pytestmark = pytest.mark.django_db


def change(client: Any, user: User, **body: Any) -> tuple[int, str]:
    answer = client.patch(f"{USERS}{user.uuid}/", body, format="json")
    return answer.status_code, answer.json().get("code", "")


@pytest.mark.parametrize(
    "body", [{"role": "HELPER"}, {"role": "USER"}, {"status": "BANNED"}, {"full_name": "Nodira"}, {"language": "uz"}]
)
def test_a_dispatcher_decides_about_wearers_and_helpers(
    wearer: User, dispatcher: User, client_of: Any, body: dict[str, str]
) -> None:
    assert change(client_of(dispatcher), wearer, **body) == (200, "")


@pytest.mark.parametrize(
    "body", [{"role": "USER"}, {"role": "HELPER"}, {"status": "BANNED"}, {"full_name": "Nodira"}, {"language": "uz"}]
)
@pytest.mark.parametrize("whose", ["another dispatcher's", "a superuser's"])
def test_only_a_superuser_changes_an_admins_account(
    dispatcher: User, superuser: User, person: Any, client_of: Any, body: dict[str, str], whose: str
) -> None:
    target = person(role=Role.ADMIN, is_superuser=whose == "a superuser's")
    assert change(client_of(dispatcher), target, **body) == (403, "superuser_required")
    assert change(client_of(superuser), target, **body) == (200, "")


def test_only_a_superuser_makes_somebody_an_admin(
    wearer: User, dispatcher: User, superuser: User, client_of: Any
) -> None:
    assert change(client_of(dispatcher), wearer, role="ADMIN") == (403, "superuser_required")
    assert change(client_of(superuser), wearer, role="ADMIN") == (200, "")


def test_a_dispatcher_takes_no_role_from_themselves(dispatcher: User, person: Any, client_of: Any) -> None:
    person(role=Role.ADMIN)
    assert change(client_of(dispatcher), dispatcher, role="HELPER") == (403, "superuser_required")
    assert change(client_of(dispatcher), dispatcher, full_name="Me") == (200, "")


def test_who_is_no_dispatcher_any_more_is_no_superuser(superuser: User, person: Any, client_of: Any) -> None:
    other = person(role=Role.ADMIN, is_superuser=True)
    assert change(client_of(superuser), other, role="HELPER") == (200, "")
    assert change(client_of(superuser), other, role="ADMIN") == (200, "")
    assert User.objects.get(pk=other.pk).is_superuser is False


def test_a_dispatcher_s_own_account_is_contained_by_superusers(
    dispatcher: User, superuser: User, person: Any, client_of: Any
) -> None:
    other = person(role=Role.ADMIN)
    url = f"{USERS}{other.uuid}/containment/"
    assert client_of(dispatcher).post(url).json()["code"] == "superuser_required"
    assert client_of(superuser).post(url).status_code == 200
    assert client_of(dispatcher).delete(url).json()["code"] == "superuser_required"


@pytest.mark.django_db(transaction=True)
def test_the_same_decision_many_times_at_once_is_one_deed(wearer: User, dispatcher: User, client_of: Any) -> None:
    url = f"{USERS}{wearer.uuid}/"
    client = client_of(dispatcher)
    assert at_once(8, lambda _: client.patch(url, {"role": "HELPER"}, format="json")) == {200: 8}
    assert JournalEntry.objects.filter(kind="ACCOUNT_CHANGED").count() == 1


@pytest.mark.parametrize("before", ["none", "one", "a banned one", "one who is no ADMIN"])
def test_an_installation_of_before_has_a_superuser_after_the_upgrade(person: Any, before: str) -> None:
    person(role=Role.ADMIN, status=Status.BANNED)
    person()
    oldest, newer = person(role=Role.ADMIN), person(role=Role.ADMIN)
    match before:
        case "one":
            User.objects.filter(pk=newer.pk).update(is_superuser=True)
        case "a banned one":
            person(role=Role.ADMIN, status=Status.BANNED, is_superuser=True)
        case "one who is no ADMIN":
            person(is_superuser=True)
    import_module("apps.users.migrations.0012_remarks").keep_a_superuser(apps, None)
    chiefs = [user for user in User.objects.all() if user.is_chief]
    assert chiefs == [newer if before == "one" else oldest]


def test_a_banned_superuser_is_none(superuser: User, dispatcher: User, wearer: User, client_of: Any) -> None:
    User.objects.filter(pk=superuser.pk).update(status=Status.BANNED)
    assert change(client_of(superuser), wearer, role="ADMIN") == (401, "banned")
