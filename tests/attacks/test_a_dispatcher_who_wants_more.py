"""A dispatcher's account in the wrong hands, or a dispatcher who wants to be more."""

from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client

from apps.sos.models import DispatchPolicy, JournalEntry
from apps.users.models import Role, Status, User
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(dispatcher: User) -> Client:
    client = Client()
    client.force_login(dispatcher)
    return client


def standing(user: User) -> tuple[str, str, bool]:
    user = User.objects.get(pk=user.pk)
    return user.role, user.status, user.is_superuser


def test_locks_the_superuser_out(superuser: User, dispatcher: User, client_of: Any, browser: Client) -> None:
    before = standing(superuser)
    url = f"/api/v1/users/{superuser.uuid}/"
    for body in ({"status": "BANNED"}, {"role": "USER"}):
        assert client_of(dispatcher).patch(url, body, format="json").status_code == 403
    page = f"/admin/users/user/{superuser.pk}/"
    browser.post("/admin/users/user/", {"action": "ban", "_selected_action": [superuser.pk]})
    assert browser.post(f"{page}change/", {"role": "USER", "status": "BANNED"}).status_code == 403
    password = {"password1": "correct-horse-7", "password2": "correct-horse-7"}
    assert browser.post(f"{page}password/", password).status_code == 403
    assert standing(superuser) == before
    assert User.objects.get(pk=superuser.pk).check_password(PASSWORD)


def test_makes_an_admin_of_a_friend(dispatcher: User, wearer: User, client_of: Any, browser: Client) -> None:
    url = f"/api/v1/users/{wearer.uuid}/"
    assert client_of(dispatcher).patch(url, {"role": "ADMIN"}, format="json").status_code == 403
    form = {"full_name": "F", "language": "ru", "role": "ADMIN", "status": "ACTIVE"}
    browser.post(f"/admin/users/user/{wearer.pk}/change/", form)
    password = {"password1": "correct-horse-7", "password2": "correct-horse-7"}
    made = {"phone_number": "+998901234567", "full_name": "New", "role": "ADMIN", **password}
    browser.post("/admin/users/user/add/", made)
    assert User.objects.filter(role=Role.ADMIN).count() == 1


def test_makes_themselves_a_superuser(dispatcher: User, client_of: Any, browser: Client) -> None:
    client = client_of(dispatcher)
    for url in (f"/api/v1/users/{dispatcher.uuid}/", "/api/v1/users/me/"):
        client.patch(url, {"is_superuser": True, "full_name": "D"}, format="json")
    form = {"full_name": "D", "language": "ru", "is_superuser": "on", "devices_most": "100000"}
    browser.post(f"/admin/users/user/{dispatcher.pk}/change/", form)
    person = User.objects.get(pk=dispatcher.pk)
    assert (person.is_superuser, person.devices_most) == (False, None)


def test_switches_the_waves_off(dispatcher: User, client_of: Any, browser: Client) -> None:
    wave = {"radius_m": 100, "helpers": 1, "wait_s": 3600}
    client = client_of(dispatcher)
    assert client.patch("/api/v1/dispatch-policy/", {"waves": [wave]}, format="json").status_code == 403
    assert client.delete("/api/v1/dispatch-policy/?detected_type=OTHER").status_code == 403
    page = DispatchPolicy.objects.create().pk
    assert browser.post(f"/admin/sos/dispatchpolicy/{page}/change/", {"enough_helpers": 1}).status_code == 403
    assert browser.post("/admin/sos/dispatchpolicy/add/", {"detected_type": "OTHER"}).status_code == 403
    assert browser.post(f"/admin/sos/dispatchpolicy/{page}/delete/", {"post": "yes"}).status_code == 403


def test_bans_helpers_without_a_trace(dispatcher: User, helper: Any, client_of: Any, browser: Client) -> None:
    one, two = helper(100), helper(200)
    client_of(dispatcher).patch(f"/api/v1/users/{one.uuid}/", {"status": "BANNED"}, format="json")
    browser.post("/admin/users/user/", {"action": "ban", "_selected_action": [two.pk]})
    deeds = JournalEntry.objects.filter(kind="ACCOUNT_CHANGED", actor_id=dispatcher.pk).order_by("position")
    assert [entry.data["person"] for entry in deeds] == [one.pk, two.pk]
    assert standing(one)[1] == standing(two)[1] == Status.BANNED


@pytest.mark.django_db(transaction=True)
def test_wipes_the_traces(dispatcher: User, wearer: User, client_of: Any, browser: Client) -> None:
    client_of(dispatcher).patch(f"/api/v1/users/{wearer.uuid}/", {"status": "BANNED"}, format="json")
    entry = JournalEntry.objects.get()
    page = f"/admin/sos/journalentry/{entry.pk}/"
    assert browser.post(f"{page}delete/", {"post": "yes"}).status_code == 403
    assert browser.post(f"{page}change/", {"actor_id": wearer.pk}).status_code == 403
    with pytest.raises(DatabaseError):
        entry.delete()
    with pytest.raises(DatabaseError):
        JournalEntry.objects.update(actor_id=None)
