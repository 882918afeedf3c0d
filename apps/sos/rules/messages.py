"""What people are told about an event, and whether they still need to hear it."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from uuid import UUID

from apps.notifications.kinds import MessageKind
from apps.notifications.models import Notification, State
from apps.notifications.rules.audience import Audience
from mdd_backend.database import prepared
from mdd_backend.database.clock import utc

from .. import journal, sql
from ..journal.entries import MessagesChanged
from ..kinds import COMING, OPEN, AlertStatus, JournalKind
from ..models import SosEvent
from ..queries.facts import Cover, Helper, cover_of
from ..queries.privacy import CELL_M, cell_of


def data_of(event: SosEvent, kind: MessageKind, **facts: str) -> dict[str, str]:
    """What a phone is told: nothing that names a person or a place. The words are the app's, by `text_key`."""
    data = {"text_key": kind.lower(), "detected_type": event.detected_type, "severity": str(event.severity)} | facts
    return data | {"drill": "1", "text_key": f"drill.{data['text_key']}"} if event.is_drill else data


def alert_data(event: SosEvent, distance_m: int | None, kind: MessageKind = MessageKind.SOS_ALERT) -> dict[str, str]:
    """What a called helper's phone is told: the area, and a rough distance (metres, from the area's centre)."""
    key = f"sos_alert.{event.detected_type}".lower() if kind == MessageKind.SOS_ALERT else kind.lower()
    unsafe = {"reported_unsafe": "1"} if event.unsafe_reported_at else {}
    far = {"distance_m": str(distance_m)} if distance_m is not None else {}
    assert event.lat is not None  # noqa: S101 - nobody is called to an unknown place
    assert event.lon is not None  # noqa: S101
    assert event.position_at  # noqa: S101 - set with every position
    lat, lon = cell_of(event.lat, event.lon)
    return data_of(
        event,
        kind,
        text_key=key,
        area_lat=str(lat),
        area_lon=str(lon),
        area_size_m=str(CELL_M),
        position_at=utc(event.position_at),
        **far,
        **unsafe,
    )


# Of no event, or true whatever has become of it.
ALWAYS_NEEDED = {
    MessageKind.TEST_ARRIVED,
    MessageKind.OPERATORS_ALARM,
    MessageKind.CONTACT_ASKED,
    MessageKind.CONTACTS_CHANGED,
    MessageKind.PASSWORD_RESET,
    MessageKind.PHONE_CODE,
    MessageKind.NUMBER_TAKEN,
    MessageKind.SECOND_FACTOR_SET,
    MessageKind.DEVICE_OFFLINE,
    MessageKind.BATTERY_LOW,
}
# Whether a message of each kind still makes sense, given the event and the reader's alert, if there is one. A kind of a
# newer version, queued while this one is replaced, does: better one message too many than a call too few.
_Rule = Callable[["_Standing", str | None], bool]
NEEDED: dict[str, _Rule] = {
    MessageKind.SOS_ALERT: lambda event, alert: (
        event.is_open and alert == AlertStatus.NOTIFIED and not event.cover.is_certain
    ),
    MessageKind.STAND_DOWN: lambda event, alert: not event.is_open or alert == AlertStatus.STOOD_DOWN,
    MessageKind.STILL_COMING: lambda event, alert: event.is_open and alert in COMING,
    MessageKind.WEARER_MOVED: lambda event, alert: event.is_open and alert in COMING,
    MessageKind.ASSIGNED: lambda event, alert: event.is_open and alert in {AlertStatus.ASSIGNED, *COMING},
    MessageKind.PLACE_UNSAFE: lambda event, alert: event.is_open and alert in COMING,
    MessageKind.RELEASED: lambda event, alert: event.is_open and alert == AlertStatus.WITHDRAWN,
    MessageKind.HELP_COMING: lambda event, alert: event.is_open and event.cover.is_anybody_coming,
    MessageKind.CONTACT_ALARM: lambda event, alert: event.is_open,
    MessageKind.DISPATCHER_ALARM: lambda event, alert: event.is_open,
    MessageKind.ALL_CLEAR: lambda event, alert: not event.is_open,
}


