"""What is told of the city's life: in plain lines, or only the last trouble where the screen moves."""

from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from .emergency import Emergency
from .people.city import nearest_place


def is_lively(console: Console) -> bool:
    """Whether what is shown may move; else there are plain lines."""
    return console.is_terminal and not console.is_dumb_terminal


class Chronicle:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._silent = is_lively(console)
        self.last_trouble = ""

    def note(self, emergency: Emergency, text: str) -> None:
        self.say(f"#{emergency.number:<3} {nearest_place(emergency.place):<28} {text}")

    def trouble(self, why: Exception) -> None:
        self.last_trouble = str(why) or type(why).__name__
        self.say(self.last_trouble, "red")

    def say(self, text: str, style: str = "") -> None:
        if not self._silent:
            self._console.print(Text.assemble(f"{datetime.now(UTC):%H:%M:%S}  ", (text, style)))
