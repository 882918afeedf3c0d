"""Signals, answers, timers and dispatchers in any order: whatever happens, the promises of docs/dispatch.md hold."""

import time
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from apps.devices.rules.registry import Fix, record_fix, register_device
from apps.notifications.models import Notification, State
from apps.notifications.rules.queueing import save_push_token
from apps.sos.kinds import COMING, NEXT_ANSWERS, AlertStatus, EventStatus, Halt, Outcome
from apps.sos.models import DispatchPolicy, HelperAlert, JournalEntry, Signal, SosEvent
from apps.sos.queries.gather import facts_of
from apps.sos.rules import desk, opening
from apps.sos.rules.answers import answer_alert
from apps.sos.rules.closing import StepMakesNoSense
from apps.sos.rules.due_step import take_due_step
from apps.sos.rules.messages import EventAudience
from apps.users.models import EmergencyContact, Role, User
from mdd_backend.database import prepared
from tests.conftest import HERE, METRES_NORTH

pytestmark = pytest.mark.django_db
HELPERS = 6
ANSWERS = sorted({answer for answers in NEXT_ANSWERS.values() for answer in answers})
_PICTURE = """
SELECT (SELECT array_agg(ROW(id, status, halted, severity, waves_called, wave_at, next_step_at, unconfirmed_until,
                             last_signal_at, position, position_at)::text ORDER BY id) FROM sos_sosevent),
       (SELECT array_agg(ROW(id, status, rings)::text ORDER BY id) FROM sos_helperalert),
       (SELECT count(*) FROM sos_journalentry), (SELECT count(*) FROM notifications_notification)
"""
_CLAIMS = "SELECT helper_id, event_id, until > clock_timestamp(), until = 'infinity' FROM sos_helperclaim"
_SENSELESS = st.sampled_from([None, None, None, None, *ANSWERS])
_LET_PASS = (
    "WITH moved AS (UPDATE sos_sosevent SET {events}), claimed AS (UPDATE sos_helperclaim SET until = until - %(by)s)"
    " UPDATE sos_helperalert SET {alerts}"
).format(
    events=", ".join(
        f"{name} = {name} - %(by)s"
        for name in (
            "received_at", "wave_at", "next_step_at", "acknowledged_at", "dispatchers_alarmed_at", "last_signal_at"
        )
    ),
    alerts="rung_at = rung_at - %(by)s, progress_at = progress_at - %(by)s",
)  # fmt: skip
MUST_HAPPEN = {
    "WAVE_CALLED", "HELPERS_RUNG_AGAIN", "HELPERS_STOOD_DOWN", "HELPER_DECLINED", "HELPER_ASKED", "HELPER_RELEASED",
    "HELPER_WITHDRAWN", "HELPER_DONE", "HELPER_ASSIGNED", "PLACE_MOVED", "CONTACTS_ALARMED", "WEARER_FINE",
    "EVENT_REOPENED",
}  # fmt: skip
KINDS: Counter[str] = Counter()
"""What happened in all the runs so far."""
MUST_BEAR_RETRIES = {*EventStatus.values, *Halt.values, "counting down"}
RETRIED: Counter[str] = Counter()
"""The states in which a signal was sent again, in all the runs so far."""


