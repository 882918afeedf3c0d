"""A busy night: open events with helpers called to each, and what is told of them every second."""

import random
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from django.contrib.gis.geos import Point
from django.db import connection, transaction
from django.utils import timezone

from apps.devices.models import Device, HelperPosition
from apps.notifications.models import Notification, PushToken, State
from apps.notifications.rules.queueing import change
from apps.sos import journal
from apps.sos.journal import NOTHING, Data, Entry
from apps.sos.journal.entries import Accepted, MessagesChanged, NoteAdded, RungAgain
from apps.sos.kinds import AlertStatus, JournalKind, Outcome
from apps.sos.models import EventNote, HelperAlert, SosEvent
from apps.sos.rules import desk
from apps.sos.rules.due_step import take_due_step
from apps.sos.rules.opening import open_event
from apps.users.models import Role, User

MIDDLE = (41.311081, 69.240562)  # Tashkent
APART_M = 700
METRES_NORTH = 1 / 111_320
CALLED = 8
TICKS = 10  # a second
TURNOVER_S = 2.0  # one event is closed and another opened
FRESH = timedelta(minutes=5)
_S = AlertStatus
NEXT = {_S.NOTIFIED: _S.ACCEPTED, _S.ACCEPTED: _S.EN_ROUTE, _S.EN_ROUTE: _S.ON_SCENE, _S.ON_SCENE: _S.WITHDRAWN}
KIND_OF: dict[_S, tuple[JournalKind, Data]] = {
    _S.NOTIFIED: (JournalKind.HELPERS_RUNG_AGAIN, RungAgain([1])),
    _S.ACCEPTED: (JournalKind.HELPER_ACCEPTED, Accepted()),
    _S.EN_ROUTE: (JournalKind.HELPER_EN_ROUTE, NOTHING),
    _S.ON_SCENE: (JournalKind.HELPER_ON_SCENE, NOTHING),
    _S.WITHDRAWN: (JournalKind.HELPER_WITHDRAWN, NOTHING),
}
_FOLLOW = """
UPDATE sos_sosevent e SET status = CASE WHEN EXISTS (SELECT FROM sos_helperalert a WHERE a.event_id = e.id
    AND a.status IN ('ACCEPTED', 'EN_ROUTE', 'ON_SCENE')) THEN 'IN_PROGRESS' ELSE 'NEW' END
WHERE id = ANY(%s) AND status IN ('NEW', 'IN_PROGRESS')
"""
_WALK = """
WITH moved AS (
    UPDATE devices_device SET position = ST_Translate(position::geometry, %(east)s, %(north)s)::geography,
        position_at = now(), last_seen_at = now(), is_online = true
    WHERE id = ANY(%(devices)s) RETURNING id, position
)
UPDATE devices_helperposition h SET position = moved.position, recorded_at = now()
FROM moved WHERE h.device_id = moved.id
"""


