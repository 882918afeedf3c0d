"""Plays every row of the tables in docs/dispatch.md against the service."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from apps.devices.models import HelperPosition
from apps.devices.rules.registry import Fix, point, record_fix, register_device
from apps.notifications.models import Notification, State
from apps.sos.kinds import DEEDS, NEXT_ANSWERS, OPEN, AlertStatus, JournalKind
from apps.sos.models import ConsolePresence, HelperAlert, JournalEntry, SosEvent
from apps.sos.rules.due_step import take_due_step
from apps.users.models import EmergencyContact, User
from tests.conftest import HERE, METRES_NORTH
from tests.sos.dispatch.dispatch_table import Row, events_table, tables, words

pytestmark = pytest.mark.django_db
URL = "/api/v1/sos/"


class Scene:
    """One event with people around it: three called helpers 100, 150 and 160 m away, one more who comes near later."""

    def __init__(self, wearer: User, dispatcher: User, helper: Callable[..., User], press: Any, client_of: Any) -> None:
        self.wearer, self.dispatcher, self.helper = wearer, dispatcher, helper
        self.press, self.client_of = press, client_of
        self.device, _ = register_device(wearer, "watch_unique_serial_001")
        self.called = helper(100)
        self.ahead = [helper(150), helper(160)]
        EmergencyContact.objects.create(owner=wearer, name="Mother", phone_number="+998931234567")
        ConsolePresence.objects.create(user=dispatcher, seen_at=timezone.now() + timedelta(hours=1))
        self.code = 0
        self.presses = 0

    def event(self) -> SosEvent:
        event: SosEvent = SosEvent.objects.get()
        return event

    def send(self, **changes: Any) -> None:
        self.presses += 1
        self.code = self.press(self.wearer, signal_uid=str(self.presses), **changes).status_code

    def send_again(self) -> None:
        self.presses -= 1
        self.send()

    def post(self, user: User, what: str, body: Any = None) -> None:
        url = f"{URL}{self.event().uid}/{what}/"
        self.code = self.client_of(user).post(url, body or {}, format="json").status_code

    def answer(self, helper: User, status: str) -> None:
        self.post(helper, "respond", {"status": status})

    def desk(self, what: str, **body: Any) -> None:
        self.post(self.dispatcher, what, body)

    def reach(self, state: str) -> None:
        if state == "-":
            return
        self.send()
        take_due_step(self.event().pk)
        if state in {"IN_PROGRESS", "RESOLVED"}:
            self.answer(self.ahead[0], "ACCEPTED")
        if state == "RESOLVED":
            self.desk("resolve", outcome="HELPED")
        if state == "CANCELLED":
            self.post(self.wearer, "cancel")
        Notification.objects.update(state=State.SENT)

    def called_to_event(self) -> int:
        return HelperAlert.objects.count()

    def later(self, **fields: timedelta) -> None:
        """Lets time pass: moves these times of the open event back."""
        moved = {name: F(name) - by for name, by in fields.items()}
        SosEvent.objects.filter(status__in=OPEN).update(**moved)

    def step(self) -> None:
        SosEvent.objects.filter(status__in=OPEN).update(next_step_at=timezone.now())
        take_due_step(SosEvent.objects.get().pk)

    def wave(self) -> None:
        SosEvent.objects.filter(status__in=OPEN).update(wave_at=timezone.now())
        self.step()

    def not_seen(self, seconds: int) -> None:
        """The helper ahead was last seen so long ago."""
        seen_at = timezone.now() - timedelta(seconds=seconds)
        HelperPosition.objects.filter(user=self.ahead[0]).update(recorded_at=seen_at)

    def assign(self, **how: str) -> None:
        self.desk("assign", helper=str(self.ahead[1].uuid), **how)

    def wave_with_helpers_near(self) -> None:
        self.helper(200)
        self.wave()

    def stall(self, seconds: int, *, asked: bool) -> None:
        """The helper ahead says where they are, again and again, and it is always there."""
        since = timezone.now() - timedelta(seconds=seconds)
        asked_at = since + timedelta(seconds=180) if asked else None
        mine = HelperAlert.objects.filter(helper=self.ahead[0])
        mine.update(accepted_at=since, progress_at=since, progress_m=160, asked_at=asked_at)
        HelperPosition.objects.filter(user=self.ahead[0]).update(recorded_at=timezone.now())
        self.helper(200)
        self.step()


def _unknown_place(scene: Scene) -> None:
    SosEvent.objects.update(position=None, position_at=None)
    scene.wave()


def _nobody_at_all(scene: Scene, waves_called: int) -> None:
    HelperAlert.objects.all().delete()
    HelperPosition.objects.all().delete()
    SosEvent.objects.update(waves_called=waves_called)
    scene.wave()


def _waves_are_over(scene: Scene) -> None:
    SosEvent.objects.update(waves_called=3)
    HelperAlert.objects.update(rung_at=F("rung_at") - timedelta(seconds=120))
    scene.wave()


def _after_another_press(scene: Scene) -> None:
    HelperAlert.objects.update(rung_at=F("rung_at") - timedelta(seconds=61))
    scene.send()
    scene.step()


def _after_a_decline(scene: Scene) -> None:
    scene.answer(scene.called, "DECLINED")
    scene.helper(200)
    scene.step()


def _no_console(scene: Scene) -> None:
    ConsolePresence.objects.all().delete()
    scene.step()


def _test_step(scene: Scene) -> None:
    SosEvent.objects.update(detected_type="TEST")
    HelperAlert.objects.all().delete()
    scene.step()


def _on_scene_and_done(scene: Scene) -> None:
    scene.answer(scene.ahead[0], "ON_SCENE")
    scene.answer(scene.ahead[0], "DONE")


def _second_and_third(scene: Scene) -> None:
    scene.answer(scene.ahead[1], "ACCEPTED")
    scene.answer(scene.called, "ACCEPTED")


def _covered_wave(scene: Scene) -> None:
    scene.answer(scene.ahead[1], "ACCEPTED")
    scene.wave_with_helpers_near()


def _wearer_moves(scene: Scene) -> None:
    record_fix(scene.device, Fix(lat=HERE[0] + 600 * METRES_NORTH, lon=HERE[1]))
    scene.step()


def _sent_accepts(scene: Scene) -> None:
    scene.assign()
    scene.answer(scene.ahead[1], "ACCEPTED")


def _sent_is_silent(scene: Scene) -> None:
    HelperAlert.objects.filter(helper=scene.ahead[0]).update(status="DECLINED")
    SosEvent.objects.update(plan={**scene.event().plan, "enough_helpers": 1})
    scene.assign()
    scene.wave_with_helpers_near()
    assert scene.called_to_event() == 3, "for 60 s it is enough"
    HelperAlert.objects.filter(status="ASSIGNED").update(rung_at=F("rung_at") - timedelta(seconds=61))
    scene.step()


def _on_the_way_unseen(scene: Scene) -> None:
    scene.answer(scene.ahead[0], "EN_ROUTE")
    scene.wave_with_helpers_near()
    assert scene.called_to_event() == 3, "one on the way is enough"
    scene.not_seen(121)
    HelperAlert.objects.update(rung_at=F("rung_at") + timedelta(seconds=1))  # too soon to ring anybody again
    scene.step()


def _unsafe_from_afar(scene: Scene) -> None:
    HelperPosition.objects.filter(user=scene.ahead[0]).update(position=point(HERE[0] + 600 * METRES_NORTH, HERE[1]))
    scene.answer(scene.ahead[0], "UNSAFE")


def _step_after_report_from_afar(scene: Scene) -> None:
    _unsafe_from_afar(scene)
    scene.helper(200)
    scene.step()


HAPPENINGS: dict[str, Callable[[Scene], None]] = {
    "first signal": lambda scene: scene.send(),
    "first signal with a countdown": lambda scene: scene.send(countdown_s=20),
    "test signal": lambda scene: scene.send(detected_type="TEST"),
    "a test's step is due": _test_step,
    "same signal sent again": lambda scene: scene.send_again(),
    "pressed again": lambda scene: scene.send(),
    "step due after another press": _after_another_press,
    "wave due, helpers near": lambda scene: scene.wave_with_helpers_near(),
    "wave due, nobody near": lambda scene: scene.wave(),
    "first wave finds nobody": lambda scene: _nobody_at_all(scene, 0),
    "last wave, still nobody": lambda scene: _nobody_at_all(scene, 2),
    "waves are over, unanswered": _waves_are_over,
    "step due, place unknown": _unknown_place,
    "step due, no console is connected": _no_console,
    "step due, nobody acknowledged": lambda scene: (
        SosEvent.objects.update(contacts_alarmed_at=timezone.now()),
        scene.later(received_at=timedelta(seconds=61)),
        scene.step(),
    )[0],
    "step due, time for the contacts": lambda scene: (
        SosEvent.objects.update(acknowledged_at=timezone.now()),
        scene.later(received_at=timedelta(seconds=61)),
        scene.step(),
    )[0],
    "helper accepts": lambda scene: scene.answer(scene.called, "ACCEPTED"),
    "second helper accepts": lambda scene: scene.answer(scene.ahead[1], "ACCEPTED"),
    "third helper accepts": _second_and_third,
    "wave due, enough accepted": _covered_wave,
    "helper declines": lambda scene: scene.answer(scene.called, "DECLINED"),
    "step due after a decline": _after_a_decline,
    "helper sets out": lambda scene: scene.answer(scene.ahead[0], "EN_ROUTE"),
    "helper arrives": lambda scene: scene.answer(scene.ahead[0], "ON_SCENE"),
    "last helper is done": _on_scene_and_done,
    "only helper withdraws": lambda scene: scene.answer(scene.ahead[0], "WITHDRAWN"),
    "helper sets out, not seen for 120 s": lambda scene: (
        scene.not_seen(121),
        scene.answer(scene.ahead[0], "EN_ROUTE"),
    )[1],
    "helper on the way is not seen for 120 s": _on_the_way_unseen,
    "helper seen there finds it unsafe": lambda scene: scene.answer(scene.ahead[0], "UNSAFE"),
    "helper far away reports it unsafe": _unsafe_from_afar,
    "step due after a report from afar": _step_after_report_from_afar,
    "helper came no nearer for 180 s": lambda scene: scene.stall(181, asked=False),
    "helper came no nearer for 300 s": lambda scene: scene.stall(301, asked=True),
    "wearer has moved 600 m": _wearer_moves,
    "wearer cancels": lambda scene: scene.post(scene.wearer, "cancel"),
    "dispatcher acknowledges": lambda scene: scene.desk("acknowledge"),
    "dispatcher writes a note": lambda scene: scene.desk("note", text="She answers the phone."),
    "dispatcher hands over": lambda scene: scene.desk("handover", to="103"),
    "dispatcher calls the next wave": lambda scene: (scene.helper(200), scene.desk("call-next-wave"))[1],
    "dispatcher sends a helper": lambda scene: scene.assign(),
    "dispatcher sends a helper who said yes by phone": lambda scene: scene.assign(confirmed_by="phone"),
    "sent helper accepts": _sent_accepts,
    "sent helper is silent for 60 s": _sent_is_silent,
    "dispatcher resolves": lambda scene: scene.desk("resolve", outcome="HELPED"),
    "dispatcher reopens": lambda scene: scene.desk("reopen"),
}
# What has rows of its own and only leads up to the happening.
LEADS_UP: dict[str, tuple[set[str], set[str]]] = {
    "step due after another press": ({"SIGNAL_MERGED"}, set()),
    "step due after a decline": ({"HELPER_DECLINED"}, {"DECLINED"}),
    "sent helper accepts": ({"HELPER_ASSIGNED"}, set()),
    "sent helper is silent for 60 s": ({"HELPER_ASSIGNED"}, {"ASSIGNED", "DECLINED"}),
    "helper on the way is not seen for 120 s": ({"HELPER_EN_ROUTE", "HELPERS_STOOD_DOWN"}, {"EN_ROUTE", "STOOD_DOWN"}),
    "step due after a report from afar": ({"HELPER_UNSAFE", "DISPATCHERS_ALARMED"}, {"UNSAFE"}),
    "last helper is done": ({"HELPER_ON_SCENE", "HELPERS_STOOD_DOWN"}, {"STOOD_DOWN"}),
    "third helper accepts": ({"HELPER_ACCEPTED", "HELPERS_STOOD_DOWN"}, {"ACCEPTED", "STOOD_DOWN"}),
    "wave due, enough accepted": ({"HELPER_ACCEPTED", "HELPERS_STOOD_DOWN"}, {"ACCEPTED", "STOOD_DOWN"}),
}
LED_MESSAGES = {
    "sent helper accepts": {"ASSIGNED"},
    "sent helper is silent for 60 s": {"ASSIGNED"},
    "helper on the way is not seen for 120 s": {"STAND_DOWN"},
    "step due after a report from afar": {"DISPATCHER_ALARM"},
    "last helper is done": {"STAND_DOWN"},
    "third helper accepts": {"HELP_COMING", "STAND_DOWN"},
    "wave due, enough accepted": {"HELP_COMING", "STAND_DOWN"},
}

ACKNOWLEDGE_NOT = {"dispatcher writes a note", "dispatcher resolves"}


@pytest.fixture
def scene(wearer: User, dispatcher: User, helper: Any, press: Any, client_of: Any, settings: Any) -> Scene:
    settings.SMS_TRANSPORT = "console"
    return Scene(wearer, dispatcher, helper, press, client_of)


def _alerts() -> dict[int, str]:
    return dict(HelperAlert.objects.values_list("helper_id", "status"))


@pytest.mark.parametrize("row", events_table(), ids=lambda row: f"{row.state}: {row.happening}")
def test_row(row: Row, scene: Scene) -> None:
    scene.reach(row.state)
    position = max([0, *JournalEntry.objects.values_list("position", flat=True)])
    acknowledged_at = SosEvent.objects.values_list("acknowledged_at", flat=True).first()
    told, alerts = set(Notification.objects.values_list("pk", flat=True)), _alerts()
    HAPPENINGS[row.happening](scene)
    event = scene.event()
    entries = JournalEntry.objects.filter(position__gt=position).exclude(event=None)
    lead_journal, lead_alerts = LEADS_UP.get(row.happening, (set(), set()))
    assert event.status == row.new_state
    kinds = set(entries.values_list("kind", flat=True)) - {"NOTIFICATION"} - lead_journal
    assert kinds == set(words(row.journal)) - {"409"}
    assert (scene.code == 409) == (row.journal == "409")
    if kinds:
        assert entries.latest("position").status == row.new_state
    changed = {status for helper, status in _alerts().items() if alerts.get(helper) != status} - lead_alerts
    assert changed == set(words(row.alerts))
    new = Notification.objects.exclude(pk__in=told)
    messages = Counter(new.values_list("kind", flat=True))
    assert messages.keys() - LED_MESSAGES.get(row.happening, set()) == set(words(row.messages))
    if row.happening.startswith("dispatcher"):
        acknowledges = row.happening not in ACKNOWLEDGE_NOT and row.journal != "409"
        assert (event.acknowledged_at != acknowledged_at) == acknowledges
    _check_next(row, event)
    if not event.is_open:
        left = Notification.objects.filter(state=State.QUEUED).values_list("kind", flat=True)
        assert set(left) <= {"STAND_DOWN", "ALL_CLEAR", "TEST_ARRIVED"}


def _check_next(row: Row, event: SosEvent) -> None:
    if row.next == "never":
        assert event.next_step_at is None
    else:
        assert (event.next_step_at <= timezone.now()) == (row.next == "now")


def test_every_kind_of_journal_entry_has_a_row() -> None:
    written = {kind for row in events_table() for kind in words(row.journal)}
    elsewhere = {"NOTIFICATION", "CONTACT_ANSWERED", *DEEDS}
    assert written - {"409"} == set(JournalKind.values) - elsewhere


def test_answers_are_those_of_the_page() -> None:
    rows = {alert: set(words(answers)) for alert, answers in tables()[2]}
    assert rows == {state: {answer.value for answer in answers} for state, answers in NEXT_ANSWERS.items()}


@pytest.mark.parametrize("state", AlertStatus.values)
@pytest.mark.parametrize("answer", sorted({answer for row in NEXT_ANSWERS.values() for answer in row}))
def test_answer(state: AlertStatus, answer: str, scene: Scene) -> None:
    scene.reach("NEW")
    mine = HelperAlert.objects.filter(helper=scene.called)
    mine.update(status=state)
    scene.answer(scene.called, answer)
    fits = answer == state or answer in NEXT_ANSWERS[state]
    assert (scene.code, mine.get().status) == ((200, answer) if fits else (409, state))