@dataclass(frozen=True)
class _Standing:
    """How an event and those called to it stand; `alerts`: the status by helper. elsewhere: who comes to another event,
    or is called to a more urgent one.
    """

    is_open: bool
    cover: Cover
    alerts: Mapping[int, str]
    elsewhere: Set[int]


def _is_needed(notification: Notification, event: _Standing | None) -> bool:
    if notification.kind not in NEEDED:
        return True
    if event and notification.kind == MessageKind.SOS_ALERT and notification.user_id in event.elsewhere:
        return False
    return event is not None and NEEDED[notification.kind](event, event.alerts.get(notification.user_id))


def _standings(uids: set[UUID]) -> dict[UUID | None, _Standing]:
    """By the events' uids."""
    rows = prepared.rows(sql.STANDINGS, [list(uids)]) if uids else []
    called: dict[UUID, list[Helper]] = defaultdict(list)
    elsewhere: dict[UUID, set[int]] = defaultdict(set)
    for uid, _, _, _, is_elsewhere, helper_id, status, rung_at, asked_at, seen_at in rows:
        if helper_id:
            called[uid].append(Helper(helper_id, AlertStatus(status), rung_at, asked_at=asked_at, seen_at=seen_at))
        if is_elsewhere:
            elsewhere[uid].add(helper_id)
    standings: dict[UUID | None, _Standing] = {}
    for uid, status, enough, at, *_ in rows:
        alerts = {helper.id: helper.status for helper in called[uid]}
        standings[uid] = _Standing(status in OPEN, cover_of(enough, called[uid], at), alerts, elsewhere[uid])
    return standings


def _never_called(notifications: Sequence[Notification]) -> set[int]:
    """Those that send somebody home whom no call has reached."""
    home = [n for n in notifications if n.kind == MessageKind.STAND_DOWN]
    if not home:
        return set()
    reached_states = [State.SENT, State.RECEIVED, State.READ]
    calls = Notification.objects.filter(
        event_uid__in={n.event_uid for n in home}, user_id__in={n.user_id for n in home}, state__in=reached_states
    ).exclude(kind=MessageKind.STAND_DOWN)
    called = set(calls.values_list("event_uid", "user_id"))
    return {n.pk for n in home if (n.event_uid, n.user_id) not in called}


class EventAudience(Audience):
    """Messages are about events: each is needed as long as its event's rule says, and its changes are journaled."""

    def still_needed(self, notifications: Sequence[Notification]) -> set[int]:
        """The ids of those that still make sense."""
        events = _standings({n.event_uid for n in notifications if n.event_uid})
        unheard = _never_called(notifications)
        return {n.pk for n in notifications if n.pk not in unheard and _is_needed(n, events.get(n.event_uid))}

    def wearers(self, notifications: Sequence[Notification]) -> dict[int, int]:
        """By the id of each that is about an event, whose event it is."""
        uids = {n.event_uid for n in notifications if n.event_uid}
        whose: dict[UUID | None, int] = dict(SosEvent.objects.filter(uid__in=uids).values_list("uid", "user_id"))
        return {n.pk: whose[n.event_uid] for n in notifications if n.event_uid in whose}

    def settled(self, notifications: Sequence[Notification]) -> None:
        """Journals the new states of notifications: one entry an event."""
        by_event: dict[UUID, list[Notification]] = defaultdict(list)
        for notification in notifications:
            if notification.event_uid:
                by_event[notification.event_uid].append(notification)
        states = prepared.rows(sql.EVENTS_BY_UID, [list(by_event)])
        events: dict[UUID, tuple[int | None, str]] = {uid: (pk, status) for uid, pk, status in states}
        entries = []
        for uid, group in by_event.items():
            pk, status = events.get(uid, (None, ""))
            data = MessagesChanged({str(n.uuid): n.state for n in group})
            entries.append(journal.Entry(pk, JournalKind.NOTIFICATION, data=data, status=status))
        journal.write(*entries)