class Machine(RuleBasedStateMachine):
    """One wearer with one watch, six helpers, two dispatchers; time passes when we say so."""

    def __init__(self) -> None:
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        self.declined: dict[tuple[int, int], int] = {}
        self.assigned = 0
        self.sent: list[dict[str, Any]] = []
        self.measured: dict[int, datetime] = {}
        self.clock = time.monotonic()

    @initialize(enough=st.integers(1, 3), size=st.integers(1, 3), silent=st.booleans())
    def people(self, enough: int, size: int, silent: bool) -> None:
        waves = [{"radius_m": 1000 * n, "helpers": size, "wait_s": 30} for n in (1, 2, 3)]
        DispatchPolicy.objects.create(waves=waves, enough_helpers=enough)
        self.silent = silent
        self.wearer = User.objects.create(phone_number="+998901000000", full_name="Wearer")
        self.dispatcher = User.objects.create(phone_number="+998901000001", role=Role.ADMIN)
        EmergencyContact.objects.create(owner=self.wearer, name="Mother", phone_number="+998901000002")
        self.watch, _ = register_device(self.wearer, "watch")
        self.helpers = [self._helper(n) for n in range(HELPERS)]
        self.press(with_place=True, countdown=None, kind="FALL_DETECTED")
        self.time_passes(seconds=1, lost=False)

    def _helper(self, n: int) -> User:
        user = User.objects.create(phone_number=f"+99890200000{n}", role=Role.HELPER, on_duty=True)
        phone, _ = register_device(user, f"phone-{n}")
        record_fix(phone, Fix(HERE[0] + 450 * (n + 1) * METRES_NORTH, HERE[1]))
        save_push_token(user, f"token-{n}", "ANDROID")
        return user

    def teardown(self) -> None:
        KINDS.update(JournalEntry.objects.values_list("kind", flat=True))
        transaction.set_rollback(True)
        self.undo.__exit__(None, None, None)

    @property
    def event(self) -> SosEvent:
        """The newest, as it was after the last step."""
        return self.seen.events[-1]

    def _try(self, step: Any, *arguments: Any) -> Any:
        """What makes no sense is refused, and changes nothing."""
        before = self._picture()
        try:
            with transaction.atomic():
                return step(*arguments)
        except StepMakesNoSense:
            assert self._picture() == before
            return None

    def _picture(self) -> Any:
        return prepared.rows(_PICTURE, [])

    @rule(
        with_place=st.sampled_from([True, True, False]),
        countdown=st.sampled_from([None, None, 20]),
        kind=st.sampled_from(["FALL_DETECTED"] * 4 + ["TEST"]),
        is_resent=st.booleans(),
    )
    def press(self, with_place: bool, countdown: int | None, kind: str, is_resent: bool = False) -> None:
        place = {"lat": HERE[0], "lon": HERE[1]} if with_place else {}
        self._send({"detected_type": kind, "countdown_s": countdown, **place})
        if is_resent:
            self.retry(0)

    def _send(self, said: dict[str, Any]) -> None:
        said = {"device_uid": "watch", "silent": self.silent, "signal_uid": str(len(self.sent)), **said}
        opening.open_event(self.wearer, said)
        self.sent.append(said)

    @rule(n=st.integers(0, 3))
    def retry(self, n: int) -> None:
        """One of the last signals is sent again: that is counted, and nothing else."""
        said = self.sent[-1 - n % len(self.sent)]
        event = Signal.objects.filter(signal_uid=said["signal_uid"]).latest("pk").event
        before = self._picture()
        met = opening.open_event(self.wearer, said)
        assert (met.event, met.is_new, met.event.signal_count) == (event, False, event.signal_count + 1)
        assert self._picture() == before
        RETRIED.update(self._states_of(event))

    def _states_of(self, event: SosEvent) -> set[str]:
        counts = event.unconfirmed_until and event.unconfirmed_until > timezone.now()
        return {event.status, event.halted, "counting down" if counts else ""}

    @rule(seconds=st.integers(1, 7200), metres=st.sampled_from([0, 900]))
    def late_press(self, seconds: int, metres: int) -> None:
        """A signal that was so long on its way; what has been measured since stays."""
        made_at = timezone.now() - timedelta(seconds=seconds)
        place = {"lat": HERE[0] + metres * METRES_NORTH, "lon": HERE[1]}
        self._send({"detected_type": "FALL_DETECTED", "timestamp": made_at.isoformat(), **place})

    @rule(n=st.integers(0, HELPERS - 1), m=st.integers(0, 3), senseless=_SENSELESS)
    def answer(self, n: int, m: int, senseless: AlertStatus | None) -> None:
        """One who was called answers, mostly something that fits."""
        alerts = list(HelperAlert.objects.filter(event=self.event).order_by("pk"))
        if not alerts:
            return
        alert = alerts[n % len(alerts)]
        fitting = NEXT_ANSWERS[alert.status] or (AlertStatus.DONE,)
        answer = senseless or fitting[m % len(fitting)]
        answered = self._try(answer_alert, self.event, alert.helper, answer)
        if answered and answer == AlertStatus.DECLINED:
            self.declined[alert.event_id, alert.helper_id] = alert.rings
        elif answered:
            self.declined.pop((alert.event_id, alert.helper_id), None)

    @rule(
        steps=st.sampled_from([["ACCEPTED"], ["ACCEPTED", "EN_ROUTE", "ON_SCENE", "DONE"], ["ACCEPTED", "WITHDRAWN"]]),
        then_fine=st.booleans(),
    )
    def help_comes(self, steps: list[str], then_fine: bool) -> None:
        """The first who is called goes all the way or turns back, or the wearer says meanwhile that they are fine."""
        alert = HelperAlert.objects.filter(event=self.event).order_by("pk").first()
        for step in steps if alert else []:
            if self._try(answer_alert, self.event, alert.helper, AlertStatus(step)):
                self.declined.pop((alert.event_id, alert.helper_id), None)
        if then_fine and len(steps) == 1:
            self._try(opening.cancel_event, self.event, self.wearer)

    @rule(seconds=st.sampled_from([1, 31, 61, 61, 121, 121, 301]), lost=st.sampled_from([False, False, True]))
    def time_passes(self, seconds: int, lost: bool) -> None:
        """The due step is taken, unless everything was down: then the next one finds it overdue."""
        self._let_pass(seconds)
        if not lost:
            for event in SosEvent.objects.due():
                with transaction.atomic():
                    assert take_due_step(event.pk)

    def _let_pass(self, seconds: float) -> None:
        prepared.rows(_LET_PASS, {"by": timedelta(seconds=seconds)})

    @rule(n=st.integers(0, HELPERS - 1), metres=st.sampled_from([10, 400, 5000]))
    def helper_moves(self, n: int, metres: int) -> None:
        record_fix(self.helpers[n].devices.get(), Fix(HERE[0] + metres * METRES_NORTH, HERE[1]))

    @rule(stills=st.sampled_from([[181], [181, 121], [301]]))
    def those_coming_stand_still(self, stills: list[int]) -> None:
        """Whoever said that they come, or now says so, is still where they were after so many seconds."""
        coming = HelperAlert.objects.filter(event=self.event, status__in=COMING).select_related("helper")
        first = HelperAlert.objects.filter(event=self.event).order_by("pk").first()
        if first and not coming and self._try(answer_alert, self.event, first.helper, AlertStatus.ACCEPTED):
            self.declined.pop((first.event_id, first.helper_id), None)
        for seconds in stills:
            self.time_passes(seconds=seconds, lost=True)
            for alert in coming.all():
                place = alert.helper.helper_position.position
                record_fix(alert.helper.devices.get(), Fix(place.y, place.x))
            self.time_passes(seconds=1, lost=False)

    @rule(really=st.integers(0, 7))
    def found_unsafe(self, really: int) -> None:
        """The first of those who come arrives, and finds the place unsafe."""
        coming = HelperAlert.objects.filter(event=self.event, status__in=COMING).select_related("helper")
        if not really and (alert := coming.order_by("pk").first()):
            record_fix(alert.helper.devices.get(), Fix(HERE[0] + 10 * METRES_NORTH, HERE[1]))
            self._try(answer_alert, self.event, alert.helper, AlertStatus.UNSAFE)

    @rule(metres=st.sampled_from([0, 700]))
    def wearer_moves(self, metres: int) -> None:
        record_fix(self.watch, Fix(HERE[0] + metres * METRES_NORTH, HERE[1]))

    @rule(really=st.integers(0, 15))
    def cancel(self, really: int) -> None:
        if not really:
            self._try(opening.cancel_event, self.event, self.wearer)

    @rule(what=st.sampled_from([desk.acknowledge, desk.call_next_wave, desk.reopen]))
    def dispatcher_acts(self, what: Any) -> None:
        self._try(what, self.event, self.dispatcher)

    @precondition(lambda self: not self.event.is_open)
    @rule()
    def reopen(self) -> None:
        self._try(desk.reopen, self.event, self.dispatcher)

    @rule(n=st.integers(0, HELPERS - 1), really=st.integers(0, 7), confirmed_by=st.sampled_from(["", "phone"]))
    def assign(self, n: int, really: int, confirmed_by: str) -> None:
        event = self.event
        if not really and self._try(desk.assign, event, self.dispatcher, self.helpers[n], confirmed_by):
            self.assigned += 1
            self.declined.pop((event.pk, self.helpers[n].pk), None)

    @rule(outcome=st.sampled_from(list(Outcome)), really=st.integers(0, 11))
    def resolve(self, outcome: Outcome, really: int) -> None:
        if not really:
            self._try(desk.resolve, self.event, self.dispatcher, outcome)

    @invariant()
    def the_promises_hold(self) -> None:
        """All of them, about what is read once after each step."""
        self.seen = Seen()
        self.is_borne()
        seen = self.seen
        for event in seen.events:
            self.place_never_goes_back_in_time(event)
            journal_says, _ = seen.journal[event.pk]
            assert journal_says == event.status, "the journal tells each status in order"
        for event in seen.open:
            coming = [status for status, _ in seen.alerts[event.pk].values() if status in COMING]
            self.there_is_a_next_step(event)
            self.status_says_who_comes(event, coming)
            self.no_more_accept_than_are_enough(event, *seen.journal[event.pk])
        self.nobody_comes_to_two_events(seen)
        self.claims_say_who_comes(seen)
        self.who_declined_is_never_rung_again(seen)
        self.closed_event_sends_nothing_but_that_it_is_over(seen)
        self.silent_event_tells_neither_wearer_nor_contacts()
        self._undo_what_it_took()

    def _undo_what_it_took(self) -> None:
        """A slow machine must not reach a timer that a quick one does not: then the same draws lead elsewhere."""
        now = time.monotonic()
        self._let_pass(self.clock - now)
        self.clock = now

    def is_borne(self) -> None:
        """In each state that must bear it a signal is sent again, as soon as that state has come about at all."""
        if RETRIED.keys() >= MUST_BEAR_RETRIES:
            return
        event = Signal.objects.filter(signal_uid=self.sent[-1]["signal_uid"]).latest("pk").event
        if self._states_of(event) & MUST_BEAR_RETRIES - RETRIED.keys():
            self.retry(0)

    def there_is_a_next_step(self, event: SosEvent) -> None:
        assert event.next_step_at
        assert event.next_step_at <= timezone.now() + timedelta(seconds=121)

    def place_never_goes_back_in_time(self, event: SosEvent) -> None:
        if event.position_at:
            assert event.position_at >= self.measured.get(event.pk, event.position_at)
            self.measured[event.pk] = event.position_at

    def status_says_who_comes(self, event: SosEvent, coming: list[str]) -> None:
        is_met = coming or event.halted == "ALL_DONE"
        assert event.status == (EventStatus.IN_PROGRESS if is_met else EventStatus.NEW)

    def no_more_accept_than_are_enough(self, event: SosEvent, _: str, doubted: int) -> None:
        """Beside those whom a dispatcher assigned, and those who come after all though others took their place."""
        assert len(facts_of(event).cover.counted) <= event.plan["enough_helpers"] + self.assigned + doubted

    def nobody_comes_to_two_events(self, seen: "Seen") -> None:
        coming = [
            helper for event in seen.open for helper, (status, _) in seen.alerts[event.pk].items() if status in COMING
        ]
        assert len(coming) == len(set(coming))

    def claims_say_who_comes(self, seen: "Seen") -> None:
        """For ever if and only if they come; a closed event holds nobody, and every helper has a claim."""
        coming = {
            (helper, event.pk)
            for event in seen.open
            for helper, (status, _) in seen.alerts[event.pk].items()
            if status in COMING
        }
        claims = prepared.rows(_CLAIMS, [])
        assert len(claims) == HELPERS
        assert {(helper, event) for helper, event, _, is_coming in claims if is_coming} == coming
        assert {event for _, event, is_held, _ in claims if is_held} <= {event.pk for event in seen.open}

    def who_declined_is_never_rung_again(self, seen: "Seen") -> None:
        for (event_id, helper_id), rings in self.declined.items():
            assert seen.alerts[event_id][helper_id] == (AlertStatus.DECLINED, rings)

    def closed_event_sends_nothing_but_that_it_is_over(self, seen: "Seen") -> None:
        closed = [event.uid for event in seen.events if not event.is_open]
        waiting = list(Notification.objects.filter(event_uid__in=closed, state=State.QUEUED)) if closed else []
        needed = EventAudience().still_needed(waiting) if waiting else set()
        kinds = {one.kind for one in waiting if one.pk in needed}
        assert kinds <= {"STAND_DOWN", "ALL_CLEAR", "TEST_ARRIVED"}

    def silent_event_tells_neither_wearer_nor_contacts(self) -> None:
        if self.silent:
            told = Notification.objects.filter(user=self.wearer).exclude(event_uid=None)
            assert not told.exists()


