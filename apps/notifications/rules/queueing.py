"""What queues messages and notes what became of them."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from apps.users.models import EmergencyContact, PasswordReset, PhoneProof, User
from apps.users.rules import codes
from mdd_backend import hints
from mdd_backend.database import prepared
from mdd_backend.database.clock import now

from .. import sql
from ..kinds import MessageKind
from ..models import Channel, Notification, PushToken, State, Urgency
from ..signals import place_reported
from ..transports import Reports
from .audience import audience
from .receipts import receipt_url

LIFETIME = timedelta(seconds=300)
CONTACT_LIFETIME = timedelta(seconds=900)
INVITATION_LIFETIME = timedelta(days=1)
PUSH_TOKEN_LIVES = timedelta(days=60)
PUSH_TOKENS_MOST = 20  # of one person: each is a push for every message to them
CODES_AN_HOUR = 5
UNREAD = (State.QUEUED, State.SENT, State.FAILED)


@transaction.atomic
def save_push_token(user: User, token: str, platform: str, session: str = "") -> tuple[PushToken, bool]:
    """Keeps the app's token, and whether it is new. A phone handed to another person rings for that person only.

    It is never refused: with more than 20, the one that was not refreshed for the longest time goes. Under the lock of
    the person's row, so that of many at once no more stay either.
    """
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    defaults = {"user": user, "platform": platform, "session": session}
    kept, created = PushToken.objects.update_or_create(token=token, defaults=defaults)
    others = PushToken.objects.filter(user=user).exclude(pk=kept.pk).order_by("-refreshed_at", "-pk")
    surplus = list(others.values_list("pk", flat=True)[PUSH_TOKENS_MOST - 1 :])
    if surplus:
        PushToken.objects.filter(user=user, pk__in=surplus).delete()
    return kept, created


def forget_session(user: User, session: str, push_token: str = "", **_: object) -> None:
    """An app that was signed out rings no more: known by its session, or by its own word."""
    of_session = Q(session=session) & ~Q(session="")
    PushToken.objects.filter(of_session | Q(token=push_token), user=user).delete()


def forget_other_sessions(user: User, kept: str, **_: object) -> None:
    """Only the app of the session that goes on still rings, and those that never told their session."""
    PushToken.objects.filter(user=user).exclude(session__in=["", kept]).delete()


def forget_push_token(user: User, token_id: int) -> bool:
    """The person's app there rings no more. False when they have no such token."""
    return PushToken.objects.filter(user=user, pk=token_id).delete()[0] > 0


def retire_push_tokens() -> int:
    """Forgets the tokens no app has refreshed for 60 days, as Firebase asks of senders; returns how many."""
    return PushToken.objects.filter(refreshed_at__lte=Now() - PUSH_TOKEN_LIVES).delete()[0]


def notify(
    kind: MessageKind,
    event_uid: UUID | None,
    data: Mapping[int, dict[str, str]],
    *,
    occasion: int | str = 1,
    urgency: Urgency = Urgency.USUAL,
    text_after: timedelta | None = None,
) -> None:
    """Queues a message to each user id in `data`, within the caller's transaction; once per kind, event,
    person and occasion, which tells apart messages that are alike in the rest.

    It goes by push and, where text messages can be sent, by one of these `text_after` later (None: never), unless the
    phone has said by then that it shows the push; at once when the push fails for good.
    """
    keys = {user_id: f"{kind}:{event_uid}:{user_id}:{occasion}" for user_id in data}
    if not data:
        return
    at = now()
    common: dict[str, Any] = {"kind": kind, "event_uid": event_uid, "urgency": urgency}
    common |= {"created_at": at, "expires_at": at + LIFETIME}
    pushes = []
    for user_id, texts in data.items():
        uuid = uuid4()
        push_data = texts | {"kind": kind, "notification_id": str(uuid), "receipt_url": receipt_url(uuid)}
        if event_uid:
            push_data["event_uid"] = str(event_uid)
        row = {"uuid": uuid, "user_id": user_id, "channel": Channel.FCM, "idempotency_key": keys[user_id]}
        pushes.append(Notification(**row, data=push_data, **common, due_at=at))
    _queue(Channel.FCM, pushes)
    if text_after is not None and can_send_texts():
        texted = [
            {"user_id": user_id, "channel": Channel.SMS, "idempotency_key": text_key(key), "data": data[user_id]}
            for user_id, key in keys.items()
        ]
        _queue(Channel.SMS, [Notification(**row, **common, due_at=at + text_after) for row in texted])


