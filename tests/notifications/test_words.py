"""Every kind of message has words in every language, short enough for a phone, and a helper's name nobody."""

import ast
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone, translation

from apps.notifications.kinds import AlarmReason, MessageKind
from apps.notifications.models import Notification
from apps.notifications.rules import texts
from apps.notifications.rules.texts import WORDS, text_for
from apps.notifications.transports import Message
from apps.notifications.transports.fcm import body_for
from apps.sos.rules.messages import ALWAYS_NEEDED, NEEDED
from apps.users.models import EmergencyContact, Language, User
from tests.source import parsed

GSM_7 = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
ROOM_FOR_URL = 80
TO_HELPERS = {"SOS_ALERT", "STAND_DOWN", "STILL_COMING", "RELEASED", "WEARER_MOVED", "ASSIGNED", "PLACE_UNSAFE"}
TO_WEARERS = {
    "HELP_COMING",
    "ALL_CLEAR",
    "TEST_ARRIVED",
    "CONTACTS_CHANGED",
    "PASSWORD_RESET",
    "PHONE_CODE",
    "NUMBER_TAKEN",
    "SECOND_FACTOR_SET",
    "DEVICE_OFFLINE",
    "BATTERY_LOW",
}
TO_CONTACTS = {"CONTACT_ALARM", "CONTACT_ASKED", "ALL_CLEAR", "DEVICE_OFFLINE", "BATTERY_LOW"}
INCIDENTS = ["OVERDUE", "NO_DISPATCHER", "TEXTS_CAPPED"]
LONGEST: dict[str, str] = {
    "distance_m": "10000",
    "severity": "5",
    "wearer_name": "Nodira Abdurahmonova-Karimova",
    "url": "u" * ROOM_FOR_URL,
    "area_lat": "41.3115",
    "area_lon": "69.2405",
}


def confirmed(pk: int, language: str) -> EmergencyContact:
    """A contact who has said yes to somebody whose phone is proven."""
    owner = User(pk=2, phone_confirmed_at=timezone.now())
    return EmergencyContact(pk=pk, language=language, owner=owner, confirmed_at=timezone.now())


MESSAGES = [(kind, "", User) for kind in sorted(TO_HELPERS | TO_WEARERS)]
MESSAGES += [(kind, "", EmergencyContact) for kind in sorted(TO_CONTACTS)]
MESSAGES += [(kind, "", confirmed) for kind in sorted(TO_CONTACTS)]
MESSAGES += [("DISPATCHER_ALARM", reason, User) for reason in AlarmReason.values]
MESSAGES += [("OPERATORS_ALARM", incident, User) for incident in INCIDENTS]


def said(kind: str, reason: str, reader: Any, language: str, **changes: str) -> str:
    person = reader(pk=1, language=language)
    return text_for(Notification(kind=kind, data=LONGEST | {"reason": reason} | changes), person)


@pytest.fixture(autouse=True)
def _code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.users.rules.codes.code_for", lambda kind, user: "04231786")


def test_every_kind_is_here() -> None:
    assert set(WORDS) == TO_HELPERS | TO_WEARERS | TO_CONTACTS | {"DISPATCHER_ALARM", "OPERATORS_ALARM"}


def test_every_kind_has_words_and_a_rule_for_when_it_makes_sense() -> None:
    assert set(WORDS) == set(MessageKind)
    assert NEEDED.keys() | ALWAYS_NEEDED == set(MessageKind)
    assert not NEEDED.keys() & ALWAYS_NEEDED


@pytest.mark.parametrize(("kind", "reason", "reader"), MESSAGES)
class TestText:
    @pytest.mark.parametrize("language", ["en", "uz"])
    def test_is_one_message_in_latin_letters(self, kind: str, reason: str, reader: Any, language: str) -> None:
        text = said(kind, reason, reader, language)
        assert set(text) <= GSM_7
        assert len(text) <= 160

    def test_is_at_most_two_in_russian(self, kind: str, reason: str, reader: Any) -> None:
        text = said(kind, reason, reader, "ru")
        assert len(text.encode("utf-16-be")) // 2 <= 134
        assert re.search("[а-я]", text)

    def test_is_another_in_each_language(self, kind: str, reason: str, reader: Any) -> None:
        assert len({said(kind, reason, reader, language) for language in Language.values}) == 3

    @pytest.mark.parametrize("language", Language.values)
    def test_leaves_no_brace_open(self, kind: str, reason: str, reader: Any, language: str) -> None:
        assert not set("{}") & set(said(kind, reason, reader, language))


@pytest.mark.parametrize("language", Language.values)
@pytest.mark.parametrize("kind", sorted(TO_HELPERS | {"DISPATCHER_ALARM"}))
def test_helper_and_dispatcher_read_no_name_and_no_place(kind: str, language: str) -> None:
    text = said(kind, "UNSAFE", User, language)
    assert not [fact for fact in ("Nodira", "41.3", "69.2", "uuu") if fact in text]


@pytest.mark.parametrize("language", Language.values)
def test_nameless_wearer_is_somebody(language: str) -> None:
    text = said("CONTACT_ALARM", "", confirmed, language, wearer_name=" ")
    with translation.override(language):
        assert translation.gettext("Somebody") in text


@pytest.mark.parametrize("language", Language.values)
@pytest.mark.parametrize("kind", sorted(TO_CONTACTS - {"CONTACT_ASKED"}))
def test_contact_who_has_not_confirmed_reads_no_typed_words(kind: str, language: str) -> None:
    assert "Nodira" in said(kind, "", confirmed, language)
    assert "Nodira" not in said(kind, "", EmergencyContact, language)


def test_stored_name_with_an_address_is_read_without_it() -> None:
    text = said("CONTACT_ALARM", "", confirmed, "en", wearer_name="Win\n at example.com \u202enow", url="U")
    assert text == "MDD SOS: Win at now asks for help: U"


def test_catalogues_have_every_word_that_is_said() -> None:
    calls = [node for node in ast.walk(parsed(Path(texts.__file__).read_text())) if isinstance(node, ast.Call)]
    words = {
        node.args[0].value
        for node in calls
        if isinstance(node.func, ast.Name) and node.func.id == "_" and isinstance(node.args[0], ast.Constant)
    }
    assert len(words) > 20
    for language in ("ru", "uz"):
        with translation.override(language):
            assert not [one for one in words if translation.gettext(one) == one]


@pytest.mark.parametrize("kind", sorted(TO_HELPERS | TO_WEARERS | {"DISPATCHER_ALARM", "OPERATORS_ALARM"}))
def test_iphone_finds_words_for_every_kind(kind: str) -> None:
    data = {"text_key": kind.lower(), "kind": kind, "event_uid": str(uuid4())}
    body = body_for(Message("token", 300, "IOS", data))
    alert = body["apns"]["payload"]["aps"]["alert"]
    assert (alert["title-loc-key"], alert["loc-key"]) == (f"{kind.lower()}.title", f"{kind.lower()}.body")
