"""The kinds and states of events, of alerts, and of what the journal holds."""

from datetime import timedelta

from django.db.models import TextChoices

from apps.users.kinds import Deed


class EventStatus(TextChoices):
    NEW = "NEW", "nobody is coming"
    IN_PROGRESS = "IN_PROGRESS", "a helper is coming"
    RESOLVED = "RESOLVED", "resolved"
    CANCELLED = "CANCELLED", "cancelled"


OPEN = (EventStatus.NEW, EventStatus.IN_PROGRESS)


class DetectedType(TextChoices):
    FALL_DETECTED = "FALL_DETECTED", "fall"
    MANUAL_TRIGGER = "MANUAL_TRIGGER", "button"
    OTHER = "OTHER", "other"
    TEST = "TEST", "test"


class LocationSource(TextChoices):
    SIGNAL = "SIGNAL", "told by the signal"
    DEVICE = "DEVICE", "the device's last known place"
    NONE = "NONE", "unknown"


class Outcome(TextChoices):
    HELPED = "HELPED", "helped"
    FALSE_ALARM = "FALSE_ALARM", "false alarm"
    NO_HELP_NEEDED = "NO_HELP_NEEDED", "no help needed"
    HANDED_OVER = "HANDED_OVER", "handed over"


class Service(TextChoices):
    """Uzbekistan's emergency numbers."""

    FIRE = "101", "fire brigade"
    POLICE = "102", "police"
    AMBULANCE = "103", "ambulance"
    RESCUE = "112", "rescue"


class Halt(TextChoices):
    """Why no helper is called by itself any more; a dispatcher decides what comes next."""

    UNSAFE = "UNSAFE", "a helper found the place unsafe"
    ALL_DONE = "ALL_DONE", "all who came have helped"
    WEARER_FINE = "WEARER_FINE", "the wearer says they are fine"


class AlertStatus(TextChoices):
    NOTIFIED = "NOTIFIED", "called"
    ASSIGNED = "ASSIGNED", "sent, not confirmed"
    ACCEPTED = "ACCEPTED", "is coming"
    DECLINED = "DECLINED", "will not come"
    EN_ROUTE = "EN_ROUTE", "is on the way"
    ON_SCENE = "ON_SCENE", "is there"
    DONE = "DONE", "has helped"
    WITHDRAWN = "WITHDRAWN", "comes no more"
    UNSAFE = "UNSAFE", "found it unsafe"
    STOOD_DOWN = "STOOD_DOWN", "is needed no more"


CALLED = (AlertStatus.NOTIFIED, AlertStatus.ASSIGNED)


COMING = (AlertStatus.ACCEPTED, AlertStatus.EN_ROUTE, AlertStatus.ON_SCENE)


# What a helper may answer in each state of their alert; docs/dispatch.md has the same table.
NEXT_ANSWERS: dict[str, tuple[AlertStatus, ...]] = {
    AlertStatus.NOTIFIED: (AlertStatus.ACCEPTED, AlertStatus.DECLINED),
    AlertStatus.ASSIGNED: (AlertStatus.ACCEPTED, AlertStatus.DECLINED),
    AlertStatus.STOOD_DOWN: (AlertStatus.ACCEPTED, AlertStatus.DECLINED),
    AlertStatus.DECLINED: (AlertStatus.ACCEPTED,),
    AlertStatus.WITHDRAWN: (AlertStatus.ACCEPTED,),
    AlertStatus.ACCEPTED: (AlertStatus.EN_ROUTE, AlertStatus.ON_SCENE, AlertStatus.WITHDRAWN, AlertStatus.UNSAFE),
    AlertStatus.EN_ROUTE: (AlertStatus.ON_SCENE, AlertStatus.WITHDRAWN, AlertStatus.UNSAFE),
    AlertStatus.ON_SCENE: (AlertStatus.DONE, AlertStatus.WITHDRAWN, AlertStatus.UNSAFE),
    AlertStatus.DONE: (),
    AlertStatus.UNSAFE: (),
}


_OTHERS_SAY = {AlertStatus.NOTIFIED, AlertStatus.ASSIGNED, AlertStatus.STOOD_DOWN}


ANSWERS = [(status.value, status.label) for status in AlertStatus if status not in _OTHERS_SAY]


class Caution(TextChoices):
    """Why a helper is called after the others, for an hour."""

    JUMPED = "JUMPED", "their phone has moved faster than possible"
    WITHDREW = "WITHDREW", "accepted and withdrew twice within an hour"


UNSTEADY_FOR = timedelta(hours=1)
"""Two withdrawals within so long make a helper one who is called last, for so long."""