def text_key(push_key: str) -> str:
    """The idempotency key of the text message that stands in for a push."""
    return f"{push_key}:SMS"


def notify_contacts(
    kind: MessageKind,
    event_uid: UUID | None,
    owner_id: int,
    data: Mapping[int, dict[str, str]],
    *,
    occasion: int | str = 1,
    lifetime: timedelta = CONTACT_LIFETIME,
) -> None:
    """Queues a text message to each of a wearer's emergency contacts by id, within the caller's transaction."""
    at = now()
    rows = [
        Notification(
            user_id=owner_id,
            contact_id=contact_id,
            channel=Channel.SMS,
            kind=kind,
            event_uid=event_uid,
            idempotency_key=f"{kind}:{event_uid}:contact {contact_id}:{occasion}",
            data=texts,
            created_at=at,
            due_at=at,
            expires_at=at + lifetime,
        )
        for contact_id, texts in data.items()
    ]
    _queue(Channel.SMS, rows)


def can_send_texts() -> bool:
    """Whether a gateway for text messages is configured."""
    return bool(settings.SMS_TRANSPORT)


def notify_by_text(kind: MessageKind, user: User, key: str, lifetime: timedelta, event_uid: UUID | None = None) -> None:
    """Queues one text message to one person, within the caller's transaction; once per kind, `key` and person.

    Its words are those of `kind` in texts.py, composed as it is sent.
    """
    at = now()
    row = Notification(
        user=user,
        channel=Channel.SMS,
        kind=kind,
        event_uid=event_uid,
        idempotency_key=f"{kind}:{key}:{user.pk}:SMS",
        created_at=at,
        due_at=at,
        expires_at=at + lifetime,
    )
    _queue(Channel.SMS, [row])


def _queue(channel: Channel, rows: Sequence[Notification]) -> None:
    if rows:
        prepared.insert(*rows, or_ignore=True)
    hints.task("notifications.deliver", channel.value)


def text_reset_code(user: User, **_: object) -> None:
    """Queues a new code with which `user` may set a new password, within the caller's transaction."""
    _text_code(MessageKind.PASSWORD_RESET, PasswordReset, user)


def text_proof_code(user: User, **_: object) -> None:
    """The same for a code by which their phone is proven."""
    _text_code(MessageKind.PHONE_CODE, PhoneProof, user)


def _text_code(kind: MessageKind, code: codes.Kind, user: User) -> None:
    """At most one a minute and five an hour go to one phone; more are not queued, and nobody is told."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    sent = Notification.objects.filter(user=user, kind=kind)
    lately = sent.filter(created_at__gt=Now() - timedelta(minutes=1)).exists()
    if not lately and sent.filter(created_at__gt=Now() - timedelta(hours=1)).count() < CODES_AN_HOUR:
        codes.ask(code, user)
        notify_by_text(kind, user, key=str(uuid4()), lifetime=codes.LASTS)


def tell_number_taken(user: User, **_: object) -> None:
    """Tells the owner of a number, once a day at most, that somebody has tried to register with it."""
    if not can_send_texts():
        return
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    told = Notification.objects.filter(user=user, kind=MessageKind.NUMBER_TAKEN)
    if not told.filter(created_at__gt=Now() - timedelta(days=1)).exists():
        notify_by_text(MessageKind.NUMBER_TAKEN, user, key=str(uuid4()), lifetime=CONTACT_LIFETIME)


def attached_apps(user: User, **_: object) -> dict[str, list[dict[str, Any]]]:
    """The apps that ring for a person, as they are shown what is attached to their account."""
    tokens = PushToken.objects.filter(user=user).order_by("pk")
    return {"push_tokens": [dict(row) for row in tokens.values("id", "platform", "created_at")]}


def silence_apps(user: User, **_: object) -> None:
    """None of these rings any more; the app that is theirs says its token anew."""
    PushToken.objects.filter(user=user).delete()


def tell_contacts_changed(user: User, **_: object) -> None:
    """Whoever has got hold of an account changes nothing unnoticed: the person's phone says so."""
    notify(MessageKind.CONTACTS_CHANGED, None, {user.pk: {"text_key": "contacts_changed"}}, occasion=str(uuid4()))


