"""docs/architecture.md tells the truth about the way of one SOS: each function exists and is passed in that order."""

import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from apps.notifications import tasks as notification_tasks
from apps.notifications.transports.base import loop
from apps.sos import tasks as sos_tasks
from apps.sos.models import SosEvent
from apps.users.models import User

ROOT = Path(__file__).parents[2]
STEP = re.compile(r"^\d+\. `([\w/]+\.py)`: `([\w.]+)`", re.MULTILINE)
WAY = STEP.findall((ROOT / "docs/architecture.md").read_text())


@pytest.fixture
def passed() -> Iterator[list[tuple[str, str]]]:
    """The functions of the way, in the order in which each was first called, in whatever thread."""
    wanted, seen = set(WAY), []

    def look(frame: FrameType, what: str, _: Any) -> None:
        code = frame.f_code
        here = (code.co_filename.removeprefix(f"{ROOT}/"), code.co_qualname)
        if what == "call" and here in wanted and here not in seen:
            seen.append(here)

    threading.setprofile(look)
    sys.setprofile(look)
    yield seen
    sys.setprofile(None)
    threading.setprofile(None)


@pytest.mark.django_db(transaction=True)
def test_one_sos_goes_the_way_that_is_described(
    passed: list[tuple[str, str]], helper: Any, wearer: User, press: Any, fcm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_loop", None)  # a thread of its own, begun under our eyes
    helper(100)
    passed.clear()  # that the helper's phone was registered
    assert press(wearer).status_code == 201
    sos_tasks.notify_nearby_helpers(SosEvent.objects.get().pk)
    notification_tasks.deliver("FCM")
    assert len(fcm.messages()) == 1
    assert len(WAY) > 8
    assert passed == WAY
