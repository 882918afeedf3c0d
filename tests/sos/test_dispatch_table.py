"""Plays every row of the table in docs/dispatch.md against the service."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from apps.devices.services import register_device
from apps.notifications.models import Notification, State
from apps.sos.escalation import take_due_step
from apps.sos.models import OPEN, HelperAlert, JournalEntry, SosEvent
from apps.users.models import User

pytestmark = pytest.mark.django_db
URL = "/api/v1/sos/"


@dataclass(frozen=True)
class Row:
    state: str
    happening: str
    new_state: str
    rows: str
    notifications: str
    socket: str


def table() -> list[Row]:
    text = (Path(settings.BASE_DIR) / "docs/dispatch.md").read_text(encoding="utf-8")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    rows = [Row(*row) for row in cells[2:]]
    closed = [row for row in rows if row.state == "RESOLVED"]
    return rows + [
        Row("CANCELLED", *list(vars(row).values())[1:2], "CANCELLED", *list(vars(row).values())[3:]) for row in closed
    ]


class Scene:
    """One event with people around it."""

    def __init__(self, wearer: User, dispatcher: User, helper: Callable[..., User], press: Any, client_of: Any) -> None:
        self.wearer, self.dispatcher, self.helper, self.press, self.client_of = (
            wearer,
            dispatcher,
            helper,
            press,
            client_of,
        )
        register_device(wearer, "watch_unique_serial_001")
        self.called = helper(100)
        self.ahead = [helper(150), helper(160)]
        self.code = 0
        self.pressed_at = datetime.now(UTC).isoformat()

    def send(self) -> None:
        self.code = self.press(self.wearer, timestamp=self.pressed_at).status_code

    def event(self) -> SosEvent:
        return SosEvent.objects.get()

    def make_due(self) -> None:
        SosEvent.objects.filter(status__in=OPEN).update(next_step_at=timezone.now())

    def answer(self, helper: User, status: str) -> None:
        url = f"{URL}{self.event().uid}/respond/"
        self.code = self.client_of(helper).post(url, {"status": status}, format="json").status_code

    def resolve(self) -> None:
        url = f"{URL}{self.event().uid}/resolve/"
        self.code = self.client_of(self.dispatcher).post(url, {"outcome": "HELPED"}, format="json").status_code

    def reach(self, state: str) -> None:
        if state == "-":
            return
        self.send()
        take_due_step(self.event().pk)
        if state != "NEW":
            self.answer(self.ahead[0], "ACCEPTED")
        if state == "RESOLVED":
            self.resolve()
        elif state == "CANCELLED":
            SosEvent.objects.update(status=state, next_step_at=None)

    def step(self) -> None:
        self.make_due()
        take_due_step(self.event().pk)

    def step_with_helpers_near(self) -> None:
        self.helper(200)
        self.step()

    def step_place_unknown(self) -> None:
        SosEvent.objects.update(position=None)
        self.step()

    def step_enough_accepted(self) -> None:
        self.answer(self.ahead[1], "ACCEPTED")
        self.step_with_helpers_near()

    def accept_enough_already(self) -> None:
        self.answer(self.ahead[1], "ACCEPTED")
        self.answer(self.called, "ACCEPTED")

    def play(self, happening: str) -> None:
        {
            "first signal": self.send,
            "repeated signal": self.send,
            "step due, helpers near": self.step_with_helpers_near,
            "step due, nobody near": self.step,
            "step due, place unknown": self.step_place_unknown,
            "step due, too few accepted": self.step_with_helpers_near,
            "step due, enough accepted": self.step_enough_accepted,
            "helper accepts": lambda: self.answer(self.called, "ACCEPTED"),
            "helper accepts, enough already": self.accept_enough_already,
            "helper declines": lambda: self.answer(self.called, "DECLINED"),
            "dispatcher resolves": self.resolve,
        }[happening]()


@pytest.fixture
def scene(wearer: User, dispatcher: User, helper: Any, press: Any, client_of: Any) -> Scene:
    return Scene(wearer, dispatcher, helper, press, client_of)


# the happenings whose row is about the step alone: what leads up to it has rows of its own
LEADS_UP = {"step due, enough accepted": {"HELPER_ACCEPTED"}, "helper accepts, enough already": {"HELPER_ACCEPTED"}}


@pytest.mark.parametrize("row", table(), ids=lambda row: f"{row.state}: {row.happening}")
def test_row(row: Row, scene: Scene) -> None:
    scene.reach(row.state)
    before = _counts(scene)
    scene.play(row.happening)
    event = scene.event()
    assert event.status == row.new_state
    new = {name: count - before[name] for name, count in _counts(scene).items()}
    lead = LEADS_UP.get(row.happening, set())
    kinds = {name for name, count in new.items() if name.isupper() and count} - lead
    assert kinds == {word for word in row.rows.replace(",", " ").split() if word.isupper() and "_" in word}
    assert (scene.code == 409) == ("409" in row.rows)
    assert bool(new["signals"]) == ("signal" in row.rows.split(", ") or row.rows.startswith("signal"))
    assert ("sos_event" if new["EVENT_OPENED"] else "none") == row.socket
    _check_step(row, event)
    _check_messages(row, new, event)


def _counts(scene: Scene) -> dict[str, int]:
    kinds = JournalEntry.objects.values_list("kind", flat=True)
    counts = dict.fromkeys(("EVENT_OPENED", "HELPER_ACCEPTED"), 0) | dict.fromkeys(kinds, 0)
    for kind in kinds:
        counts[kind] += 1
    event = SosEvent.objects.first()
    counts["signals"] = event.signals.count() if event else 0
    counts["alerts"] = HelperAlert.objects.count()
    counts["notifications"] = Notification.objects.count()

    class Zero(dict[str, int]):
        def __missing__(self, key: str) -> int:
            return 0

    return Zero(counts)


def _check_step(row: Row, event: SosEvent) -> None:
    if "due step later" in row.rows:
        assert event.next_step_at > timezone.now()
    if "due step now" in row.rows:
        assert event.next_step_at <= timezone.now()
    assert (event.next_step_at is None) == (row.new_state in {"RESOLVED", "CANCELLED"})


def _check_messages(row: Row, new: dict[str, int], event: SosEvent) -> None:
    called = new["alerts"]
    assert bool(called) == ("alerts NOTIFIED" in row.rows)
    assert new["notifications"] == (called if row.notifications == "one SOS_ALERT a helper" else 0)
    if row.notifications == "queued ones DROPPED":
        states = set(Notification.objects.values_list("state", flat=True))
        assert states == {State.DROPPED}
