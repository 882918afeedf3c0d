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
PUSH_TOKEN_LIVES = timedelta(days=60)
RESET_CODE = "PASSWORD_RESET"
RESET_LIFETIME = timedelta(minutes=10)
RESETS_AN_HOUR = 5
UNREAD = (State.QUEUED, State.SENT, State.FAILED)


def save_push_token(user: User, token: str, platform: str) -> tuple[PushToken, bool]:
    """Keeps the app's token, and whether it is new. A phone handed to another person rings for that person only."""
    return PushToken.objects.update_or_create(token=token, defaults={"user": user, "platform": platform})


def forget_push_token(user: User, token_id: int) -> bool:
    """The person's app there rings no more. False when they have no such token."""
    return PushToken.objects.filter(user=user, pk=token_id).delete()[0] > 0


def retire_push_tokens() -> int:
    """Forgets the tokens no app has refreshed for 60 days, as Firebase asks of senders; returns how many."""
    return PushToken.objects.filter(refreshed_at__lte=Now() - PUSH_TOKEN_LIVES).delete()[0]


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
    _queue(Channel.FCM, rows)


def notify_by_text(kind: str, user: User, key: str, lifetime: timedelta, event_uid: UUID | None = None) -> None:
    """Queues one text message to one person, within the caller's transaction; once per kind, `key` and person.

    Its words are those of `kind` in texts.py, composed as it is sent.
    """
    row = Notification(
        user=user,
        channel=Channel.SMS,
        kind=kind,
        event_uid=event_uid,
        idempotency_key=f"{kind}:{key}:{user.pk}:SMS",
        created_at=Now(),
        due_at=Now(),
        expires_at=Now() + lifetime,
    )
    _queue(Channel.SMS, [row])


def _queue(channel: Channel, rows: Sequence[Notification]) -> None:
    Notification.objects.bulk_create(rows, ignore_conflicts=True)
    hints.task("notifications.deliver", channel.value)


def text_reset_code(user: User, **_: object) -> None:
    """Queues the code with which `user` may set a new password, within the caller's transaction.

    At most one a minute and five an hour go to one phone; more are not queued, and nobody is told.
    """
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    asked = Notification.objects.filter(user=user, kind=RESET_CODE)
    lately = asked.filter(created_at__gt=Now() - timedelta(minutes=1)).exists()
    if not lately and asked.filter(created_at__gt=Now() - timedelta(hours=1)).count() < RESETS_AN_HOUR:
        notify_by_text(RESET_CODE, user, key=str(uuid4()), lifetime=RESET_LIFETIME)


def forget_person(user: User, **_: object) -> None:
    """An erased person is rung no more, and nothing is kept of what they were told; that they were told stays.

    Not journalled: other receivers have rows to lock yet, and the journal's lock comes last.
    """
    PushToken.objects.filter(user=user).delete()
    theirs = Notification.objects.filter(user=user).order_by("pk").select_for_update()
    change([notification for notification in theirs if notification.state == State.QUEUED], State.DROPPED, "erased")
    Notification.objects.filter(user=user).update(data={})


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
