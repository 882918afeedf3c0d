"""An open event with people around it, for the tests of what happens next."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.notifications.models import Notification, State
from apps.sos.models import ConsolePresence, HelperAlert, JournalEntry, SosEvent
from apps.sos.rules.due_step import take_due_step
from apps.users.models import User


class Course:
    """One event, as its people live through it."""

    def __init__(self, wearer: User, dispatcher: User, helper: Callable[..., User], press: Any, client_of: Any) -> None:
        self.wearer, self.dispatcher, self.helper = wearer, dispatcher, helper
        self._press, self.client_of = press, client_of

    def press(self, **changes: Any) -> SosEvent:
        answer = self._press(self.wearer, **{"device_uid": ..., "severity": 3} | changes)
        assert answer.status_code in {200, 201}, answer.content
        event: SosEvent = SosEvent.objects.get(uid=answer.json()["event_uid"])
        return event

    def post(self, user: User, what: str, **body: Any) -> Any:
        return self.client_of(user).post(f"/api/v1/sos/{self.event.uid}/{what}/", body, format="json")

    def answer(self, helper: User, status: str, **where: Any) -> Any:
        return self.post(helper, "respond", status=status, **where)

    def desk(self, what: str, **body: Any) -> Any:
        return self.post(self.dispatcher, what, **body)

    @property
    def event(self) -> SosEvent:
        newest: SosEvent = SosEvent.objects.latest("pk")
        return newest

    def step(self, event: SosEvent | None = None, *, wave: bool = False) -> None:
        due = {"next_step_at": timezone.now()} | ({"wave_at": timezone.now()} if wave else {})
        SosEvent.objects.filter(pk=(event or self.event).pk).update(**due)
        take_due_step((event or self.event).pk)

    def wave(self) -> None:
        self.step(wave=True)

    def console(self, seconds_ago: float = -3600) -> None:
        """A dispatcher's screen was seen so long ago; by default it stays."""
        seen_at = timezone.now() - timedelta(seconds=seconds_ago)
        ConsolePresence.objects.update_or_create(user=self.dispatcher, defaults={"seen_at": seen_at})

    def kinds(self) -> list[str]:
        entries = JournalEntry.objects.filter(event=self.event).exclude(kind="NOTIFICATION")
        return list(entries.order_by("position").values_list("kind", flat=True))

    def told(self, user: User) -> list[str]:
        """The kinds of messages queued to somebody, those sent away again left out."""
        mine = Notification.objects.filter(user=user, contact_id=None).exclude(state=State.DROPPED)
        return list(mine.order_by("pk").values_list("kind", flat=True))

    def status(self, helper: User) -> str:
        return HelperAlert.objects.get(event=self.event, helper=helper).status

    def called(self) -> set[int]:
        return set(HelperAlert.objects.filter(event=self.event).values_list("helper_id", flat=True))


@pytest.fixture
def course(wearer: User, dispatcher: User, helper: Any, press: Any, client_of: Any) -> Course:
    return Course(wearer, dispatcher, helper, press, client_of)
