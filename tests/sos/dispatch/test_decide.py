"""Plays the rows of docs/dispatch.md that are decisions in memory: no database, no clock.

What a service does besides, `test_dispatch_table.py` plays with the same rows.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from apps.notifications.kinds import AlarmReason
from apps.sos.kinds import AlertStatus, EventStatus, Halt
from apps.sos.models import default_waves
from apps.sos.queries import facts
from apps.sos.queries.facts import Cover, Facts, Helper, Plan
from apps.sos.rules import decide
from tests.sos.dispatch.dispatch_table import Row, events_table, words

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLAN = Plan.of(
    {
        "waves": default_waves(),
        "enough_helpers": 2,
        "repeat_s": 120,
        "contacts_after_s": 60,
        "escalate_after_s": 60,
        "movement_ask_s": 180,
        "movement_release_s": 300,
    }
)
MINUTE = timedelta(minutes=1)
CALLED, FIRST, SECOND, NEAR = 1, 2, 3, 4  # three called helpers, and one who comes near later


def ago(seconds: float) -> datetime:
    return AT - timedelta(seconds=seconds)


def called(user_id: int, status: AlertStatus = AlertStatus.NOTIFIED, **known: object) -> Helper:
    return replace(Helper(user_id, status, ago(1), seen_at=ago(1), distance_m=150), **known)  # type: ignore[arg-type]


@dataclass
class Scene:
    """An event in memory: what is known, and what the decisions have brought about."""

    facts: Facts
    near: int = 0
    code: int = 200
    journal: set[str] = field(default_factory=set)
    alerts: set[str] = field(default_factory=set)
    messages: set[str] = field(default_factory=set)

    def know(self, **known: object) -> None:
        self.facts = replace(self.facts, **known)  # type: ignore[arg-type]

    def know_of(self, user_id: int, **known: object) -> None:
        self.facts = self.facts.with_helper(replace(self.facts.helper(user_id), **known))  # type: ignore[arg-type]

    def happened(self, journal: str, alerts: str = "", messages: str = "") -> None:
        self.journal |= {journal}
        self.alerts |= {alerts} - {""}
        self.messages |= {messages} - {""}

    def wave(self) -> None:
        self.know(wave_at=self.facts.at)
        self.step()

    def step(self) -> None:
        """As `take_due_step` does it, with `near` helpers who can be found, and everybody free to be rung again."""
        step = decide.step(self.facts)
        if step.has_moved:
            self.happened("PLACE_MOVED", messages="WEARER_MOVED")
        if step.ask:
            self.happened("HELPER_ASKED", messages="STILL_COMING")
        if step.release:
            self.happened("HELPER_RELEASED", "WITHDRAWN", "RELEASED")
        if step.repeat or step.again:
            self.happened("HELPERS_RUNG_AGAIN", messages="SOS_ALERT")
        found = min(self.near, step.search.helpers) if step.search else 0
        if step.search and (found or not step.search.replaces):
            self.happened("WAVE_CALLED")
        if found:
            self.happened("WAVE_CALLED", "NOTIFIED", "SOS_ALERT")
        if step.seeks_place:
            self.happened("PLACE_UNKNOWN")
        step = decide.after_search(step, has_called=bool(found), has_rung=bool(step.again))
        for alarm in step.alarms:
            self._alarmed(alarm)
        self.facts = step.facts

    def answer(self, user_id: int, answer: AlertStatus) -> None:
        helper = self.facts.helper(user_id)
        if decide.refuse(self.facts, helper, answer, is_elsewhere=False):
            self.code = 409
            return
        answered = decide.answer(self.facts, helper, answer)
        self.facts = answered.facts
        self.happened(f"HELPER_{answer}", answer, "HELP_COMING" if answered.wearer_told else "")
        for one in self.facts.helpers:
            if one.status in answered.stand_down:
                self.know_of(one.id, status=AlertStatus.STOOD_DOWN)
                self.happened("HELPERS_STOOD_DOWN", "STOOD_DOWN", "STAND_DOWN")
        if answered.alarm:
            self._alarmed(answered.alarm)

    def _alarmed(self, alarm: str) -> None:
        if alarm == decide.CONTACTS:
            self.happened("CONTACTS_ALARMED", messages="CONTACT_ALARM")
        else:
            self.happened("DISPATCHERS_ALARMED", messages="DISPATCHER_ALARM")


def scene_of(state: str) -> Scene:
    """An event whose first wave has called three; in progress the first of them has accepted."""
    helpers = (called(CALLED, distance_m=100), called(FIRST), called(SECOND, distance_m=160))
    facts = Facts(AT, PLAN, ago(2), ago(2), AT + timedelta(seconds=29), waves_called=1, helpers=helpers)
    if state == "IN_PROGRESS":
        accepted = called(FIRST, AlertStatus.ACCEPTED, progress_at=AT, progress_m=150)
        facts = facts.with_helper(accepted)
    if state in {"RESOLVED", "CANCELLED"}:
        facts = replace(facts, is_open=False)
    return Scene(facts)


def nobody_at_all(scene: Scene, waves_called: int) -> None:
    scene.know(helpers=(), waves_called=waves_called)
    scene.wave()


def stalled(scene: Scene, seconds: float, *, asked: bool) -> None:
    since = ago(seconds)
    scene.know_of(FIRST, progress_at=since, progress_m=160, asked_at=since + 3 * MINUTE if asked else None, seen_at=AT)
    scene.near = 1
    scene.step()


def late(scene: Scene, **known: object) -> None:
    scene.know(began_at=ago(61), **known)
    scene.step()


def pressed_again(scene: Scene) -> None:
    scene.know(last_signal_at=AT, helpers=tuple(replace(one, rung_at=ago(61)) for one in scene.facts.helpers))
    scene.step()


def waves_over(scene: Scene) -> None:
    scene.know(waves_called=3, helpers=tuple(replace(one, rung_at=ago(120)) for one in scene.facts.helpers))
    scene.wave()


def near(scene: Scene) -> None:
    scene.near = 1
    scene.wave()


def sent_is_silent(scene: Scene) -> None:
    scene.know(plan=replace(PLAN, enough_helpers=1))
    scene.know_of(SECOND, status=AlertStatus.ASSIGNED)
    near(scene)
    assert scene.journal == set(), "for 60 s it is enough"
    scene.know_of(SECOND, rung_at=ago(60))
    scene.step()


def unseen(scene: Scene) -> None:
    scene.know_of(FIRST, status=AlertStatus.EN_ROUTE)
    near(scene)
    assert scene.journal == set(), "one on the way is enough"
    scene.know_of(FIRST, seen_at=ago(121))
    scene.step()


def from_afar(scene: Scene) -> None:
    scene.know_of(FIRST, distance_m=600)
    scene.answer(FIRST, AlertStatus.UNSAFE)


def replaced_after_a_decline(scene: Scene) -> None:
    scene.know_of(CALLED, status=AlertStatus.DECLINED)
    scene.know(replacements_due=1)
    scene.near = 1
    scene.step()


def after_report_from_afar(scene: Scene) -> None:
    scene.know_of(FIRST, status=AlertStatus.UNSAFE)
    near(scene)


def done(scene: Scene) -> None:
    for other in (CALLED, SECOND):
        scene.know_of(other, status=AlertStatus.STOOD_DOWN)
    scene.know_of(FIRST, status=AlertStatus.ON_SCENE)
    scene.answer(FIRST, AlertStatus.DONE)


def second_then(happening: Callable[[Scene], None]) -> Callable[[Scene], None]:
    """With a second helper who has accepted, and the others stood down."""

    def play(scene: Scene) -> None:
        scene.know_of(SECOND, status=AlertStatus.ACCEPTED, progress_at=AT, progress_m=160)
        scene.know_of(CALLED, status=AlertStatus.STOOD_DOWN)
        happening(scene)

    return play


def sent_accepts(scene: Scene) -> None:
    scene.know_of(SECOND, status=AlertStatus.ASSIGNED)
    scene.answer(SECOND, AlertStatus.ACCEPTED)


def not_seen(scene: Scene) -> None:
    scene.know_of(FIRST, seen_at=ago(121))
    scene.answer(FIRST, AlertStatus.EN_ROUTE)


HAPPENINGS: dict[str, Callable[[Scene], None]] = {
    "step due after another press": pressed_again,
    "wave due, helpers near": near,
    "wave due, nobody near": lambda scene: scene.wave(),
    "first wave finds nobody": lambda scene: nobody_at_all(scene, 0),
    "last wave, still nobody": lambda scene: nobody_at_all(scene, 3),
    "waves are over, unanswered": waves_over,
    "step due, place unknown": lambda scene: (scene.know(has_place=False), scene.wave())[0],
    "step due, no console is connected": lambda scene: (scene.know(is_console_connected=False), scene.step())[0],
    "step due, nobody acknowledged": lambda scene: late(scene, contacts_alarmed_at=AT),
    "step due, time for the contacts": lambda scene: late(scene, acknowledged_at=AT),
    "helper accepts": lambda scene: scene.answer(CALLED, AlertStatus.ACCEPTED),
    "second helper accepts": lambda scene: scene.answer(SECOND, AlertStatus.ACCEPTED),
    "third helper accepts": second_then(lambda scene: scene.answer(CALLED, AlertStatus.ACCEPTED)),
    "wave due, enough accepted": second_then(near),
    "helper declines": lambda scene: scene.answer(CALLED, AlertStatus.DECLINED),
    "step due after a decline": replaced_after_a_decline,
    "helper sets out": lambda scene: scene.answer(FIRST, AlertStatus.EN_ROUTE),
    "helper sets out, not seen for 120 s": not_seen,
    "helper on the way is not seen for 120 s": unseen,
    "helper arrives": lambda scene: scene.answer(FIRST, AlertStatus.ON_SCENE),
    "last helper is done": done,
    "only helper withdraws": lambda scene: scene.answer(FIRST, AlertStatus.WITHDRAWN),
    "helper seen there finds it unsafe": lambda scene: scene.answer(FIRST, AlertStatus.UNSAFE),
    "helper far away reports it unsafe": from_afar,
    "step due after a report from afar": after_report_from_afar,
    "helper came no nearer for 180 s": lambda scene: stalled(scene, 181, asked=False),
    "helper came no nearer for 300 s": lambda scene: stalled(scene, 301, asked=True),
    "wearer has moved 600 m": lambda scene: (scene.know(moved_m=600), scene.step())[0],
    "sent helper accepts": sent_accepts,
    "sent helper is silent for 60 s": sent_is_silent,
}
# Decided by nobody but whoever does it: signals, a test's step, the wearer's and the dispatchers' buttons.
DONE_BY_HAND = (
    "first signal", "test signal", "a test's", "same signal", "pressed again", "wearer cancels", "dispatcher ",
)  # fmt: skip
DECIDED = [row for row in events_table() if row.happening in HAPPENINGS and row.state in {"NEW", "IN_PROGRESS"}]


def test_every_row_is_decided_here_or_done_by_hand() -> None:
    others = {row.happening for row in events_table()} - HAPPENINGS.keys()
    assert all(happening.startswith(DONE_BY_HAND) for happening in others)
    assert HAPPENINGS.keys() <= {row.happening for row in DECIDED}


@pytest.mark.parametrize("row", DECIDED, ids=lambda row: f"{row.state}: {row.happening}")
def test_row(row: Row) -> None:
    scene = scene_of(row.state)
    HAPPENINGS[row.happening](scene)
    assert scene.facts.status == row.new_state
    assert scene.journal == set(words(row.journal)) - {"409"}
    assert (scene.code == 409) == (row.journal == "409")
    assert scene.alerts == set(words(row.alerts))
    assert scene.messages == set(words(row.messages))
    assert (decide.next_step_at(scene.facts) <= scene.facts.at) == (row.next == "now")


@pytest.mark.parametrize("answer", AlertStatus)
def test_nothing_can_be_answered_about_a_closed_event(answer: AlertStatus) -> None:
    facts = scene_of("RESOLVED").facts
    assert decide.refuse(facts, facts.helper(CALLED), answer, is_elsewhere=False) is not None


def test_a_closed_event_asks_for_no_dispatcher() -> None:
    assert decide.alarm_at(scene_of("RESOLVED").facts) is None


@pytest.mark.parametrize("halt", Halt)
def test_halted_nobody_is_called_but_dispatchers_are_reminded(halt: Halt) -> None:
    scene = scene_of("NEW")
    scene.know(halted=halt, acknowledged_at=ago(200), dispatchers_alarmed_at=ago(200), contacts_alarmed_at=AT)
    near(scene)
    assert scene.journal == {"DISPATCHERS_ALARMED"}
    assert decide.next_step_at(scene.facts) == AT + 2 * MINUTE


def test_a_search_for_the_place_goes_on_without_another_alarm() -> None:
    scene = scene_of("NEW")
    scene.know(has_place=False, dispatchers_alarmed_at=ago(15), contacts_alarmed_at=ago(15))
    scene.wave()
    assert (scene.journal, scene.facts.wave_at) == (set(), AT + timedelta(seconds=15))


def test_silent_or_a_drill_tells_no_contacts() -> None:
    scene = scene_of("NEW")
    scene.know(tells_contacts=False, has_place=False)
    scene.wave()
    assert "CONTACTS_ALARMED" not in scene.journal
    assert decide.contacts_at(scene.facts) is None


def test_no_console_is_told_of_before_the_alarm_for_no_acknowledgement() -> None:
    facts = replace(scene_of("NEW").facts, is_console_connected=False, began_at=ago(61), contacts_alarmed_at=AT)
    assert decide.after_search(decide.step(facts), has_called=False, has_rung=False).alarms == (AlarmReason.NO_CONSOLE,)


def test_who_was_rung_a_moment_ago_is_not_rung_again() -> None:
    scene = scene_of("NEW")
    scene.know(waves_called=4, last_signal_at=AT)
    assert decide.step(scene.facts).repeat == ()
    scene.wave()
    assert "HELPERS_RUNG_AGAIN" not in scene.journal


def test_three_rings_are_the_most_unless_the_wearer_presses_again() -> None:
    scene = scene_of("NEW")
    often = tuple(replace(one, rings=3, rung_at=ago(90)) for one in scene.facts.helpers)
    scene.know(helpers=often, waves_called=4, wave_at=AT)
    assert decide.step(scene.facts).again == ()
    scene.know(last_signal_at=AT)
    assert decide.step(scene.facts).repeat == often


def test_after_the_last_wave_its_ring_is_searched_again() -> None:
    facts = replace(scene_of("NEW").facts, waves_called=7, wave_at=AT)
    step = decide.step(facts)
    assert step.search == decide.Search(wave=8, radius_m=10000, helpers=50)
    assert decide.after_search(step, has_called=False, has_rung=False).facts.wave_at == AT + 2 * MINUTE


@pytest.mark.parametrize("seconds", [119, 120])
def test_a_helper_on_the_way_counts_as_accepted_once_unseen_for_120_s(seconds: int) -> None:
    facts = replace(scene_of("NEW").facts, helpers=(called(FIRST, AlertStatus.EN_ROUTE, seen_at=ago(seconds)),))
    assert facts.cover.counted == ("EN_ROUTE" if seconds < 120 else "ACCEPTED",)


def test_who_was_sent_covers_for_a_minute() -> None:
    sent = called(FIRST, AlertStatus.ASSIGNED, rung_at=ago(59))
    facts = replace(scene_of("NEW").facts, helpers=(sent,), plan=replace(PLAN, enough_helpers=1))
    assert facts.cover == Cover(1, (AlertStatus.ASSIGNED,), lapses_at=AT + timedelta(seconds=1))
    assert (facts.cover.pauses_calls, facts.cover.has_enough) == (True, False)
    assert facts.status == EventStatus.NEW
    later = replace(facts, at=AT + timedelta(seconds=1))
    assert later.cover == Cover(1)


def test_who_stands_still_unseen_is_neither_asked_nor_released() -> None:
    scene = scene_of("IN_PROGRESS")
    scene.know_of(FIRST, progress_at=ago(900), progress_m=160, seen_at=ago(121))
    step = decide.step(scene.facts)
    assert (step.ask, step.release, step.nearer) == ((), (), ())


def test_who_came_nearer_is_asked_no_more() -> None:
    scene = scene_of("IN_PROGRESS")
    scene.know_of(FIRST, progress_at=ago(200), progress_m=900, asked_at=ago(10), seen_at=ago(1), distance_m=850)
    (nearer,) = decide.step(scene.facts).nearer
    assert (nearer.progress_m, nearer.progress_at, nearer.asked_at) == (850, ago(1), None)


def test_decisions_ask_nothing_but_the_standard_library_and_kinds() -> None:
    for module in (decide, facts):
        lines = Path(str(module.__file__)).read_text(encoding="utf-8").splitlines()
        imported = {line.split()[1] for line in lines if line.startswith(("import ", "from "))}
        known = {"collections.abc", "dataclasses", "datetime", "functools", "typing"}
        assert imported - known <= {"apps.notifications.kinds", "..kinds", "..queries.facts"}
