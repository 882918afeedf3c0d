"""Names are one line without addresses, wherever somebody gives one: others read them, also in text messages."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from apps.devices.models import Device
from apps.users.admin import NewPersonForm
from apps.users.models import User
from mdd_backend import names
from tests.conftest import PASSWORD

GOOD = [
    "Full Name", "O'zbek Jr.", "Gʻulom Oʻrinboyev", "Maʼmura", "Нодира Абдурахмонова-Каримова", "И. Иванов", "И.Иванов",
    "A.B. Karimov", "A.B.Karimov", "Dr. Aziz", "Jean-Luc d'Arc", "Ёлқин Ҳакимов Қ. Ғ.", "محمد", "李小龍", "T-Watch 5",
    "GT 4.0",
    "Watch (mother) & son, №2",
]  # fmt: skip
ADDRESSES = [
    "example.com", "call https://a.b", "win at EXAMPLE.Com now", "t.me/win", "T.Me/win", "x.com", "X.Com", "a@b",
    "me@example.com", "www.win", "пример.рф", "example。com", "example．com", "10.0.0.1", "Karimov.Aziz",
    "ftp://x", "bit.ly/3x",
]  # fmt: skip
HIDDEN = [
    "a\nb", "a\tb", "a\rb", "a\x7fb", "a\x85b", "a\u2028b", "a\u2029b", "\u202eevil", "a\u2066b", "a\u200bb",
    "a\u200db",
    "a\ufeffb", "a\u00adb", "a\u2060b", "\u2800", "\u3164", "a\U000e0041b", "exam\u200bple.com",
]  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_name_as_people_have_it_is_fit(name: str) -> None:
    names.refuse_unfit(name)
    assert names.cleaned(name) == name


@pytest.mark.parametrize("name", ADDRESSES + HIDDEN)
def test_address_or_what_nobody_sees_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        names.refuse_unfit(name)


def test_stored_name_is_cleaned_when_it_is_shown() -> None:
    assert names.cleaned("Aziz\n  win at\texample.com \u202enow") == "Aziz win at now"
    assert names.cleaned(" https://example.com ") == ""


PLACES = [
    ("post", "/api/v1/auth/register/", "full_name",
     {"phone_number": "+998907654321", "password": PASSWORD + "9", "password2": PASSWORD + "9"}),
    ("patch", "/api/v1/users/me/", "full_name", {}),
    ("post", "/api/v1/emergency-contacts/", "name", {"phone_number": "+998907654321"}),
    ("post", "/api/v1/devices/", "wearer_name", {"device_uid": "watch-1"}),
    ("post", "/api/v1/devices/", "model", {"device_uid": "watch-1"}),
]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "path", "field", "rest"), PLACES)
class TestEveryPlace:
    @pytest.mark.parametrize("name", ["Win at example.com", "a\nb", "\u202eevil", "a\u200bb", "t.me/win"])
    def test_names_the_field(
        self, wearer: User, client_of: Any, method: str, path: str, field: str, rest: Any, name: str
    ) -> None:
        answer = getattr(client_of(wearer), method)(path, rest | {field: name}, format="json")
        assert (answer.status_code, list(answer.json())) == (400, ["detail", "code", field])
        assert not Device.objects.exists()

    def test_keeps_single_spaces(
        self, wearer: User, client_of: Any, method: str, path: str, field: str, rest: Any
    ) -> None:
        answer = getattr(client_of(wearer), method)(path, rest | {field: "  O'zbek\u00a0  Jr. "}, format="json")
        assert answer.status_code in {200, 201}, answer.json()
        shown = client_of(wearer).get("/api/v1/devices/watch-1/").json() if "devices" in path else answer.json()
        assert shown.get("user", shown)[field] == "O'zbek Jr."


@pytest.mark.django_db
def test_dispatcher_gives_nobody_such_a_name(wearer: User, dispatcher: User, client_of: Any) -> None:
    answer = client_of(dispatcher).patch(f"/api/v1/users/{wearer.uuid}/", {"full_name": "example.com"}, format="json")
    assert (answer.status_code, list(answer.json())) == (400, ["detail", "code", "full_name"])


@pytest.mark.django_db
def test_admin_form_names_the_field() -> None:
    form = NewPersonForm({"phone_number": "+998907654321", "full_name": "example.com", "role": "USER"})
    assert "full_name" in form.errors
