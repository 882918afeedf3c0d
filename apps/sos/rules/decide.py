"""What is decided about an event, apart from how it is done: facts in, decisions out.

Nothing here asks a database or a clock, so that the tables of docs/dispatch.md can be played in memory.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from apps.notifications.kinds import AlarmReason

from ..kinds import COMING, NEXT_ANSWERS, AlertStatus, Halt
from ..queries.facts import SEEN_LATELY, Facts, Helper

ACKNOWLEDGED_FOR = timedelta(seconds=180)
CHECK_EVERY = timedelta(seconds=60)  # between two looks at those who are coming
SEEK_PLACE_EVERY = timedelta(seconds=15)  # between two looks for the place of an event that has none
RING_AGAIN_AFTER = timedelta(seconds=60)
RINGS_MOST = 3
MOVED_M = 500
NEARER_M = 50
THERE_M = 100
SEES_IT_M = 500

CONTACTS: Final = "CONTACTS"
"""Among alarms: the one to the wearer's emergency contacts. All others are the reasons why dispatchers are alarmed."""


# timers


def alarm_at(facts: Facts) -> datetime | None:
    """Since when, or from when on, an event asks for a dispatcher; None while one looks after it and enough are coming.

    Consoles sound from then until somebody acknowledges. An alarm that was raised after the last acknowledgement, such
    as for a place found unsafe, asks for another one.
    """
    if not facts.is_open or facts.is_test:
        return None
    if facts.acknowledged_at is None:
        return facts.began_at
    if facts.cover.is_certain and not facts.halted:
        return None
    lapses_at = facts.acknowledged_at + ACKNOWLEDGED_FOR
    raised_at = facts.dispatchers_alarmed_at
    return min(lapses_at, raised_at) if raised_at and raised_at > facts.acknowledged_at else lapses_at


def next_alarm_at(facts: Facts) -> datetime | None:
    """When dispatchers are to be alarmed next by push and text message, a while after the consoles have begun."""
    asks_at = alarm_at(facts)
    if asks_at is None:
        return None
    due = asks_at if facts.acknowledged_at else asks_at + timedelta(seconds=facts.plan.escalate_after_s)
    if facts.dispatchers_alarmed_at is None:
        return due
    return max(due, facts.dispatchers_alarmed_at + timedelta(seconds=facts.plan.repeat_s))


def contacts_at(facts: Facts) -> datetime | None:
    """When the emergency contacts are to be alarmed; None when they have been, or must not be."""
    if not facts.tells_contacts or facts.contacts_alarmed_at:
        return None
    return facts.began_at + timedelta(seconds=facts.plan.contacts_after_s)


def wait_after(facts: Facts, has_rung: bool) -> timedelta:
    """From the wave just called to the next one: none when nobody was rung and there is another."""
    if facts.waves_called >= len(facts.plan.waves):
        return timedelta(seconds=facts.plan.repeat_s)
    return timedelta(seconds=facts.plan.waves[facts.waves_called - 1].wait_s if has_rung else 0)


def next_step_at(facts: Facts) -> datetime:
    """When an open event is looked at next: there always is such a time."""
    cover = facts.cover
    calls = not facts.halted and not cover.pauses_calls
    times = [
        facts.at + timedelta(seconds=facts.plan.repeat_s),
        facts.wave_at if calls else None,
        facts.at if calls and facts.replacements_due and facts.has_place else None,
        facts.at + CHECK_EVERY if cover.is_anybody_coming else None,
        cover.lapses_at,
        next_alarm_at(facts),
        contacts_at(facts),
    ]
    return min(time for time in times if time)


# the step


@dataclass(frozen=True)
class Search:
    """Whom to look for: the next wave, or those in place of others (`replaces`) within the present radius."""

    wave: int
    radius_m: int
    helpers: int
    replaces: bool = False