def ask_contacts(user: User, **_: object) -> None:
    """Asks each contact once whether they want to be one, as soon as the phone of `user` is proven."""
    if user.phone_confirmed_at is None or not can_send_texts():
        return
    unasked = EmergencyContact.objects.filter(owner=user, asked_at=None, confirmed_at=None, refused_at=None)
    asked = list(unasked.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    if asked:
        EmergencyContact.objects.filter(pk__in=asked).update(asked_at=Now())
        data: dict[int, dict[str, str]] = {pk: {} for pk in asked}
        occasion = str(uuid4())
        notify_contacts(MessageKind.CONTACT_ASKED, None, user.pk, data, occasion=occasion, lifetime=INVITATION_LIFETIME)


def exported(user: User, **_: object) -> dict[str, Any]:
    """What there is about a person here, for their archive."""
    told = Notification.objects.filter(user=user).order_by("pk")
    return {
        "push_tokens": PushToken.objects.filter(user=user).values("platform", "created_at", "refreshed_at"),
        "notifications": told.values("kind", "channel", "event_uid", "state", "reason", "created_at"),
    }


def tell_second_factor_set(user: User, **_: object) -> None:
    """Nor does whoever has a dispatcher's password put a second factor of theirs on the account unnoticed."""
    kind = MessageKind.SECOND_FACTOR_SET
    notify(kind, None, {user.pk: {"text_key": kind.lower()}}, occasion=str(uuid4()), text_after=timedelta())


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
    for notification in notifications:
        notification.state, notification.reason = state, reason
    keep(notifications)
    return [notification.pk for notification in notifications]


def keep(
    notifications: Sequence[Notification],
    again_after: Mapping[int, timedelta] | None = None,
    *,
    if_queued: bool = False,
) -> set[int]:
    """Writes each one's state and reason, and what the provider has taken of it; notes every change of state.

    again_after: by id, how long those wait that are to be tried again. if_queued: leaves out what is queued no more.
    Returns the ids of those it wrote.
    """
    waits = again_after or {}
    changes = [
        {
            "id": notification.pk,
            "state": notification.state,
            "reason": notification.reason,
            "tokens": notification.accepted_token_ids,
            "provider_id": notification.provider_id,
            "wait_s": waits[notification.pk].total_seconds() if notification.pk in waits else None,
        }
        for notification in notifications
    ]
    if not changes:
        return set()
    return {pk for (pk,) in prepared.rows(sql.KEEP, {"told": json.dumps(changes), "if_queued": if_queued})}


@transaction.atomic
def acknowledge_receipt(uuid: UUID, place: tuple[float, float] | None = None) -> bool:
    """The phone says that it shows the message, and perhaps where (lat, lon) its owner is.

    False when there is no such message; a repeat changes nothing.
    """
    notification = _hold(uuid)
    if notification is None:
        return False
    if notification.state in UNREAD:
        change([notification], State.RECEIVED)
        if place:
            place_reported.send(sender=Notification, user=notification.user, lat=place[0], lon=place[1])
        audience().settled([notification])
    return True


def _hold(uuid: UUID) -> Notification | None:
    held = Notification.objects.select_for_update(of=["self"]).select_related("user")
    return held.filter(uuid=uuid).first()


@transaction.atomic
def mark_read(notification: Notification) -> None:
    """Its person has read it; a repeat changes nothing, and what was never sent stays so."""
    held = Notification.objects.select_for_update().get(pk=notification.pk)
    if held.state in {*UNREAD, State.RECEIVED}:
        change([held], State.READ)
        audience().settled([held])


@transaction.atomic
def settle_by_gateway(uuid: UUID, reports: Reports, word: str) -> bool:
    """The gateway says what became of a text message; what it does not know yet changes nothing. False: no such one."""
    notification = _hold(uuid)
    if notification is None:
        return False
    before = notification.state
    if word in reports.arrived and before in UNREAD:
        change([notification], State.RECEIVED)
    elif word in reports.failed and before in {State.QUEUED, State.SENT}:
        change([notification], State.FAILED, f"gateway: {word}")
    if notification.state != before:
        audience().settled([notification])
    return True
