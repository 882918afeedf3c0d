"""Signing in to the admin, and what dispatchers do about people."""

from typing import Any

import pytest
from django.test import Client

from apps.devices.models import HelperPosition
from apps.devices.rules.registry import Fix, record_fix, register_device
from apps.users.models import Role, Status, User
from apps.users.rules import accounts
from tests.conftest import HERE, PASSWORD

from .conftest import at_the_admin

pytestmark = pytest.mark.django_db
LIST = "/admin/users/user/"
STRONG = "correct-horse-7"


def sign_in(phone: str, password: str = PASSWORD) -> Any:
    return Client().post("/console/sign-in/?next=/admin/", {"username": phone, "password": password})


def page(user: User) -> str:
    return f"{LIST}{user.pk}/change/"


def form_of(user: User, **changes: Any) -> dict[str, Any]:
    """What the browser would send for a person's page, changed as asked; None unticks."""
    names = ("full_name", "email", "language", "role", "status", "on_duty", "wants_to_help")
    kept = {name: getattr(user, name) for name in names} | changes
    return {name: value for name, value in kept.items() if value not in (None, False)}


def said(answer: Any) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


def act(desk: Client, action: str, *people: User) -> str:
    body = {"action": action, "_selected_action": [user.pk for user in people]}
    return said(desk.post(LIST, body, follow=True))


def test_dispatcher_signs_in_by_phone_however_written(person: Any) -> None:
    person(role=Role.ADMIN, phone_number="+998901234567")
    for phone in ("+998901234567", "+998 90 123-45-67", "90 123 45 67"):
        answer = sign_in(phone)
        assert (answer.status_code, answer.headers.get("Location")) == (302, "/admin/")


def test_wearers_wrong_passwords_and_nonsense_are_refused(wearer: User, dispatcher: User) -> None:
    for phone, password in (
        (str(wearer.phone_number), PASSWORD),
        (str(dispatcher.phone_number), "wrong"),
        ("nonsense", PASSWORD),
    ):
        answer = sign_in(phone, password)
        assert (answer.status_code, 'class="error"' in answer.content.decode()) == (200, True)


def test_ban_ends_the_session(dispatcher: User, desk: Client) -> None:
    assert desk.get(LIST).status_code == 200
    User.objects.filter(pk=dispatcher.pk).update(status=Status.BANNED)
    assert desk.get(LIST).status_code == 302


@pytest.mark.parametrize("wanted", ["+998901234567", "90 123-45-67", "(90) 1234567", "998 90 123", "123-45", "karim"])
def test_search_by_phone_in_any_spelling_or_by_name(desk: Client, person: Any, wanted: str) -> None:
    person(full_name="Somebody Else", phone_number="+998935550000")
    person(full_name="Nodira Karimova", phone_number="+998901234567")
    found = desk.get(LIST, {"q": wanted}).context["cl"].queryset
    assert [user.full_name for user in found] == ["Nodira Karimova"]


def test_filters_show_who_waits_for_approval(desk: Client, person: Any) -> None:
    waiting = person(wants_to_help=True)
    person(wants_to_help=True, role=Role.HELPER, on_duty=True)
    found = desk.get(LIST, {"wants_to_help__exact": "1", "role__exact": "USER"}).context["cl"].queryset
    assert list(found) == [waiting]
    assert desk.get(LIST, {"on_duty__exact": "1", "status__exact": "ACTIVE"}).context["cl"].result_count == 1


def new(**changes: Any) -> dict[str, Any]:
    return {
        "phone_number": "90 765-43-21",
        "full_name": "Bobur Nazarov",
        "role": "HELPER",
        "password1": STRONG,
        "password2": STRONG,
    } | changes


