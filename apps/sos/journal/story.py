"""The whole story of one event, for a dispatcher's eyes, in a fixed number of queries."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.safestring import SafeString

from apps.devices.models import HelperPosition
from apps.devices.rules.maps import Mark, draw, metres, way_of
from apps.notifications.models import Notification
from apps.users.models import User

from ..kinds import CALLED, COMING, AlertStatus
from ..models import EventNote, HelperAlert, JournalEntry, Signal, SosEvent
from .reading import ids_in, people_in

MOST = 500  # of each kind; the lists have the rest
_KINDS = dict.fromkeys(AlertStatus, "gone") | dict.fromkeys(CALLED, "called") | dict.fromkeys(COMING, "coming")


@dataclass(frozen=True)
class StoryEntry:
    """One journal entry in words."""

    entry: JournalEntry
    actor: User | None
    facts: list[str]


@dataclass(frozen=True)
class Story:
    """An event with all that happened, as the admin shows it."""

    event: SosEvent
    signals: list[Signal]
    alerts: list[HelperAlert]
    notifications: list[Notification]
    journal: list[StoryEntry]
    notes: list[EventNote]
    drawing: SafeString | None

    @property
    def waves(self) -> list[tuple[int, list[tuple[int, HelperAlert]]]]:
        """The alerts by wave, each with its number on the map."""
        waves: dict[int, list[tuple[int, HelperAlert]]] = defaultdict(list)
        for number, alert in enumerate(self.alerts, start=1):
            waves[alert.wave].append((number, alert))
        return sorted(waves.items())


def story_of(event: SosEvent) -> Story:
    """What happened, from the rows; at most 500 of each kind. `event` must come with its user and device."""
    alerts = list(event.alerts.select_related("helper").order_by("wave", "distance_m")[:MOST])
    notifications = Notification.objects.filter(event_uid=event.uid).select_related("user")
    return Story(
        event=event,
        signals=list(event.signals.defer("raw_payload").order_by("pk")[:MOST]),
        alerts=alerts,
        notifications=list(notifications.prefetch_related("changes").order_by("pk")[:MOST]),
        journal=_journal(event),
        notes=list(event.notes.select_related("author").order_by("pk")[:MOST]),
        drawing=_drawing(event, alerts),
    )


def _journal(event: SosEvent) -> list[StoryEntry]:
    entries = list(event.journal.order_by("position")[:MOST])
    ids = {pk for entry in entries for pk in (*people_in(entry), entry.actor_id or 0)}
    people = User.objects.in_bulk(ids)
    return [StoryEntry(entry, people.get(entry.actor_id or 0), list(_facts(entry, people))) for entry in entries]


def _facts(entry: JournalEntry, people: dict[int, User]) -> Iterable[str]:
    """The entry's data in words: who was called and how far away, how many messages came into which state."""

    def names(ids: Iterable[int]) -> str:
        return ", ".join(_name(people.get(pk), str(pk)) for pk in sorted(ids))

    for name, value in entry.data.items():
        if name == "helpers":
            nearest = sorted(value.items(), key=lambda item: float(item[1]))
            called = (f"{_name(people.get(int(pk)), pk)} ({metres(distance)})" for pk, distance in nearest)
            yield f"helpers: {', '.join(called) or 'nobody'}"
        elif name == "states":
            states = list(value.values())
            yield ", ".join(f"{states.count(state)} × {state}" for state in sorted(set(states)))
        elif name == "passed_over":
            reasons = list(value.values())
            yield from (f"{reasons.count(why)} passed over: {why}" for why in sorted(set(reasons)))
        elif people_named := ids_in(entry, name):
            yield f"{name.replace('_', ' ')}: {names(people_named)}"
        else:
            yield f"{name.replace('_', ' ')}: {value}"


def _name(helper: User | None, pk: str) -> str:
    return (helper and helper.full_name) or pk


def _drawing(event: SosEvent, alerts: list[HelperAlert]) -> SafeString | None:
    """The place, whoever was called where they were last seen, and where the device went in the last hour."""
    if event.position is None:
        return None
    title = f"The event: {event.get_detected_type_display()}"
    place = Mark(event.position.y, event.position.x, "event", "the event", title)
    marks = [place, *_device(event), *_helpers(alerts)]
    until: datetime = event.closed_at or timezone.now()
    track = way_of(event.device, until) if event.device else []
    return draw("Where it is, and who was called", (place.lat, place.lon), marks, track)


def _device(event: SosEvent) -> Iterable[Mark]:
    device = event.device
    if event.is_open and device and device.position and device.position_at:
        seen = f"The device {device.device_uid} at {device.position_at:%H:%M:%S} UTC"
        yield Mark(device.position.y, device.position.x, "device", "its device now", seen)


def _helpers(alerts: list[HelperAlert]) -> Iterable[Mark]:
    positions = HelperPosition.objects.in_bulk([alert.helper_id for alert in alerts])
    for number, alert in enumerate(alerts, start=1):
        seen = positions.get(alert.helper_id)
        if seen and seen.position and seen.recorded_at:
            kind, meaning = _KINDS.get(AlertStatus(alert.status), "helper"), alert.get_status_display()
            title = f"{number}. {alert.helper.full_name}: {meaning}, seen at {seen.recorded_at:%H:%M:%S} UTC"
            yield Mark(seen.position.y, seen.position.x, kind, meaning, title, str(number))