def fill(events: int, devices: int) -> User:
    """Makes them all by the application's own services; the dispatcher."""
    dispatcher = User.objects.create(phone_number="+998990000000", full_name="Nargiza Azimova", role=Role.ADMIN)
    User.objects.filter(pk=dispatcher.pk).update(language="en")
    wearers = _people("Wearer", events, Role.USER, (_beside(number, events, 0) for number in range(events)))
    near = (_beside(number // CALLED, events, 40 + 40 * (number % CALLED)) for number in range(events * CALLED))
    _people("Helper", events * CALLED, Role.HELPER, near)
    others = max(0, devices - events * (CALLED + 1))
    _people("Other", others, Role.USER, (_beside(number % events, events, 600) for number in range(others)))
    for number, wearer in enumerate(wearers):
        event = call(wearer)
        if number % 2:
            desk.acknowledge(event, dispatcher)
    return dispatcher


def _beside(number: int, events: int, metres: float) -> Point:
    """A place in the square of an event, `metres` from its middle."""
    across = round(events**0.5)
    north = (number // across - across / 2) * APART_M + metres / 2
    east = (number % across - across / 2) * APART_M + metres / 2
    return Point(MIDDLE[1] + east * METRES_NORTH / 0.75, MIDDLE[0] + north * METRES_NORTH)


def _people(name: str, count: int, role: Role, places: Iterable[Point]) -> list[User]:
    """With a device each, and a phone that can be reached."""
    first = User.objects.count()
    people = User.objects.bulk_create(
        User(phone_number=f"+99891{first + n:07d}", full_name=f"{name} {n:04d}", role=role, on_duty=role == Role.HELPER)
        for n in range(count)
    )
    now, points = timezone.now(), list(places)
    devices = Device.objects.bulk_create(
        Device(
            device_uid=f"{name}-{n}", owner=person, model="Bench 1", battery_level=10 + n % 90, is_online=True,
            last_seen_at=now, position=points[n], position_at=now,
        )
        for n, person in enumerate(people)
    )  # fmt: skip
    tokens = [PushToken(user=person, token=f"token-{person.pk}", platform="ANDROID") for person in people]
    PushToken.objects.bulk_create(tokens)
    if role == Role.HELPER:
        seen = [
            HelperPosition(user=person, device=device, position=place, recorded_at=now)
            for person, device, place in zip(people, devices, points, strict=True)
        ]  # of whom a trigger has made the rows
        HelperPosition.objects.bulk_update(seen, ["device", "position", "recorded_at"])
    return people


def call(wearer: User) -> SosEvent:
    """Somebody presses, and those nearest are called."""
    device = Device.objects.get(owner=wearer)
    assert device.position  # noqa: S101
    body = {"device_uid": device.device_uid, "lat": device.position.y, "lon": device.position.x}
    kind, accuracy_m = random.choice(["FALL_DETECTED", "MANUAL_TRIGGER"]), random.choice([5, 15, 30, 200])
    details = {"detected_type": kind, "severity": random.randint(1, 3), "accuracy_m": accuracy_m}
    event = open_event(wearer, body | details).event
    take_due_step(event.pk)
    return event


@dataclass
class Traffic:
    """Writes `updates` journal entries a second until it is stopped, with the rows that they tell of.

    written: how many so far. kept: events that are left as they are.
    """

    updates: int
    dispatcher: User
    written: int = 0
    kept: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._stopped, self._turning = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._run)
        self._devices = list(Device.objects.exclude(device_uid__startswith="Wearer").values_list("pk", flat=True))
        self._reread()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def keep_open_event(self) -> SosEvent:
        """An open event that nobody has acknowledged; from now on it is left as it is."""
        with self._turning:
            event = random.choice(list(SosEvent.objects.open().filter(acknowledged_at=None)))
            self.kept.add(event.pk)
        return event

    def _run(self) -> None:
        next_at = turn_at = time.monotonic()
        while not self._stopped.wait(max(0.0, next_at - time.monotonic())):
            next_at = max(next_at + 1 / TICKS, time.monotonic() - 1)
            if time.monotonic() > turn_at:
                turn_at = time.monotonic() + TURNOVER_S
                with self._turning:
                    self._turn_over()
            self._tick(self.updates // TICKS)
        connection.close()

    def _reread(self) -> None:
        alerts = HelperAlert.objects.filter(event__in=SosEvent.objects.open()).exclude(event__in=self.kept)
        self._alerts = list(alerts.select_related("event").defer("event__plan"))
        self._notes = [notification.pk for notification in Notification.objects.filter(
            event_uid__in={alert.event.uid for alert in self._alerts}, kind="SOS_ALERT").only("pk")]  # fmt: skip

    @transaction.atomic
    def _tick(self, count: int) -> None:
        """Two parts receipts, one answers, a note now and then; and as many positions, of which no entry tells."""
        notes = 1 if random.random() < 0.2 else 0
        answers = count // 3
        entries = [*self._answer(answers), *self._write_notes(notes), *self._receive(count - answers - notes)]
        self._walk(count)
        journal.write(*entries)
        self.written += len(entries)

    def _answer(self, count: int) -> Iterable[Entry]:
        moved = random.sample(self._alerts, count)
        now = timezone.now()
        for alert in moved:
            alert.status = NEXT.get(_S(alert.status), _S.NOTIFIED)
            alert.answered_at, alert.progress_at = now, now
        HelperAlert.objects.bulk_update(moved, ["status", "answered_at", "progress_at"])
        with connection.cursor() as cursor:
            cursor.execute(_FOLLOW, [[alert.event_id for alert in moved]])
        return [
            Entry(alert.event_id, kind, alert.helper_id, data, status="IN_PROGRESS")
            for alert in moved
            for kind, data in [KIND_OF[_S(alert.status)]]
        ]

    def _write_notes(self, count: int) -> Iterable[Entry]:
        for alert in random.sample(self._alerts, count):
            note = EventNote.objects.create(
                event_id=alert.event_id,
                author=self.dispatcher,
                text="A neighbour is with her.",
                created_at=timezone.now(),
            )
            yield Entry(
                alert.event_id, JournalKind.NOTE_ADDED, self.dispatcher.pk, NoteAdded(note.pk), status="IN_PROGRESS"
            )

    def _receive(self, count: int) -> Iterable[Entry]:
        notifications = list(Notification.objects.filter(pk__in=random.sample(self._notes, count)).order_by("pk"))
        state = random.choice([State.SENT, State.RECEIVED, State.READ])
        change(notifications, state)
        uids = [notification.event_uid for notification in notifications if notification.event_uid]
        events = dict(SosEvent.objects.filter(uid__in=uids).values_list("uid", "pk"))
        for uid, notification in zip(uids, notifications, strict=True):
            data = MessagesChanged({str(notification.uuid): state.value})
            yield Entry(events[uid], JournalKind.NOTIFICATION, None, data, status="IN_PROGRESS")

    def _walk(self, count: int) -> None:
        step = {"east": random.uniform(-1, 1) * 1e-4, "north": random.uniform(-1, 1) * 1e-4}
        with connection.cursor() as cursor:
            cursor.execute(_WALK, step | {"devices": random.sample(self._devices, count)})

    def _turn_over(self) -> None:
        """As many stay open: one is over, its wearer presses again."""
        alert = random.choice(self._alerts)
        event = SosEvent.objects.select_related("user").get(pk=alert.event_id)
        if event.pk in self.kept or not event.is_open:
            return
        desk.resolve(event, self.dispatcher, Outcome.HELPED)
        call(event.user)
        self._reread()