class JournalKind(TextChoices):
    EVENT_OPENED = "EVENT_OPENED", "event opened"
    SIGNAL_MERGED = "SIGNAL_MERGED", "signal repeated"
    WAVE_CALLED = "WAVE_CALLED", "wave called"
    HELPERS_RUNG_AGAIN = "HELPERS_RUNG_AGAIN", "helpers rung again"
    PLACE_UNKNOWN = "PLACE_UNKNOWN", "place unknown"
    PLACE_MOVED = "PLACE_MOVED", "wearer has moved"
    HELPER_ACCEPTED = "HELPER_ACCEPTED", "helper accepted"
    HELPER_DECLINED = "HELPER_DECLINED", "helper declined"
    HELPER_EN_ROUTE = "HELPER_EN_ROUTE", "helper on the way"
    HELPER_ON_SCENE = "HELPER_ON_SCENE", "helper is there"
    HELPER_DONE = "HELPER_DONE", "helper has helped"
    HELPER_WITHDRAWN = "HELPER_WITHDRAWN", "helper withdrew"
    HELPER_UNSAFE = "HELPER_UNSAFE", "helper found it unsafe"
    HELPER_ASKED = "HELPER_ASKED", "helper asked: still coming?"
    HELPER_RELEASED = "HELPER_RELEASED", "helper released: came no nearer"
    HELPER_ASSIGNED = "HELPER_ASSIGNED", "helper assigned"
    HELPERS_STOOD_DOWN = "HELPERS_STOOD_DOWN", "helpers stood down"
    CONTACTS_ALARMED = "CONTACTS_ALARMED", "contacts alarmed"
    CONTACT_ANSWERED = "CONTACT_ANSWERED", "contact has seen it"
    DISPATCHERS_ALARMED = "DISPATCHERS_ALARMED", "dispatchers alarmed"
    EVENT_ACKNOWLEDGED = "EVENT_ACKNOWLEDGED", "dispatcher has seen it"
    NOTE_ADDED = "NOTE_ADDED", "note added"
    HANDED_OVER = "HANDED_OVER", "handed over"
    WEARER_FINE = "WEARER_FINE", "wearer says they are fine"
    NOTIFICATION = "NOTIFICATION", "notifications changed"
    EVENT_RESOLVED = "EVENT_RESOLVED", "event resolved"
    EVENT_CANCELLED = "EVENT_CANCELLED", "event cancelled"
    EVENT_REOPENED = "EVENT_REOPENED", "event reopened"
    POLICY_CHANGED = "POLICY_CHANGED", "policy changed"
    ACCOUNT_MADE = Deed.ACCOUNT_MADE.value, Deed.ACCOUNT_MADE.label
    ACCOUNT_CHANGED = Deed.ACCOUNT_CHANGED.value, Deed.ACCOUNT_CHANGED.label
    ACCOUNT_CONTAINED = Deed.ACCOUNT_CONTAINED.value, Deed.ACCOUNT_CONTAINED.label
    CONTAINMENT_LIFTED = Deed.CONTAINMENT_LIFTED.value, Deed.CONTAINMENT_LIFTED.label
    ACCOUNT_ERASED = Deed.ACCOUNT_ERASED.value, Deed.ACCOUNT_ERASED.label
    PHONE_PROVEN = Deed.PHONE_PROVEN.value, Deed.PHONE_PROVEN.label
    PASSWORD_CHANGED = Deed.PASSWORD_CHANGED.value, Deed.PASSWORD_CHANGED.label
    SECOND_FACTOR_SET = Deed.SECOND_FACTOR_SET.value, Deed.SECOND_FACTOR_SET.label
    SECOND_FACTOR_RESET = Deed.SECOND_FACTOR_RESET.value, Deed.SECOND_FACTOR_RESET.label
    SIGNED_OUT_EVERYWHERE = Deed.SIGNED_OUT_EVERYWHERE.value, Deed.SIGNED_OUT_EVERYWHERE.label
    DEVICE_ADDED = Deed.DEVICE_ADDED.value, Deed.DEVICE_ADDED.label
    DEVICE_MOVED = Deed.DEVICE_MOVED.value, Deed.DEVICE_MOVED.label
    DEVICE_REMOVED = Deed.DEVICE_REMOVED.value, Deed.DEVICE_REMOVED.label
    DEVICE_PROVEN = Deed.DEVICE_PROVEN.value, Deed.DEVICE_PROVEN.label
    PROOF_TAKEN_BACK = Deed.PROOF_TAKEN_BACK.value, Deed.PROOF_TAKEN_BACK.label
    ADMIN_CHANGED = Deed.ADMIN_CHANGED.value, Deed.ADMIN_CHANGED.label


DEEDS = (JournalKind.POLICY_CHANGED, *(JournalKind(deed.value) for deed in Deed))
"""What people do to accounts, devices and the policy: of no event, and ADMIN searches it."""
