"""The city as it moves on a terminal: the latest events, and figures about everybody."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from .emergency import STATES, Emergency
from .people.city import nearest_place
from .people.life import Life
from .people.walking import RUN_M_S
from .rescue import Rescue
from .stage import Stage
from .tally import Tally

SHOWN, BESIDES = 14, 9
"""Rows of the table at most, and lines of the screen that are not rows."""
REFRESH_S = 0.5
FIGURES = ("sev", "answered", "first ring", "rang", "declined")
ACTIVITIES = ("resting", "walking", "riding", "hurrying", "charging", "dark")


class View:
    """`left_s` tells how many seconds are left, None: until Ctrl-C."""

    def __init__(
        self,
        stage: Stage,
        rescue: Rescue,
        tally: Tally,
        lives: Sequence[Life],
        left_s: Callable[[], float | None],
    ) -> None:
        self._stage = stage
        self._rescue = rescue
        self._tally = tally
        self._lives = lives
        self._left_s = left_s

    async def show(self, console: Console) -> None:
        """Until cancelled."""
        with Live(console=console, auto_refresh=False) as live:
            while True:
                rows = max(1, min(SHOWN, console.height - BESIDES))
                live.update(Group(self._table(rows), self._footer()), refresh=True)
                await asyncio.sleep(REFRESH_S)

    def _table(self, rows: int) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        for title in ("", "place", "what", "sev", "answered", "first ring", "rang", "declined", "state", "who comes"):
            table.add_column(title, justify="right" if title in FIGURES else "left", no_wrap=True)
        for emergency in list(self._rescue.emergencies.values())[-rows:]:
            table.add_row(*self._row(emergency))
        return table

    def _row(self, emergency: Emergency) -> list[str | Text]:
        pushes = self._stage.pushes_of(emergency.uid)
        return [
            f"#{emergency.number}",
            nearest_place(emergency.place),
            emergency.fall.kind,
            str(emergency.fall.severity),
            f"{emergency.answered_ms:.0f} ms",
            f"{(pushes[0].at - emergency.sent_at) * 1000:,.0f} ms" if pushes else "",
            str(len({push.token for push in pushes})),
            str(emergency.declined),
            Text(emergency.state, STATES[emergency.state]),
            ", ".join(helper.full_name for helper in emergency.coming[:2]),
        ]

    def _footer(self) -> Text:
        screen = ("screen open", "green") if self._stage.screen_open.is_set() else ("screen closed", "red")
        counts = (
            f"{len(self._rescue.open)} open · {len(self._rescue.emergencies)} so far"
            f" · {self._stage.messages_shown} told to the dispatcher · {self._tally.fixes:,} fixes · "
        )
        return Text.assemble(
            "\n", (counts, "dim"), screen, (f" · {self._ending()}", "dim"),
            "\n", (self._activities(), "dim"),
            "\n", (self._rescue.chronicle.last_trouble, "red"),
        )  # fmt: skip

    def _ending(self) -> str:
        left_s = self._left_s()
        return "Ctrl-C ends it" if left_s is None else f"{left_s // 60:.0f}:{left_s % 60:02.0f} left"

    def _activities(self) -> str:
        counts = Counter(activity(life) for life in self._lives)
        return " · ".join(f"{counts[name]:,} {name}" for name in ACTIVITIES)


def activity(life: Life) -> str:
    """One of ACTIVITIES."""
    if life.battery.is_empty:
        return "dark"
    if life.walk.is_hurrying:
        return "hurrying"
    if life.walk.speed > 0:
        return "riding" if life.walk.speed > max(RUN_M_S) else "walking"
    return "charging" if life.battery.is_charging else "resting"