def test_added_person_can_sign_in_to_the_api(desk: Client, client_of: Any) -> None:
    assert desk.post(f"{LIST}add/", new()).status_code == 302
    added = User.objects.get(phone_number="+998907654321")
    assert (added.full_name, added.role, added.status) == ("Bobur Nazarov", Role.HELPER, Status.ACTIVE)
    body = {"phone_number": "+998907654321", "password": STRONG}
    assert client_of().post("/api/v1/auth/login/", body, format="json").status_code == 200


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"phone_number": "12"}, "phone_number"),
        ({"phone_number": ""}, "phone_number"),
        ({"role": "KING"}, "role"),
        ({"password2": "other"}, "password2"),
        ({"password1": "12345678", "password2": "12345678"}, "password2"),
        ({"full_name": "x" * 151}, "full_name"),
    ],
)
def test_wrong_new_person_is_refused_and_the_field_named(desk: Client, changes: dict[str, str], field: str) -> None:
    answer = desk.post(f"{LIST}add/", new(**changes))
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [field]
    assert not User.objects.filter(full_name="Bobur Nazarov").exists()


def test_phone_number_is_given_once(desk: Client, wearer: User) -> None:
    answer = desk.post(f"{LIST}add/", new(phone_number=str(wearer.phone_number)))
    assert list(answer.context["adminform"].form.errors) == ["phone_number"]


def test_page_changes_what_dispatchers_decide(desk: Client, wearer: User) -> None:
    device, _ = register_device(wearer, "phone")
    record_fix(device, Fix(*HERE))
    body = form_of(wearer, full_name="New Name", email="a@example.org", language="uz", role="HELPER", on_duty="on")
    assert desk.post(page(wearer), body | {"phone_number": "+998900000000", "is_superuser": "on"}).status_code == 302
    before = wearer.phone_number
    wearer.refresh_from_db()
    assert (wearer.full_name, wearer.email, wearer.language) == ("New Name", "a@example.org", "uz")
    assert (wearer.role, wearer.on_duty, wearer.wants_to_help) == (Role.HELPER, True, False)
    assert (wearer.phone_number, wearer.is_superuser) == (before, False)
    assert HelperPosition.objects.filter(user=wearer).exists(), "whatever follows a change of role has followed"


def test_status_on_the_page_bans_and_never_erases(desk: Client, wearer: User, client_of: Any) -> None:
    assert list(desk.post(page(wearer), form_of(wearer, status="ERASED")).context["adminform"].form.errors) == [
        "status"
    ]
    assert desk.post(page(wearer), form_of(wearer, status="BANNED")).status_code == 302
    assert client_of(wearer).get("/api/v1/users/me/").status_code == 401


def test_nobody_demotes_or_bans_themselves(desk: Client, dispatcher: User) -> None:
    desk.post(page(dispatcher), form_of(dispatcher, role="USER", status="BANNED", full_name="Me"))
    dispatcher.refresh_from_db()
    assert (dispatcher.role, dispatcher.status, dispatcher.full_name) == (Role.ADMIN, Status.ACTIVE, "Me")
    assert "0 are banned now" in act(desk, "ban", dispatcher)


def test_superuser_is_changed_by_superusers_only(desk: Client, superuser: User, person: Any) -> None:
    assert desk.get(page(superuser)).status_code == 200
    assert desk.post(page(superuser), form_of(superuser, full_name="Taken")).status_code == 403
    password = {"password1": STRONG, "password2": STRONG, "usable_password": "true"}
    assert desk.post(f"{LIST}{superuser.pk}/password/", password).status_code == 403
    assert "0 are banned now" in act(desk, "ban", superuser)
    other = person(role=Role.ADMIN, is_superuser=True)
    assert at_the_admin(other).post(page(superuser), form_of(superuser, full_name="Renamed")).status_code == 302


def test_superuser_allows_an_account_more_devices(desk: Client, superuser: User, wearer: User) -> None:
    assert "devices_most" not in desk.get(page(wearer)).context["adminform"].form.fields
    assert desk.post(page(wearer), form_of(wearer, devices_most="200")).status_code == 302
    wearer.refresh_from_db()
    assert wearer.devices_most is None, "a dispatcher cannot"
    for number, kept in (("200", 200), ("", None)):
        assert at_the_admin(superuser).post(page(wearer), form_of(wearer, devices_most=number)).status_code == 302
        wearer.refresh_from_db()
        assert wearer.devices_most == kept