@dataclass(frozen=True)
class Step:
    """What is to be done now, in this order; `facts`: as they are once that is done.

    moved_m: how far the wearer is from where those who come were told. nearer: who came nearer. ask: whether they still
    come. release: they came no nearer. repeat, again: to be rung again if they may still be called. alarms: to contacts
    and dispatchers.
    """

    facts: Facts
    moved_m: float = 0
    nearer: tuple[Helper, ...] = ()
    ask: tuple[Helper, ...] = ()
    release: tuple[Helper, ...] = ()
    repeat: tuple[Helper, ...] = ()
    again: tuple[Helper, ...] = ()
    search: Search | None = None
    seeks_place: bool = False
    alarms: tuple[str, ...] = ()

    @property
    def has_moved(self) -> bool:
        """Whether the wearer is more than 500 m from where those who come were told."""
        return self.moved_m > MOVED_M


def step(facts: Facts) -> Step:
    """What a due step does until the search, if there is one; `after_search` decides the rest."""
    return _call(_check(Step(replace(facts, moved_m=0), moved_m=facts.moved_m)))


def _check(so_far: Step) -> Step:
    """Asks and releases those who come no nearer; then others are called at once."""
    facts = so_far.facts
    checked = [(helper, _checked(helper, facts)) for helper in facts.helpers]
    moved = [(old, new) for old, new in checked if old is not new]
    ask = tuple(new for old, new in moved if new.asked_at and not old.asked_at)
    release = tuple(new for _, new in moved if new.status == AlertStatus.WITHDRAWN)
    nearer = tuple(new for _, new in moved if new not in ask and new not in release)
    wave_at = facts.at if ask or release else facts.wave_at
    facts = replace(facts, helpers=tuple(new for _, new in checked), wave_at=wave_at)
    return replace(so_far, facts=facts, nearer=nearer, ask=ask, release=release)


def _checked(helper: Helper, facts: Facts) -> Helper:
    """The helper as they are from now on; the same object when nothing has changed."""
    since, seen_at, far_m = helper.progress_at, helper.seen_at, helper.distance_m
    is_checked = helper.status in {AlertStatus.ACCEPTED, AlertStatus.EN_ROUTE}
    if not is_checked or since is None or seen_at is None or far_m is None or seen_at <= since:
        return helper  # nothing known since: that is no standing still
    if helper.progress_m is None or far_m <= max(THERE_M, helper.progress_m - NEARER_M):
        return replace(helper, progress_at=seen_at, progress_m=far_m, asked_at=None)
    stood_s = (facts.at - since).total_seconds() if facts.at - seen_at <= SEEN_LATELY else 0
    if helper.asked_at and stood_s >= facts.plan.movement_release_s:
        return replace(helper, status=AlertStatus.WITHDRAWN, asked_at=None)
    if helper.asked_at is None and stood_s >= facts.plan.movement_ask_s:
        return replace(helper, asked_at=facts.at)
    return helper


def _call(so_far: Step) -> Step:
    """Whom to ring and whom to look for, unless calling is halted or enough are coming."""
    facts = so_far.facts
    if facts.halted:
        return so_far
    if not facts.has_place:
        return _seek_place(so_far)
    if facts.cover.pauses_calls:
        return replace(so_far, facts=replace(facts, replacements_due=0))
    so_far = replace(so_far, repeat=_rung_before_the_last_press(facts))
    if facts.wave_at <= facts.at:
        so_far = replace(so_far, facts=replace(facts, replacements_due=0))
        return next_wave(so_far, unanswered=facts.waves_called >= len(facts.plan.waves))
    if facts.replacements_due:
        radius_m = facts.plan.present_wave(facts.waves_called).radius_m
        search = Search(facts.waves_called, radius_m, facts.replacements_due, replaces=True)
        return replace(so_far, facts=replace(facts, replacements_due=0), search=search)
    return so_far


def _seek_place(so_far: Step) -> Step:
    """Nobody can be sent to a place that nobody knows: dispatchers and contacts must find out."""
    facts = so_far.facts
    facts = replace(facts, wave_at=max(facts.wave_at, facts.at + SEEK_PLACE_EVERY))
    if facts.dispatchers_alarmed_at:
        return replace(so_far, facts=facts)
    return _alarmed(replace(so_far, facts=facts, seeks_place=True), AlarmReason.PLACE_UNKNOWN, CONTACTS)


