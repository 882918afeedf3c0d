"""Who did what to accounts and devices: kept with the change, and found again."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from apps.devices.rules.registry import register_device
from apps.sos.models import DispatchPolicy, JournalEntry
from apps.users.models import Role, User
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
DEEDS = "/api/v1/deeds/"


@pytest.fixture
def desk(dispatcher: User, client_of: Any) -> APIClient:
    return client_of(dispatcher)  # type: ignore[no-any-return]


def kept() -> list[tuple[str, int | None, Any]]:
    deeds = JournalEntry.objects.filter(event=None).order_by("position")
    return list(deeds.values_list("kind", "actor_id", "data"))


def kinds() -> list[str]:
    return [kind for kind, _, _ in kept()]


def test_a_decision_is_kept_with_who_made_it(desk: APIClient, dispatcher: User, wearer: User) -> None:
    body = {"role": "HELPER", "full_name": "Nodira Karimova", "language": "ru"}
    desk.patch(f"/api/v1/users/{wearer.uuid}/", body, format="json")
    facts = {"person": wearer.pk, "changed": {"role": ["USER", "HELPER"], "full_name": None}}
    assert kept() == [("ACCOUNT_CHANGED", dispatcher.pk, facts)]
    desk.patch(f"/api/v1/users/{wearer.uuid}/", body, format="json")
    assert len(kept()) == 1, "nothing has changed"


def test_nothing_personal_is_in_the_journal(desk: APIClient, wearer: User, client_of: Any) -> None:
    desk.patch(f"/api/v1/users/{wearer.uuid}/", {"full_name": "Nodira Karimova"}, format="json")
    client_of(wearer).patch("/api/v1/users/me/", {"email": "n@example.org", "full_name": "Nodira"}, format="json")
    assert "odira" not in str(kept())
    assert "@" not in str(kept())


def test_what_people_do_to_themselves_is_kept_but_their_shifts(person: Any, client_of: Any) -> None:
    helper = person(role=Role.HELPER)
    app = client_of(helper)
    app.patch("/api/v1/users/me/", {"on_duty": True}, format="json")
    assert kept() == []
    app.patch("/api/v1/users/me/", {"language": "uz"}, format="json")
    assert kept()[0] == ("ACCOUNT_CHANGED", helper.pk, {"person": helper.pk, "changed": {"language": ["ru", "uz"]}})


@pytest.mark.parametrize(
    ("deed", "kind"),
    [
        (lambda app: app.delete("/api/v1/auth/sessions/"), "SIGNED_OUT_EVERYWHERE"),
        (
            lambda app: app.post(
                "/api/v1/auth/password/change/",
                {"old_password": PASSWORD, "new_password": "another-horse-battery"},
                format="json",
            ),
            "PASSWORD_CHANGED",
        ),
        (lambda app: app.delete("/api/v1/devices/w-1/"), "DEVICE_REMOVED"),
        (lambda app: app.delete("/api/v1/users/me/", {"password": PASSWORD}, format="json"), "ACCOUNT_ERASED"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_ends_something_is_kept(wearer: User, client_of: Any, deed: Callable[[Any], Any], kind: str) -> None:
    register_device(wearer, "w-1")
    assert deed(client_of(wearer)).status_code < 300
    assert kinds()[-1] == kind
    assert kept()[-1][1:] == (wearer.pk, kept()[-1][2] | {"person": wearer.pk})


def test_who_registers_a_watch_that_another_has_removed_is_kept(wearer: User, person: Any, client_of: Any) -> None:
    buyer = person()
    for user in (wearer, wearer, buyer):
        client_of(user).post("/api/v1/devices/", {"device_uid": "w-1"}, format="json")
    client_of(wearer).delete("/api/v1/devices/w-1/")
    answer = client_of(buyer).post("/api/v1/devices/", {"device_uid": "w-1"}, format="json")
    deeds = [(kind, actor) for kind, actor, _ in kept()]
    assert deeds == [("DEVICE_ADDED", wearer.pk), ("DEVICE_REMOVED", wearer.pk), ("DEVICE_ADDED", buyer.pk)]
    assert kept()[-1][2] == {"person": buyer.pk, "device": answer.json()["uuid"]}


def test_what_is_done_in_the_admin_is_kept(superuser: User, wearer: User) -> None:
    desk = Client()
    desk.force_login(superuser)
    desk.post("/admin/users/user/", {"action": "ban", "_selected_action": [wearer.pk]})
    password = {"password1": "correct-horse-7", "password2": "correct-horse-7"}
    assert desk.post(f"/admin/users/user/{wearer.pk}/password/", password).status_code == 302
    made = {"phone_number": "+998901234567", "full_name": "New", "role": "HELPER", **password}
    assert desk.post("/admin/users/user/add/", made).status_code == 302
    assert [(kind, actor) for kind, actor, _ in kept()] == [
        ("ACCOUNT_CHANGED", superuser.pk), ("PASSWORD_CHANGED", superuser.pk), ("ACCOUNT_MADE", superuser.pk),
    ]  # fmt: skip


def test_forgiven_failures_are_kept(dispatcher: User, wearer: User) -> None:
    login = {"phone_number": str(wearer.phone_number), "password": "wrong"}
    APIClient().post("/api/v1/auth/login/", login, format="json")
    desk = Client()
    desk.force_login(dispatcher)
    from axes.models import AccessAttempt  # noqa: PLC0415

    row = AccessAttempt.objects.get().pk
    assert desk.post(f"/admin/axes/accessattempt/{row}/delete/", {"post": "yes"}).status_code == 302
    assert kept() == [("ADMIN_CHANGED", dispatcher.pk, {"model": "accessattempt", "row": row})]


def test_the_history_of_a_page_in_the_admin_is_the_journals(dispatcher: User, wearer: User, desk: APIClient) -> None:
    desk.patch(f"/api/v1/users/{wearer.uuid}/", {"role": "HELPER"}, format="json")
    browser = Client()
    browser.force_login(dispatcher)
    shown = browser.get(f"/admin/users/user/{wearer.pk}/history/", follow=True)
    assert "account changed</td>" in shown.content.decode()


def test_the_history_of_a_watch_is_found_also_when_it_is_gone(
    dispatcher: User, wearer: User, desk: APIClient, client_of: Any
) -> None:
    watch, _ = register_device(wearer, "w-1")
    register_device(wearer, "w-2")
    desk.post("/api/v1/devices/w-1/proof/")
    desk.post("/api/v1/devices/w-2/proof/")
    browser = Client()
    browser.force_login(dispatcher)

    def history() -> str:
        shown = browser.get(f"/admin/devices/device/{watch.pk}/history/", follow=True)
        return str(shown.content.decode())

    assert history().count("watch and wearer are known to a dispatcher</td>") == 1
    client_of(wearer).delete("/api/v1/devices/w-1/")
    shown = browser.get("/admin/sos/journalentry/", {"q": str(watch.uuid)}).content.decode()
    assert "device removed</td>" in shown
    assert "known to a dispatcher</td>" in shown
    entry = JournalEntry.objects.get(kind="DEVICE_REMOVED")
    page = browser.get(f"/admin/sos/journalentry/{entry.pk}/change/").content.decode()
    assert page.count(str(wearer.phone_number)) == 2, "who did it, and to whom"
    assert desk.get(DEEDS, {"kind": "DEVICE_REMOVED"}).json()["results"][0]["facts"]["device"] == str(watch.uuid)


def test_the_history_of_the_policy_is_its_changes(superuser: User, client_of: Any) -> None:
    page = DispatchPolicy.objects.create().pk
    client_of(superuser).patch("/api/v1/dispatch-policy/", {"enough_helpers": 3}, format="json")
    client_of(superuser).patch("/api/v1/users/me/", {"language": "uz"}, format="json")
    browser = Client()
    browser.force_login(superuser)
    shown = browser.get(f"/admin/sos/dispatchpolicy/{page}/history/", follow=True).content.decode()
    assert ("policy changed</td>" in shown, "account changed</td>" in shown) == (True, False)


def test_deeds_are_found_by_who_whom_what_and_when(
    desk: APIClient, dispatcher: User, person: Any, client_of: Any
) -> None:
    one, two, other = person(), person(), person(role=Role.ADMIN)
    desk.patch(f"/api/v1/users/{one.uuid}/", {"role": "HELPER"}, format="json")
    desk.post(f"/api/v1/users/{two.uuid}/containment/")
    client_of(other).patch(f"/api/v1/users/{two.uuid}/", {"status": "BANNED"}, format="json")

    def found(**query: Any) -> list[str]:
        answer = desk.get(DEEDS, query)
        assert answer.status_code == 200, answer.content
        return [deed["kind"] for deed in answer.json()["results"]]

    assert found() == ["ACCOUNT_CHANGED", "ACCOUNT_CONTAINED", "ACCOUNT_CHANGED"]
    assert found(person=str(two.uuid)) == ["ACCOUNT_CHANGED", "ACCOUNT_CONTAINED"]
    assert found(actor=str(dispatcher.uuid)) == ["ACCOUNT_CONTAINED", "ACCOUNT_CHANGED"]
    assert found(actor=str(dispatcher.uuid), person=str(one.uuid)) == ["ACCOUNT_CHANGED"]
    assert found(kind="ACCOUNT_CONTAINED") == ["ACCOUNT_CONTAINED"]
    at = desk.get(DEEDS).json()["results"][1]["at"]
    assert found(since=at) == ["ACCOUNT_CHANGED", "ACCOUNT_CONTAINED"]
    assert found(until=at) == ["ACCOUNT_CHANGED"]
    shown = desk.get(DEEDS, {"person": str(one.uuid)}).json()["results"][0]
    assert (shown["actor"], shown["remark"]) == (str(dispatcher.uuid), None)
    assert shown["facts"] == {"person": str(one.uuid), "changed": {"role": ["USER", "HELPER"]}}


@pytest.mark.parametrize(
    "query", [{"actor": "x"}, {"person": "1"}, {"kind": "EVENT_OPENED"}, {"since": "yesterday"}, {"until": "x"}]
)
def test_a_wrong_question_is_named(desk: APIClient, query: dict[str, str]) -> None:
    answer = desk.get(DEEDS, query)
    assert (answer.status_code, answer.json().keys()) == (400, {"detail", "code", *query})


def test_a_page_of_deeds_costs_the_same_for_one_and_for_many(
    desk: APIClient, person: Any, django_assert_max_num_queries: Any
) -> None:
    for _ in range(12):
        desk.patch(f"/api/v1/users/{person().uuid}/", {"role": "HELPER"}, format="json")
    with django_assert_max_num_queries(5):
        assert len(desk.get(DEEDS).json()["results"]) == 12


def test_the_reason_of_a_move_goes_with_the_person(desk: APIClient, wearer: User, person: Any, client_of: Any) -> None:
    register_device(wearer, "w-1")
    buyer = person()
    desk.post("/api/v1/devices/w-1/move/", {"owner": str(buyer.uuid), "reason": "Sold."}, format="json")
    assert desk.get(DEEDS).json()["results"][0]["remark"] == "Sold."
    client_of(buyer).delete("/api/v1/users/me/", {"password": PASSWORD}, format="json")
    moved = desk.get(DEEDS, {"kind": "DEVICE_MOVED"}).json()["results"][0]
    assert moved["remark"] is None
