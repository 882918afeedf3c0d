"""Who sits at the admin, and what there is to see."""

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.devices.rules.registry import Fix, record_fix, register_device
from apps.devices.rules.tokens import issue_token
from apps.notifications.models import Notification, State
from apps.notifications.rules.queueing import change
from apps.sos.kinds import AlertStatus
from apps.sos.models import SosEvent
from apps.sos.rules.answers import answer_alert
from apps.sos.rules.due_step import take_due_step
from apps.users.models import User
from tests.conftest import HERE


def at_the_admin(user: User) -> Client:
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def desk(dispatcher: User) -> Client:
    """The admin, with a dispatcher signed in who is no superuser."""
    return at_the_admin(dispatcher)


@pytest.fixture
def story(wearer: User, helper: Any, press: Any) -> tuple[SosEvent, list[User]]:
    """A fall to which four were called: one comes, one does not, two have not said; with a second signal."""
    wearer.full_name = "Nodira <b>Karimova</b>"
    wearer.save()
    device, _ = register_device(wearer, "watch_unique_serial_001", model="T-Watch 5")
    issue_token(device)
    record_fix(device, Fix(HERE[0] - 0.001, HERE[1]))
    record_fix(device, Fix(*HERE))
    people = [helper(100 * n) for n in range(1, 5)]
    press(wearer)
    press(wearer, timestamp="2025-10-28T12:00:05Z", severity=9)
    event = SosEvent.objects.get()
    take_due_step(event.pk)
    answer_alert(event, people[0], AlertStatus.ACCEPTED)
    answer_alert(event, people[1], AlertStatus.DECLINED)
    change(list(Notification.objects.filter(user=people[0])), State.SENT)
    change(list(Notification.objects.filter(user=people[1])), State.FAILED, "404 UNREGISTERED")
    event.refresh_from_db()
    return event, people


class Links(HTMLParser):
    """Every address that a page names."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {"href", "src", "action", "xlink:href", "srcset", "data", "poster"}
        self.found += [value for name, value in attrs if name in named and value]


@pytest.fixture
def queries() -> Callable[[Client, str], int]:
    """How many queries a page costs."""

    def count(client: Client, url: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url).status_code == 200
        return len(captured)

    return count