@pytest.mark.parametrize("wrong", ["0", "-1", "100001", "many", "1.5", "9" * 30])
def test_wrong_number_of_devices_is_named(superuser: User, wearer: User, wrong: str) -> None:
    answer = at_the_admin(superuser).post(page(wearer), form_of(wearer, devices_most=wrong))
    assert (answer.status_code, list(answer.context["adminform"].form.errors)) == (200, ["devices_most"])


def test_erased_person_is_shown_and_left_alone(desk: Client, wearer: User) -> None:
    User.objects.filter(pk=wearer.pk).update(status=Status.ERASED, phone_number=None, full_name="")
    assert desk.get(LIST).status_code == desk.get(page(wearer)).status_code == 200
    assert desk.post(page(wearer), form_of(wearer)).status_code == 403


def test_new_password_works_and_ends_the_earlier_sessions(desk: Client, wearer: User, client_of: Any) -> None:
    login = {"phone_number": str(wearer.phone_number), "password": PASSWORD}
    refresh = client_of().post("/api/v1/auth/login/", login, format="json").json()["refresh"]
    url = f"{LIST}{wearer.pk}/password/"
    assert desk.get(url).status_code == 200
    for wrong in ({}, {"password1": STRONG, "password2": "x"}, {"password1": "1234", "password2": "1234"}):
        assert desk.post(url, wrong | {"unset-password": "1"}).status_code == 200
    assert desk.post(url, {"password1": STRONG, "password2": STRONG}).status_code == 302
    wearer.refresh_from_db()
    assert wearer.check_password(STRONG)
    assert client_of().post("/api/v1/auth/refresh/", {"refresh": refresh}, format="json").status_code == 401


def test_nobody_is_deleted(desk: Client, superuser: User, wearer: User) -> None:
    for client in (desk, at_the_admin(superuser)):
        assert client.post(f"{LIST}{wearer.pk}/delete/", {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=wearer.pk).exists()


def test_approval_makes_helpers_of_those_who_want_to_help(desk: Client, person: Any) -> None:
    willing = [person(wants_to_help=True) for _ in range(2)]
    others = [person(), person(wants_to_help=True, status=Status.BANNED), person(wants_to_help=True, role=Role.ADMIN)]
    assert "2 are helpers now" in act(desk, "approve", *willing, *others)
    roles = [User.objects.get(pk=user.pk).role for user in (*willing, *others)]
    assert roles == [Role.HELPER, Role.HELPER, Role.USER, Role.USER, Role.ADMIN]


def test_ban_and_unban_say_how_many(desk: Client, person: Any, client_of: Any) -> None:
    people = [person(), person(status=Status.BANNED)]
    banned = client_of(people[0])
    assert "1 are banned now" in act(desk, "ban", *people)
    assert banned.get("/api/v1/users/me/").status_code == 401
    assert "2 may come back" in act(desk, "unban", *people)
    assert banned.get("/api/v1/users/me/").status_code == 401, "it was signed out"
    assert client_of(User.objects.get(pk=people[0].pk)).get("/api/v1/users/me/").status_code == 200


@pytest.mark.parametrize("refusal", [accounts.LastDispatcher("last"), accounts.AccountErased()], ids=repr)
def test_refusal_of_the_service_is_said_and_nothing_changes(
    superuser: User, person: Any, monkeypatch: pytest.MonkeyPatch, refusal: Exception
) -> None:
    """Such as two superusers who demote each other at once."""
    desk = at_the_admin(superuser)
    other = person(role=Role.ADMIN)

    def refuse(*_: object) -> None:
        raise refusal

    monkeypatch.setattr("apps.users.rules.accounts._keep_a_dispatcher", refuse)
    answer = desk.post(page(other), form_of(other, role="USER", full_name="Somebody"), follow=True)
    assert len(answer.context["messages"]) == 1
    assert "0 are banned now" in act(desk, "ban", other)
    assert User.objects.get(pk=other.pk).role == Role.ADMIN
    assert User.objects.get(pk=other.pk).full_name == other.full_name


def test_phone_registered_meanwhile_is_refused_with_a_message(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise accounts.PhoneTaken

    monkeypatch.setattr(accounts, "register_user", refuse)
    assert "already registered" in said(desk.post(f"{LIST}add/", new(), follow=True))
