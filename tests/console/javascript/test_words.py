"""Whatever the page says has its word, in every language, and no word is left over."""

import json
import re

import pytest
from django.utils import translation

from apps.devices.models import TroubleKind
from apps.monitoring.console.words import WORDS
from apps.notifications.models import Channel, State
from apps.notifications.rules import texts
from apps.sos.kinds import DEEDS, AlertStatus, Caution, DetectedType, EventStatus, Halt, JournalKind, Outcome, Service
from apps.sos.sql import FIT
from apps.users.models import Language
from launcher.places import PROJECT

MONITORING = PROJECT / "apps" / "monitoring"
CONSOLE = MONITORING / "static" / "console"
SOURCES = {
    path.relative_to(CONSOLE).as_posix(): path.read_text()
    for path in CONSOLE.rglob("*.js")
    if CONSOLE / "vendor" not in path.parents
}
TEMPLATES = "".join(path.read_text() for path in (MONITORING / "templates" / "console").glob("*.html"))
SCRIPT = "\n".join(SOURCES.values())

OF_NO_EVENT = {
    *("PASSWORD_RESET", "PHONE_CODE", "NUMBER_TAKEN", "SECOND_FACTOR_SET", "CONTACT_ASKED", "CONTACTS_CHANGED"),
    *("DEVICE_OFFLINE", "BATTERY_LOW", "OPERATORS_ALARM"),
}
REASONS = {*texts._reasons(), *(f"DEVICE_{kind}" for kind in TroubleKind.values)}
# Told by t(`do_${action}`) and its like.
FILLED = {
    "do_": {"acknowledge", "wave", "assign", "handover", "resolve", "reopen", "why"},
    "ended_": {"signed_out", "no_dispatcher"},
    "filter_": {"open", "mine", "unanswered", "drills"},
    "link_": {"connecting", "live", "lost"},
    "mark_": {"yes", "no", "open"},
    "report_": {
        "step", "count", "median", "p90", "p95", "first_push", "first_receipt", "first_accept", "first_on_scene",
    },
    "step_": {"sent", "received", "read", "answered"},
}  # fmt: skip
# Told by named("type", value).
NAMED = {
    "alert": set(AlertStatus.values),
    "caution": set(Caution.values),
    "channel": set(Channel.values),
    "halt": set(Halt.values),
    "halt_long": set(Halt.values),
    "journal": {*JournalKind.values} - {"NOTIFICATION", *DEEDS},  # the reach ledger's, and of no event
    "key": set(json.loads(re.findall(r"const keys = (\[[^]]+\])", SOURCES["main.js"])[0])),
    "kind": {*texts.WORDS} - OF_NO_EVENT,
    "language": set(Language.values),
    "outcome": set(Outcome.values),
    "reason": REASONS,
    "service": set(Service.values),
    "state": set(State.values),
    "status": set(EventStatus.values),
    "type": set(DetectedType.values),
    "why_not": {*FIT},
}
TOLD = {f"{start}{value}" for start, values in FILLED.items() for value in values}


def test_every_word_that_the_page_asks_for_by_its_key_is_there() -> None:
    plain = re.findall(r'\bt\("(\w+)"', SCRIPT)
    chosen = [key for pair in re.findall(r'\bt\([^()"`]*\? "(\w+)" : "(\w+)"', SCRIPT) for key in pair]
    assert len(plain) > 80
    assert {*plain, *chosen, *TOLD, *re.findall(r"\bwords\.(\w+)", TEMPLATES)} - {*WORDS} == set()


def test_every_key_that_is_put_together_is_known_here() -> None:
    assert {*re.findall(r"\bt\(`(\w+)\$\{", SCRIPT)} == {*FILLED}
    assert {*re.findall(r'\bnamed\("(\w+)"', SCRIPT)} == {*NAMED}


@pytest.mark.parametrize("group", NAMED)
def test_every_value_of_the_api_has_its_word_and_no_other_has(group: str) -> None:
    assert {key.partition(".")[2] for key in WORDS if key.startswith(f"{group}.")} == NAMED[group]


def test_no_word_is_left_over() -> None:
    literals = {*re.findall(r'"(\w+)"', SCRIPT), *re.findall(r"\bwords\.(\w+)", TEMPLATES)}
    assert {key for key in WORDS if "." not in key} - literals - TOLD == set()


def test_what_a_word_leaves_open_the_page_fills_in() -> None:
    asked = re.findall(r'\bt\("(\w+)", \{([^{}]*)\}\)', SCRIPT)
    given = {key: {*re.findall(r"(\w+)\s*[:,]", f"{body},")} for key, body in asked}
    with translation.override("en"):
        gaps = {key: {*re.findall(r"\{(\w+)\}", str(text))} for key, text in WORDS.items()}
    unfilled = {key: names - given.get(key, set()) for key, names in gaps.items() if key != "map_square"}  # by the map
    assert {key: names for key, names in unfilled.items() if names} == {}


@pytest.mark.parametrize("language", ["ru", "uz"])
def test_a_translation_leaves_the_same_open(language: str) -> None:
    def gaps(code: str) -> dict[str, list[str]]:
        with translation.override(code):
            return {key: sorted(re.findall(r"\{\w+\}", str(text))) for key, text in WORDS.items()}

    assert gaps(language) == gaps("en")
