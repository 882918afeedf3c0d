"""What came of it all: counted while the city lives, checked when it closes."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from rich.console import Group, JustifyMethod
from rich.table import Table
from rich.text import Text

from .emergency import OVER, Emergency
from .stage import Stage

RUNG_AGAIN_S = 50.0
"""Within this time a second alert for the same event is a mistake; after a minute the service may remind."""
JUSTIFIED: tuple[JustifyMethod, ...] = ("left", "left", "right", "left")
ANSWERS = ("came", "declined", "too late", "silent")


@dataclass
class Tally:
    signals: int = 0
    answered: int = 0
    unheard: int = 0
    """Falls of people whose watch was empty."""
    repeats: int = 0
    repeats_merged: int = 0
    fixes: int = 0
    fixes_lost: int = 0
    answers: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ANSWERS, 0))


class Check(NamedTuple):
    what: str
    reached: int
    wanted: int
    note: str = ""

    @property
    def passed(self) -> bool:
        return self.reached == self.wanted


def checks(tally: Tally, stage: Stage, emergencies: Sequence[Emergency]) -> list[Check]:
    """What must be so: nothing the service accepted may have been lost or doubled."""
    uids = [emergency.uid for emergency in emergencies]
    rung = sum(bool(stage.pushes_of(uid)) for uid in uids)
    nobody_free = sum(emergency.nobody_free for emergency in emergencies)
    note = f"{nobody_free} found nobody free" if nobody_free else ""
    return [
        Check("signals answered", tally.answered, tally.signals),
        Check("repeats taken as the same event", tally.repeats_merged, tally.repeats),
        Check("events on the dispatcher's screen", sum(bool(stage.first_message_of(uid)) for uid in uids), len(uids)),
        Check("messages the screen got twice", stage.messages_repeated, 0),
        Check("events for which phones rang", rung + nobody_free, len(uids), note),
        Check("receipts taken", len(stage.owed & stage.receipts.keys()), len(stage.owed)),
        Check("phones called twice at once", sum(called_twice(stage, uid) for uid in uids), 0),
    ]


def called_twice(stage: Stage, event_uid: str) -> int:
    """Phones with two alerts for one event; the same alert delivered twice shows once."""
    first: dict[str, dict[str, float]] = defaultdict(dict)
    for push in stage.pushes_of(event_uid):
        if push.data.get("kind") == "SOS_ALERT":
            first[push.token].setdefault(push.data["notification_id"], push.at)
    return sum(_too_close(sorted(alerts.values())) for alerts in first.values())


def _too_close(times: list[float]) -> bool:
    return any(later - earlier < RUNG_AGAIN_S for earlier, later in pairwise(times))


def closing(tally: Tally, stage: Stage, emergencies: Sequence[Emergency]) -> Group:
    results = _results(checks(tally, stage, emergencies))
    return Group(results, "", _times(stage, emergencies), "", _counts(tally, emergencies))


def _results(results: Iterable[Check]) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), pad_edge=False, show_header=False)
    for justify in JUSTIFIED:
        table.add_column(justify=justify)
    for check in results:
        mark = Text("✓", "green") if check.passed else Text("✗", "red")
        figure = f"{check.reached:,} of {check.wanted:,}" if check.wanted else f"{check.reached:,}"
        table.add_row(mark, check.what, figure, Text(check.note, "dim"))
    return table


def _times(stage: Stage, emergencies: Sequence[Emergency]) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("ms since the signal")
    for title in ("median", "95 %", "longest"):
        table.add_column(title, justify="right")
    for what, times in _measured(stage, emergencies).items():
        if times:
            figures = (quantile(times, 0.5), quantile(times, 0.95), times[-1])
            table.add_row(what, *(f"{figure:,.0f}" for figure in figures))
    return table


def _measured(stage: Stage, emergencies: Sequence[Emergency]) -> dict[str, list[float]]:
    """Milliseconds, sorted."""
    messages = [(emergency.sent_at, stage.first_message_of(emergency.uid)) for emergency in emergencies]
    calls = [(emergency.sent_at, stage.pushes_of(emergency.uid)) for emergency in emergencies]
    shown_ms = [(message.at - sent_at) * 1000 for sent_at, message in messages if message]
    rung_ms = [(pushes[0].at - sent_at) * 1000 for sent_at, pushes in calls if pushes]
    return {
        "the watch hears 201": sorted(emergency.answered_ms for emergency in emergencies),
        "the dispatcher's screen shows it": sorted(shown_ms),
        "the first phone rings": sorted(rung_ms),
    }


def quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _counts(tally: Tally, emergencies: Sequence[Emergency]) -> Text:
    ends = dict.fromkeys(OVER, 0) | Counter(emergency.state for emergency in emergencies)
    lines = (
        f"{len(emergencies):,} events: {_listed(ends)}",
        f"helpers asked: {_listed(tally.answers)}",
        f"{tally.fixes:,} fixes sent, {tally.fixes_lost:,} lost; {tally.unheard:,} falls with an empty watch",
    )
    return Text("\n".join(lines), "dim")


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in counts.items())
