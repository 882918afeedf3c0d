"""The service watches itself: signs of life, incidents that alarm once, a heartbeat only while all is well."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.conf import settings as configured
from django.db import OperationalError, connections
from django.db.backends.utils import CursorWrapper
from django.db.models import F
from django.test import Client
from django.utils import timezone
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from apps.devices.models import Device
from apps.devices.rules.registry import register_device
from apps.monitoring.health import pulse
from apps.monitoring.health.heartbeat import send_heartbeat
from apps.monitoring.health.incidents import keep_watch, look
from apps.monitoring.models import Incident, Pulse
from apps.monitoring.tasks import beat, device_watch
from apps.notifications.models import Notification
from apps.sos import sweep
from apps.sos.models import ConsolePresence, SosEvent
from apps.users.models import User
from mdd_backend.celery import app
from simulator.standins.loopback import App, listen, running

pytestmark = pytest.mark.django_db
TIMES = ("since", "still_at", "alarmed_at", "over_at")


@pytest.fixture
def operator(person: Any) -> User:
    user: User = person(role="ADMIN", is_superuser=True)
    return user


def passes(seconds: float) -> None:
    by = timedelta(seconds=seconds)
    Incident.objects.update(**{name: F(name) - by for name in TIMES})
    Pulse.objects.update(seen_at=F("seen_at") - by, since=F("since") - by)


def goes_on(seconds: int) -> None:
    for _ in range(seconds // 5):
        passes(5)
        look()


def alarms(operator: User) -> list[str]:
    rows = Notification.objects.filter(user=operator, kind="OPERATORS_ALARM", channel="FCM").order_by("pk")
    return [row.data["reason"] for row in rows]


def late(seconds: float) -> None:
    SosEvent.objects.update(next_step_at=timezone.now() - timedelta(seconds=seconds))


@pytest.fixture
def event(press: Any, wearer: User, dispatcher: User) -> SosEvent:
    """Open, with a dispatcher at the console and its next step not due for long."""
    press(wearer)
    late(-3600)
    console(dispatcher)
    found: SosEvent = SosEvent.objects.get()
    return found


def console(dispatcher: User, seconds_ago: float = -3600) -> None:
    seen_at = timezone.now() - timedelta(seconds=seconds_ago)
    ConsolePresence.objects.update_or_create(user=dispatcher, defaults={"seen_at": seen_at})


class TestIncidents:
    def test_row_overdue_for_a_minute_alarms_operators_once(
        self, event: SosEvent, operator: User, dispatcher: User, caplog: Any, settings: Any
    ) -> None:
        settings.SMS_TRANSPORT = "console"
        late(6)
        look()
        goes_on(55)
        assert alarms(operator) == []
        goes_on(600)
        assert alarms(operator) == ["OVERDUE"]
        assert set(Notification.objects.filter(kind="OPERATORS_ALARM").values_list("user", "channel")) == {
            (operator.pk, "FCM"),
            (operator.pk, "SMS"),
        }
        errors = [record for record in caplog.records if record.levelname == "ERROR"]
        assert len(errors) == 1
        assert "operators are alarmed" in errors[0].getMessage()
        late(-3600)
        look()
        assert "incident is over" in caplog.text
        assert alarms(operator) == ["OVERDUE"]

    def test_row_overdue_for_a_moment_alarms_nobody(self, event: SosEvent, operator: User) -> None:
        for _ in range(10):
            late(6)
            goes_on(30)
            late(0)
            goes_on(30)
        assert alarms(operator) == []

    def test_late_message_counts_as_well(self, event: SosEvent, operator: User, wearer: User) -> None:
        when = timezone.now() - timedelta(seconds=20)
        Notification.objects.create(
            user=wearer, channel="FCM", kind="HELP_COMING", idempotency_key="k", created_at=when, due_at=when,
            expires_at=when + timedelta(hours=1),
        )  # fmt: skip
        look()
        goes_on(65)
        assert alarms(operator) == ["OVERDUE"]

    def test_event_without_a_dispatcher_alarms_once_an_incident(
        self, event: SosEvent, operator: User, dispatcher: User
    ) -> None:
        look()
        goes_on(60)
        assert alarms(operator) == []
        console(dispatcher, seconds_ago=46)
        look()
        goes_on(300)
        assert alarms(operator) == ["NO_DISPATCHER"]
        console(dispatcher)
        look()
        passes(300)
        console(dispatcher, seconds_ago=46)
        look()
        goes_on(300)
        assert alarms(operator) == ["NO_DISPATCHER"], "a console that comes and goes is one incident"
        console(dispatcher)
        look()
        passes(700)
        console(dispatcher, seconds_ago=46)
        look()
        goes_on(20)
        assert alarms(operator) == ["NO_DISPATCHER"] * 2

    def test_no_dispatcher_is_needed_without_an_event(self, operator: User) -> None:
        look()
        goes_on(60)
        assert alarms(operator) == []

    def test_reload_of_the_console_alarms_nobody(self, event: SosEvent, operator: User, dispatcher: User) -> None:
        ConsolePresence.objects.all().delete()
        look()
        passes(5)
        console(dispatcher)
        look()
        goes_on(30)
        assert alarms(operator) == []

    def test_incident_is_counted_anew_after_a_time_in_which_nobody_looked(
        self, event: SosEvent, operator: User
    ) -> None:
        late(6)
        look()
        passes(3600)
        look()
        assert alarms(operator) == []
        goes_on(65)
        assert alarms(operator) == ["OVERDUE"]

    def test_only_active_superusers_are_operators(self, event: SosEvent, person: Any, dispatcher: User) -> None:
        banned = person(role="ADMIN", is_superuser=True, status="BANNED")
        late(6)
        look()
        goes_on(65)
        assert (alarms(banned), alarms(dispatcher)) == ([], [])
        assert Incident.objects.get().alarmed_at is not None

    @pytest.mark.django_db(transaction=True)
    def test_two_sweeps_alarm_once(self, event: SosEvent, operator: User) -> None:
        late(6)
        look()
        for _ in range(11):
            passes(5)
            look()
        passes(5)

        def one() -> None:
            look()
            connections.close_all()

        threads = [threading.Thread(target=one) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert alarms(operator) == ["OVERDUE"]


class TestPulse:
    def test_sign_of_life_is_written_at_most_once_in_a_while(self) -> None:
        every = timedelta(seconds=5)
        assert [pulse.note("sweep", every) for _ in range(3)] == [True, False, False]
        passes(6)
        assert pulse.note("sweep", every) is True

    def test_break_begins_it_anew(self) -> None:
        pulse.note("x", timedelta())
        passes(170)
        pulse.note("x", timedelta())
        assert pulse.alive_since("x") < timezone.now() - timedelta(seconds=169)
        passes(190)
        pulse.note("x", timedelta())
        assert pulse.alive_since("x") > timezone.now() - timedelta(seconds=5)

    def test_beat_has_both_tasks(self) -> None:
        schedule = {row["task"]: row["schedule"] for row in configured.CELERY_BEAT_SCHEDULE.values()}
        assert schedule["monitoring.beat"] == timedelta(seconds=30)
        assert schedule["monitoring.device_watch"] == timedelta(seconds=60)
        app.loader.import_default_modules()
        assert {"monitoring.beat", "monitoring.device_watch"} <= app.tasks.keys()

    def test_first_watch_after_an_outage_leaves_devices_alone(self, wearer: User) -> None:
        register_device(wearer, "w-1")
        silent_for = timedelta(hours=5)
        Device.objects.update(is_online=True, last_seen_at=timezone.now() - silent_for)
        device_watch()
        assert Device.objects.get().is_online
        for _ in range(16):
            passes(60)
            device_watch()
        assert not Device.objects.get().is_online

    def test_outage_of_the_watch_itself_begins_the_time_anew(self, wearer: User) -> None:
        device_watch()
        register_device(wearer, "w-1")
        Device.objects.update(is_online=True, last_seen_at=timezone.now() - timedelta(hours=5))
        passes(4 * 3600)
        device_watch()
        assert Device.objects.get().is_online


class Listener:
    """Somebody outside who counts pings."""

    def __init__(self) -> None:
        self.pings, self.status = 0, 200
        self.app = App([Route("/ping/secret", self._ping)])

    async def _ping(self, _request: Request) -> JSONResponse:
        self.pings += 1
        return JSONResponse({}, self.status)


@contextmanager
def listening() -> Iterator[tuple[Listener, str]]:
    socket, listener = listen(), Listener()
    with running(listener.app, socket):
        yield listener, f"http://127.0.0.1:{socket.getsockname()[1]}/ping/secret"


@pytest.fixture
def outside(settings: Any) -> Iterator[Listener]:
    with listening() as (listener, url):
        settings.HEARTBEAT_URL = url
        yield listener


@pytest.fixture
def well(fcm: Any) -> None:
    """All is well."""
    beat()
    keep_watch()


class TestHeartbeat:
    def test_pings_once_a_minute(self, well: None, outside: Listener) -> None:
        for _ in range(5):
            send_heartbeat()
        assert outside.pings == 1
        passes(61)
        beat()
        keep_watch()
        send_heartbeat()
        assert outside.pings == 2

    def test_stops_when_beat_is_gone(self, well: None, outside: Listener) -> None:
        passes(121)
        keep_watch()
        send_heartbeat()
        assert outside.pings == 0

    def test_stops_while_rows_are_overdue(self, well: None, outside: Listener, event: SosEvent) -> None:
        late(10)
        send_heartbeat()
        assert outside.pings == 0

    def test_stops_without_redis(self, well: None, outside: Listener, settings: Any) -> None:
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        send_heartbeat()
        assert outside.pings == 0

    def test_is_off_without_an_address(self, well: None) -> None:
        send_heartbeat()
        assert not Pulse.objects.filter(pk=pulse.HEARTBEAT).exists()

    def test_refused_ping_breaks_nothing_and_its_address_is_not_logged(
        self, well: None, outside: Listener, caplog: Any
    ) -> None:
        outside.status = 500
        send_heartbeat()
        assert outside.pings == 1
        assert "heartbeat failed" in caplog.text
        assert "secret" not in caplog.text

    @pytest.mark.django_db(transaction=True)
    def test_one_of_two_sweeps_pings(self, well: None, outside: Listener) -> None:
        stop = threading.Event()
        sweeps = [threading.Thread(target=sweep.run, args=(stop,)) for _ in range(2)]
        for thread in sweeps:
            thread.start()
        noticed = threading.Event()
        while not outside.pings:
            noticed.wait(0.05)
        noticed.wait(1.5)
        stop.set()
        for thread in sweeps:
            thread.join()
        assert outside.pings == 1
        assert Pulse.objects.filter(pk=pulse.SWEEP).exists()


class TestStatus:
    @staticmethod
    def shown() -> dict[str, Any]:
        found: dict[str, Any] = Client().get("/health/status").json()
        return found

    def test_all_is_well(self, well: None) -> None:
        shown = self.shown()
        assert (shown["status"], shown["problems"]) == ("ok", [])
        assert list(shown) == [
            "status", "problems", "database", "redis", "fcm", "sms", "phone_proof", "overdue_events",
            "overdue_notifications", "oldest_overdue_s", "beat", "sweep", "provider_errors", "event_open",
            "dispatchers_connected",
        ]  # fmt: skip
        assert shown["beat"]["age_s"] < 5
        assert shown["sweep"]["seen_at"].endswith("Z")
        assert shown["oldest_overdue_s"] == {"events": 0.0, "notifications": 0.0}
        assert shown["provider_errors"] == {"FCM": 0, "SMS": 0}

    def test_who_has_never_been_seen_is_named(self, fcm: Any) -> None:
        assert self.shown()["problems"] == ["beat: has never been seen", "sweep: has never been seen"]

    def test_who_was_not_seen_for_long_is_named(self, well: None) -> None:
        passes(130)
        shown = self.shown()
        assert shown["status"] == "degraded"
        assert [problem.partition(" for ")[0] for problem in shown["problems"]] == ["beat: not seen", "sweep: not seen"]

    def test_oldest_overdue_row_is_told(self, well: None, event: SosEvent) -> None:
        late(30)
        shown = self.shown()
        assert 30 <= shown["oldest_overdue_s"]["events"] < 35
        assert shown["problems"][0].startswith("events: 1 overdue, the oldest for 3")

    def test_open_event_without_a_console_is_a_problem(self, well: None, event: SosEvent, dispatcher: User) -> None:
        assert (self.shown()["status"], self.shown()["dispatchers_connected"]) == ("ok", 1)
        console(dispatcher, seconds_ago=50)
        assert self.shown()["problems"] == ["dispatchers: an event is open and no console is connected"]

    def test_failed_tries_are_counted_unless_the_person_is_to_blame(self, well: None, wearer: User) -> None:
        when = timezone.now()
        for n, reason in enumerate(["500 INTERNAL"] * 11 + ["no push token"] * 5 + ["404 UNREGISTERED"]):
            row = Notification.objects.create(
                user=wearer, channel="FCM", kind="HELP_COMING", idempotency_key=f"k{n}", state="FAILED", reason=reason,
                created_at=when, due_at=when, expires_at=when,
            )  # fmt: skip
            row.changes.create(state="FAILED", reason=reason, at=when - timedelta(minutes=6 if n == 0 else 1))
        Notification.objects.create(
            user=wearer, channel="SMS", kind="HELP_COMING", idempotency_key="waits", attempts=1, reason="timeout",
            created_at=when, due_at=when + timedelta(minutes=1), expires_at=when + timedelta(minutes=5),
        )  # fmt: skip
        shown = self.shown()
        assert shown["provider_errors"] == {"FCM": 10, "SMS": 1}
        assert shown["problems"] == ["FCM: 10 failed tries in five minutes"]

    def test_missing_gateway_is_a_choice_and_a_broken_one_a_problem(self, well: None, settings: Any) -> None:
        assert self.shown()["status"] == "ok"
        settings.SMS_TRANSPORT, settings.ESKIZ_EMAIL = "eskiz", ""
        assert [problem.partition(":")[0] for problem in self.shown()["problems"]] == ["sms"]

    def test_it_answers_while_the_database_is_away_or_hangs(self, well: None) -> None:
        for why in ("the connection is lost", "canceling statement due to statement timeout"):
            with mock.patch.object(CursorWrapper, "execute", side_effect=OperationalError(why)):
                shown = self.shown()
            assert list(shown) == ["status", "problems", "database", "redis", "fcm", "sms", "phone_proof"]
            assert shown["problems"] == ["database: The database cannot be reached."]
        with mock.patch("apps.monitoring.health.figures.provider_errors", side_effect=OperationalError("timeout")):
            assert self.shown()["problems"] == ["database: The database does not answer in time."]

    def test_it_tells_no_secret(self, well: None, settings: Any) -> None:
        settings.HEARTBEAT_URL, settings.ESKIZ_PASSWORD = "http://x/secret-ping", "secret-gateway"
        said = Client().get("/health/status").content.decode()
        for secret in ("secret", configured.SECRET_KEY, configured.REDIS_URL, "private_key"):
            assert secret not in said
