"""What queues messages and notes what became of them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models.functions import Now

from apps.users.models import User
from mdd_backend import hints

from .audience import audience
from .models import Channel, Notification, NotificationChange, PushToken, State
from .receipts import receipt_url

LIFETIME = timedelta(seconds=300)
UNREAD = (State.QUEUED, State.SENT, State.FAILED)


def save_push_token(user: User, token: str, platform: str) -> tuple[PushToken, bool]:
    """Keeps the app's token, and whether it is new. A phone handed to another person rings for that person only."""
    return PushToken.objects.update_or_create(token=token, defaults={"user": user, "platform": platform})


def notify(kind: str, event_uid: UUID, data: Mapping[int, dict[str, str]]) -> None:
    """Queues one push for each user id in `data`, within the caller's transaction; once per kind, event and person."""
    rows = [
        Notification(
            uuid=uuid,
            user_id=user_id,
            channel=Channel.FCM,
            kind=kind,
            event_uid=event_uid,
            idempotency_key=f"{kind}:{event_uid}:{user_id}",
            data=texts | {"notification_id": str(uuid), "receipt_url": receipt_url(uuid)},
            created_at=Now(),
            due_at=Now(),
            expires_at=Now() + LIFETIME,
        )
        for (user_id, texts), uuid in ((item, uuid4()) for item in data.items())
    ]
    Notification.objects.bulk_create(rows, ignore_conflicts=True)
    hints.task("notifications.deliver", Channel.FCM.value)


@transaction.atomic
def drop_queued(event_uid: UUID, reason: str) -> list[int]:
    """Nothing more is sent for this event; the ids of what was still waiting."""
    waiting = Notification.objects.filter(event_uid=event_uid, state=State.QUEUED).order_by("pk").select_for_update()
    return change(list(waiting), State.DROPPED, reason)


def change(notifications: Sequence[Notification], state: State, reason: str = "") -> list[int]:
    """Moves locked rows to `state` and keeps the change; journalling it is the caller's last step."""
    ids = [notification.pk for notification in notifications]
    Notification.objects.filter(pk__in=ids).update(state=state, reason=reason)
    NotificationChange.objects.bulk_create(
        NotificationChange(notification_id=pk, state=state, reason=reason, at=Now()) for pk in ids
    )
    for notification in notifications:
        notification.state, notification.reason = state, reason
    return ids


@transaction.atomic
def acknowledge_receipt(uuid: UUID) -> bool:
    """The phone says that it shows the message. False when there is no such message; a repeat changes nothing."""
    notification = Notification.objects.select_for_update().filter(uuid=uuid).first()
    if notification is None:
        return False
    if notification.state in UNREAD:
        change([notification], State.RECEIVED)
        audience.settled([notification])
    return True
