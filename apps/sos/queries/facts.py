"""What is known about an event when something is decided about it: plain values, made without a database."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from ..kinds import COMING, AlertStatus, EventStatus, Halt

ASSIGNED_COVERS = timedelta(seconds=60)
SEEN_LATELY = timedelta(seconds=120)


@dataclass(frozen=True)
class Wave:
    """At most `helpers` people within `radius_m` metres; `wait_s` seconds later comes the next wave."""

    radius_m: int
    helpers: int
    wait_s: int


@dataclass(frozen=True)
class Plan:
    """The policy frozen into an event, as far as decisions need it: people, and seconds."""

    waves: tuple[Wave, ...]
    enough_helpers: int
    repeat_s: int
    contacts_after_s: int
    escalate_after_s: int
    movement_ask_s: int
    movement_release_s: int

    @classmethod
    def of(cls, plan: Mapping[str, Any]) -> "Plan":
        """From what the event's row holds."""
        waves = tuple(Wave(**wave) for wave in plan["waves"])
        return cls(waves, *(plan[name] for name in cls.__annotations__ if name != "waves"))

    def present_wave(self, waves_called: int) -> Wave:
        """The last wave called, within whose radius one looks now; before the first wave, that one."""
        return self.waves[min(max(waves_called, 1), len(self.waves)) - 1]


@dataclass(frozen=True)
class Helper:
    """Somebody called to the event, by their account's id.

    seen_at, distance_m: when they last told their position, and how far it is from the event; None: unknown.
    progress_at, progress_m: when they last came nearer (else accepted), and how far they were then.
    """

    id: int
    status: AlertStatus
    rung_at: datetime
    rings: int = 1
    asked_at: datetime | None = None
    progress_at: datetime | None = None
    progress_m: float | None = None
    seen_at: datetime | None = None
    distance_m: float | None = None

    @property
    def is_coming(self) -> bool:
        """Has accepted, is on the way, or is there."""
        return self.status in COMING


@dataclass(frozen=True)
class Cover:
    """How far an event is provided with helpers.

    counted: the states that those who come count as. A helper who has been asked whether they still come counts as
    nothing; one on the way without a position younger than 120 s as ACCEPTED; one whom a dispatcher has sent and who
    has not confirmed it as ASSIGNED, for 60 s. lapses_at: when the first of those 60 s are over.
    """

    enough: int
    counted: tuple[AlertStatus, ...] = ()
    is_anybody_coming: bool = False
    lapses_at: datetime | None = None

    @property
    def has_enough(self) -> bool:
        """No more may accept."""
        return len(self._confirmed) >= self.enough

    @property
    def is_certain(self) -> bool:
        """Nobody else is needed, by the word of those who come: enough have accepted, or one is on the way."""
        return self.has_enough or any(status != AlertStatus.ACCEPTED for status in self._confirmed)

    @property
    def pauses_calls(self) -> bool:
        """Nobody else is called now: it is certain, or would be if those who were sent confirmed it."""
        return self.is_certain or len(self.counted) >= self.enough

    @property
    def _confirmed(self) -> list[AlertStatus]:
        return [status for status in self.counted if status != AlertStatus.ASSIGNED]


def cover_of(enough: int, helpers: Iterable[Helper], at: datetime) -> Cover:
    """The cover that these helpers give at that moment; `enough`: how many the plan calls enough."""
    helpers = list(helpers)
    counted = [(helper, status) for helper in helpers if (status := _counts_as(helper, at))]
    sent = [helper.rung_at for helper, status in counted if status == AlertStatus.ASSIGNED]
    return Cover(
        enough=enough,
        counted=tuple(status for _, status in counted),
        is_anybody_coming=any(helper.is_coming for helper in helpers),
        lapses_at=min(sent) + ASSIGNED_COVERS if sent else None,
    )


def _counts_as(helper: Helper, at: datetime) -> AlertStatus | None:
    if helper.asked_at:
        return None
    if helper.status == AlertStatus.ASSIGNED:
        return helper.status if at - helper.rung_at < ASSIGNED_COVERS else None
    if helper.status == AlertStatus.EN_ROUTE and (helper.seen_at is None or at - helper.seen_at >= SEEN_LATELY):
        return AlertStatus.ACCEPTED
    return helper.status if helper.is_coming else None


@dataclass(frozen=True)
class Facts:
    """An event and those called to it, as of `at`.

    began_at: when its helpers were to be called; every wait of the plan counts from here. moved_m: how far the wearer
    is from where those who come were told, in metres. helpers: in the order in which they were called.
    """

    at: datetime
    plan: Plan
    began_at: datetime
    last_signal_at: datetime
    wave_at: datetime
    waves_called: int = 0
    replacements_due: int = 0
    is_open: bool = True
    is_test: bool = False
    tells_contacts: bool = True
    has_place: bool = True
    moved_m: float = 0
    halted: str = ""
    acknowledged_at: datetime | None = None
    contacts_alarmed_at: datetime | None = None
    dispatchers_alarmed_at: datetime | None = None
    is_console_connected: bool = True
    helpers: tuple[Helper, ...] = ()

    @cached_property
    def cover(self) -> Cover:
        """The cover that those called give now."""
        return cover_of(self.plan.enough_helpers, self.helpers, self.at)

    @property
    def status(self) -> EventStatus:
        """Of an open event: whether somebody comes, or has helped."""
        is_met = self.halted == Halt.ALL_DONE or self.cover.is_anybody_coming
        return EventStatus.IN_PROGRESS if is_met else EventStatus.NEW

    def helper(self, user_id: int) -> Helper:
        """The one with that id, who must have been called."""
        return next(helper for helper in self.helpers if helper.id == user_id)

    def with_helper(self, changed: Helper) -> "Facts":
        """The same with one helper changed."""
        return replace(self, helpers=tuple(changed if helper.id == changed.id else helper for helper in self.helpers))