def next_wave(so_far: Step, *, unanswered: bool) -> Step:
    """The plan's next wave; after the last its radius is searched again and again.

    With it everybody stood down is rung again and, if asked, those who have not answered.
    """
    facts, waves = so_far.facts, so_far.facts.plan.waves
    wave = waves[min(facts.waves_called, len(waves) - 1)]
    called = replace(facts, waves_called=facts.waves_called + 1)
    search = Search(called.waves_called, wave.radius_m, wave.helpers)
    return replace(so_far, facts=called, again=_to_ring_again(so_far, unanswered), search=search)


def _rung_before_the_last_press(facts: Facts) -> tuple[Helper, ...]:
    """Those who have not answered since the wearer pressed again; at most once a minute."""
    unanswered = (helper for helper in facts.helpers if helper.status == AlertStatus.NOTIFIED)
    return tuple(helper for helper in unanswered if helper.rung_at < facts.last_signal_at and _may_ring(helper, facts))


def _to_ring_again(so_far: Step, unanswered: bool) -> tuple[Helper, ...]:
    """Those stood down and, if asked, those who have not answered yet: three rings at most, once a minute.

    Never who declined.
    """
    facts = so_far.facts
    waiting = (
        helper
        for helper in facts.helpers
        if helper.status == AlertStatus.STOOD_DOWN
        or (unanswered and helper.status == AlertStatus.NOTIFIED and helper.rings < RINGS_MOST)
    )
    return tuple(helper for helper in waiting if helper not in so_far.repeat and _may_ring(helper, facts))


def _may_ring(helper: Helper, facts: Facts) -> bool:
    return facts.at - helper.rung_at >= RING_AGAIN_AFTER


def after_search(decided: Step, *, has_called: bool, has_rung: bool, short: int = 0) -> Step:
    """The same step with its alarms and timers.

    has_called: the search has called somebody. has_rung: somebody of `again` was rung. short: so many whom it could
    have called went to other events meanwhile; others are looked for at once.
    """
    decided = replace(decided, facts=replace(decided.facts, replacements_due=decided.facts.replacements_due + short))
    search = decided.search
    if search and not search.replaces:
        decided = _after_wave(decided, search, has_called, has_rung)
    facts = decided.facts
    due_at = next_alarm_at(facts)
    if facts.dispatchers_alarmed_at is None and facts.acknowledged_at is None and not facts.is_console_connected:
        decided = _alarmed(decided, AlarmReason.NO_CONSOLE)
    elif due_at and due_at <= facts.at:
        decided = _alarmed(decided, AlarmReason(facts.halted or AlarmReason.NOT_ACKNOWLEDGED))
    contacts_due = contacts_at(facts)
    return _alarmed(decided, CONTACTS) if contacts_due and contacts_due <= facts.at else decided


def _after_wave(decided: Step, search: Search, has_called: bool, has_rung: bool) -> Step:
    facts = decided.facts
    next_at = facts.at + wait_after(facts, has_called or has_rung)
    decided = replace(decided, facts=replace(facts, wave_at=next_at))
    if search.wave == 1 and not has_called:
        decided = _alarmed(decided, CONTACTS)
    if search.wave == len(facts.plan.waves) and not has_called and not facts.helpers:
        decided = _alarmed(decided, AlarmReason.NOBODY_NEAR)
    return decided


def _alarmed(decided: Step, *alarms: str) -> Step:
    """With these alarms raised as well; contacts are alarmed once."""
    facts = decided.facts
    for alarm in alarms:
        if alarm != CONTACTS:
            facts = replace(facts, dispatchers_alarmed_at=facts.at)
        elif contacts_at(facts):
            facts = replace(facts, contacts_alarmed_at=facts.at)
        else:
            continue
        decided = replace(decided, facts=facts, alarms=(*decided.alarms, alarm))
    return decided


# answers


@dataclass(frozen=True)
class Refusal:
    """Why an answer is not taken now."""

    why: str