class Seen:
    """Every event as it is now; of each who was called (status, rings), and of its journal the last status told and how
    many were asked whether they still come.
    """

    def __init__(self) -> None:
        self.events = list(SosEvent.objects.order_by("pk"))
        self.open = [event for event in self.events if event.is_open]
        self.alerts: dict[int, dict[int, tuple[str, int]]] = defaultdict(dict)
        for event_id, helper_id, *how in HelperAlert.objects.values_list("event_id", "helper_id", "status", "rings"):
            self.alerts[event_id][helper_id] = (how[0], how[1])
        self.journal: dict[int, tuple[str, int]] = {}
        for event_id, kind, status in JournalEntry.objects.order_by("position").values_list("event", "kind", "status"):
            asked = self.journal.get(event_id, ("", 0))[1] + (kind == "HELPER_ASKED")
            self.journal[event_id] = (status, asked)


GOES_ALL_THE_WAY = ["ACCEPTED", "EN_ROUTE", "ON_SCENE", "DONE"]
WAYS: list[list[tuple[str, dict[str, Any]]]] = [
    [("help_comes", {"steps": GOES_ALL_THE_WAY, "then_fine": False}), ("resolve", {"outcome": Outcome.HELPED})],
    [("help_comes", {"steps": ["ACCEPTED"], "then_fine": True}), ("press", {})],
    [("help_comes", {"steps": ["ACCEPTED", "WITHDRAWN"], "then_fine": False}), ("reopen", {})],
    [("those_coming_stand_still", {"stills": [181, 121]})],
    [("help_comes", {"steps": ["ACCEPTED"], "then_fine": False}), ("found_unsafe", {})],
    [("wearer_moves", {}), ("time_passes", {"seconds": 31}), ("answer", {"senseless": AlertStatus.DECLINED})],
    [("cancel", {}), ("reopen", {}), ("assign", {"n": 5}), ("resolve", {"outcome": Outcome.HELPED}), ("reopen", {})],
    [("cancel", {}), ("press", {"countdown": 20})],
    [("time_passes", {"seconds": 121})] * 5,
]
"""Between them they lead everywhere, whatever is drawn: rules with what differs from USUAL."""
USUAL: dict[str, dict[str, Any]] = {
    "answer": {"n": 0, "m": 0, "senseless": None},
    "assign": {"n": 0, "really": 0, "confirmed_by": ""},
    "cancel": {"really": 0},
    "found_unsafe": {"really": 0},
    "press": {"with_place": True, "countdown": None, "kind": "FALL_DETECTED"},
    "resolve": {"really": 0},
    "time_passes": {"lost": False},
    "wearer_moves": {"metres": 700},
}


def go(way: list[tuple[str, dict[str, Any]]]) -> None:
    machine = Machine()
    try:
        machine.people(enough=1, size=2, silent=False)
        machine.the_promises_hold()
        for name, given in way:
            if name != "reopen" or not machine.event.is_open:
                getattr(machine, name)(**USUAL.get(name, {}) | given)
            machine.the_promises_hold()
    finally:
        machine.teardown()


def test_the_promises_hold_on_the_ways_that_lead_everywhere() -> None:
    for way in WAYS:
        go(way)
    assert KINDS.keys() >= MUST_HAPPEN
    assert RETRIED.keys() >= MUST_BEAR_RETRIES, "signals must have been sent again everywhere"


def test_whatever_happens_the_promises_hold(django_db_blocker: Any) -> None:
    Machine.TestCase.settings = settings(
        max_examples=30,
        stateful_step_count=50,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        phases=[Phase.generate],  # a shrunk example would take minutes
    )
    Machine.TestCase("runTest").runTest()
