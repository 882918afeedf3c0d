"""Tells what is going on, on stderr: stdout belongs to the commands' answers."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
ASCII_SPINNER = "|/-\\"
REPEAT_S = 4.0  # between two lines where a line cannot be rewritten


class Failure(Exception):
    """Ends the command: its text is printed without a traceback, exit status 1."""


def say(text: str, end: str = "\n") -> None:
    """Writes to stderr; a terminal that has gone away must not keep us from cleaning up."""
    with contextlib.suppress(OSError, ValueError):
        encoding = sys.stderr.encoding or "ascii"
        sys.stderr.write(text.encode(encoding, "replace").decode(encoding) + end)
        sys.stderr.flush()


@contextlib.contextmanager
def step(text: str) -> Iterator[None]:
    """Names what the block does, shows the elapsed seconds meanwhile and the total at its end."""
    started, over = time.monotonic(), threading.Event()
    show = _spin if sys.stderr.isatty() else _repeat
    thread = threading.Thread(target=show, args=(text, started, over), daemon=True)
    thread.start()
    outcome = "failed"
    try:
        yield
        outcome = "done"
    finally:
        over.set()
        thread.join()
        _conclude(text, outcome, time.monotonic() - started)


def _spin(text: str, started: float, over: threading.Event) -> None:
    unicode = (sys.stderr.encoding or "").lower().startswith("utf")
    frames = SPINNER if unicode else ASCII_SPINNER
    while not over.wait(0.1):
        elapsed = time.monotonic() - started
        say(f"\r{frames[int(elapsed * 10) % len(frames)]} {text} … {elapsed:.0f} s", end="")


def _repeat(text: str, started: float, over: threading.Event) -> None:
    say(f"• {text}")
    while not over.wait(REPEAT_S):
        say(f"  … {text}: {time.monotonic() - started:.0f} s")


def _conclude(text: str, outcome: str, elapsed: float) -> None:
    if sys.stderr.isatty():
        say(f"\r\033[K{'✓' if outcome == 'done' else '✗'} {text} ({elapsed:.1f} s)")
    elif elapsed >= 2 or outcome == "failed":
        say(f"  {outcome}: {text} ({elapsed:.1f} s)")