@dataclass(frozen=True)
class Answered:
    """What an answer brings about; `facts` and `helper`: as they are then.

    wearer_told: that help is coming. others_warned: those who come, that the place is unsafe. stand_down: those in
    these states are needed no more.
    """

    facts: Facts
    helper: Helper
    wearer_told: bool = False
    others_warned: bool = False
    stand_down: tuple[AlertStatus, ...] = ()
    alarm: AlarmReason | None = None


_NO_MORE_CALLED = {
    Halt.UNSAFE: "The place was found unsafe; a dispatcher decides.",
    Halt.ALL_DONE: "Help has been given.",
    Halt.WEARER_FINE: "The wearer says that they are fine.",
}
ELSEWHERE = Refusal("The helper is on the way to another event.")


def refuse(facts: Facts, helper: Helper, answer: AlertStatus, *, is_elsewhere: bool) -> Refusal | None:
    """Why the helper cannot answer that now; None: they can. is_elsewhere: they are coming to another open event."""
    if not facts.is_open:
        return Refusal("The event is closed.")
    if answer == helper.status:
        return None
    if answer not in NEXT_ANSWERS[helper.status]:
        return Refusal(f"{helper.status} cannot become {answer}.")
    return _refuse_to_come(facts, helper, is_elsewhere) if answer == AlertStatus.ACCEPTED else None


def _refuse_to_come(facts: Facts, helper: Helper, is_elsewhere: bool) -> Refusal | None:
    """Whom a dispatcher has sent may come although others are enough, and whatever had halted the calling."""
    if is_elsewhere:
        return ELSEWHERE
    if helper.status == AlertStatus.ASSIGNED:
        return None
    if facts.halted:
        return Refusal(_NO_MORE_CALLED[Halt(facts.halted)])
    return Refusal("Enough helpers are on their way.") if facts.cover.has_enough else None


def answer(facts: Facts, helper: Helper, answer: AlertStatus) -> Answered:
    """What an answer that fits brings about."""
    helper = replace(helper, status=answer, asked_at=None)
    if answer in COMING:
        helper = replace(helper, progress_at=facts.at, progress_m=helper.distance_m)
    facts = facts.with_helper(helper)
    match answer:
        case AlertStatus.ACCEPTED | AlertStatus.EN_ROUTE | AlertStatus.ON_SCENE:
            unneeded = (AlertStatus.NOTIFIED,) if facts.cover.is_certain else ()
            return Answered(facts, helper, wearer_told=answer == AlertStatus.ACCEPTED, stand_down=unneeded)
        case AlertStatus.DECLINED:
            facts = replace(facts, replacements_due=facts.replacements_due + 1)
        case AlertStatus.WITHDRAWN:
            facts = replace(facts, wave_at=facts.at)  # others are called at once
        case AlertStatus.DONE if not facts.cover.is_anybody_coming:
            return _halted(Answered(facts, helper), Halt.ALL_DONE)
        case AlertStatus.UNSAFE:
            return _unsafe(Answered(facts, helper))
    return Answered(facts, helper)


def _unsafe(answered: Answered) -> Answered:
    """Whoever was seen there is believed at once; from afar it is for dispatchers to judge, and others are called."""
    facts, helper = answered.facts, answered.helper
    is_near = helper.distance_m is not None and helper.distance_m <= SEES_IT_M
    if is_near and helper.seen_at and facts.at - helper.seen_at <= SEEN_LATELY:
        return replace(_halted(answered, Halt.UNSAFE), others_warned=True)
    facts = replace(facts, wave_at=facts.at, dispatchers_alarmed_at=facts.at)
    return replace(answered, facts=facts, alarm=AlarmReason.REPORTED_UNSAFE)


def _halted(answered: Answered, why: Halt) -> Answered:
    facts = replace(answered.facts, halted=why, dispatchers_alarmed_at=answered.facts.at)
    unneeded = (AlertStatus.NOTIFIED, AlertStatus.ASSIGNED)
    return replace(answered, facts=facts, stand_down=unneeded, alarm=AlarmReason(why))
