"""Sends what is due. The worker runs this at a hint, the sweeper each second; several at once are safe."""

import asyncio
import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from queue import SimpleQueue

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from mdd_backend import hints
from mdd_backend.database import prepared

from .. import sql
from ..models import Channel, Notification, PushToken, State
from ..transports import Message, Transport, TransportError, reports_of, transport_for
from ..transports.base import loop
from .addresses import NOBODY, Address, addresses_of
from .audience import audience
from .caps import refuse_texts
from .queueing import change, keep, text_key
from .receipts import status_url

log = structlog.get_logger(__name__)

BATCH = 100
LEASE = timedelta(seconds=30)  # longer than a transport may take (FCM_TIMEOUT_S is at most 25)
BACKOFF_MOST_S = 30.0
AT_ONCE = 4  # batches of a channel under way in one process: a hanging provider must leave threads for dispatch
_running = {channel: threading.BoundedSemaphore(AT_ONCE) for channel in Channel.values}


@dataclass
class Outcome:
    """What the provider said about one notification, address by address."""

    accepted: list[Address] = field(default_factory=list)
    provider_ids: list[str] = field(default_factory=list)
    dead: list[Address] = field(default_factory=list)
    errors: list[TransportError] = field(default_factory=list)


def prepare(channel: str) -> None:
    """Gets keys, certificates and connections ready: the first push of a worker's life must not wait for them."""
    try:
        loop.submit(transport_for(channel).prepare()).result()
    except TransportError as why:
        log.warning("transport is not ready", channel=channel, reason=str(why))


def deliver_due(channel: str) -> int:
    """Sends every due notification of `channel`; returns how many it took. Returns at once when enough others do."""
    slot = _running[channel]
    if not slot.acquire(blocking=False):
        return 0
    try:
        taken = 0
        while (batch := _claim(channel)) is not None:
            taken += len(batch)
            if batch:
                _deliver(channel, batch)
        return taken
    finally:
        slot.release()


@dataclass
class Job:
    """A leased notification and what is left of its life."""

    notification: Notification
    left: timedelta


@transaction.atomic
def _claim(channel: str) -> list[Job] | None:
    """Leases a batch by moving its due time ahead, drops what has become pointless or may not go, returns the rest.

    None: nothing is due. A batch of which nothing is left must not make what comes after it wait.
    """
    left = dict(prepared.models(sql.DUE, [channel, BATCH], sql.NOTIFICATION))
    batch = [*left]
    if not batch:
        return None
    late = [n for n in batch if left[n] <= timedelta()]
    shown = [n for n in _shown_already(batch) if n not in late] if channel == Channel.SMS else []
    needed = audience().still_needed(batch)
    pointless = [n for n in batch if n.pk not in needed and n not in late and n not in shown]
    change(late, State.DROPPED, "expired")
    change(shown, State.DROPPED, "received by push")
    change(pointless, State.DROPPED, "no longer needed")
    capped = refuse_texts([n for n in batch if n.state == State.QUEUED]) if channel == Channel.SMS else []
    wanted = [Job(n, left[n]) for n in batch if n.state == State.QUEUED]
    for job in wanted:
        job.notification.attempts += 1
    prepared.rows(sql.LEASE, [LEASE, [job.notification.pk for job in wanted]])
    if dropped := late + shown + pointless + capped:
        audience().settled(dropped)
    return wanted


def _shown_already(batch: Sequence[Notification]) -> list[Notification]:
    """The text messages that stand in for a push which the phone has shown meanwhile."""
    texts = {n.idempotency_key: n for n in batch if n.channel == Channel.SMS}
    keys = [key.removesuffix(text_key("")) for key in texts]
    shown = Notification.objects.filter(idempotency_key__in=keys, state__in=[State.RECEIVED, State.READ])
    return [texts[text_key(key)] for key in shown.values_list("idempotency_key", flat=True)]


def _deliver(channel: str, batch: list[Job]) -> None:
    """Sends all at once and settles each as soon as its answer is there."""
    try:
        transport = transport_for(channel)
    except TransportError as why:
        _settle([(job, Outcome(errors=[why])) for job in batch])
        return
    addresses, batch = _addressed(channel, batch)
    answers: SimpleQueue[tuple[Job, Outcome]] = SimpleQueue()
    loop.submit(_send_all(transport, [(job, addresses[job.notification.pk]) for job in batch], answers))
    left = len(batch)
    while left:
        results = [answers.get(), *(answers.get() for _ in range(answers.qsize()))]
        _settle(results)
        left -= len(results)


def _addressed(channel: str, batch: list[Job]) -> tuple[dict[int, list[Address]], list[Job]]:
    """The addresses by notification, and the jobs that have any words: one that has none must not stop the others."""
    try:
        return addresses_of(channel, [job.notification for job in batch]), batch
    except (KeyError, ValueError):
        addresses: dict[int, list[Address]] = {}
        for job in batch:
            try:
                addresses |= addresses_of(channel, [job.notification])
            except (KeyError, ValueError) as why:
                refused = TransportError(f"no words: {type(why).__name__} {why}", permanent=True)
                _settle([(job, Outcome(errors=[refused]))])
        return addresses, [job for job in batch if job.notification.pk in addresses]


async def _send_all(
    transport: Transport, batch: Sequence[tuple[Job, list[Address]]], answers: "SimpleQueue[tuple[Job, Outcome]]"
) -> None:
    async def send(job: Job, addresses: list[Address]) -> None:
        try:
            outcome = await _send(transport, job, addresses)
        except Exception as why:  # a transport that breaks its promise must not stop the others
            outcome = Outcome(errors=[TransportError(f"transport failed: {type(why).__name__}")])
        answers.put((job, outcome))

    await asyncio.gather(*(send(job, addresses) for job, addresses in batch))


async def _send(transport: Transport, job: Job, addresses: list[Address]) -> Outcome:
    """To every address of the person that has not taken it yet."""
    outcome = Outcome()
    if not addresses:
        why = "contact removed" if job.notification.contact_id else NOBODY[job.notification.channel]
        outcome.errors.append(TransportError(why, permanent=True))
    waiting = [address for address in addresses if address.token_id not in job.notification.accepted_token_ids]
    await asyncio.gather(*(_send_to(transport, job, address, outcome) for address in waiting))
    return outcome


async def _send_to(transport: Transport, job: Job, address: Address, outcome: Outcome) -> None:
    lifetime_s = max(1, int(job.left.total_seconds()))
    try:
        outcome.provider_ids.append(await transport.send(_message(job.notification, address, lifetime_s)))
        outcome.accepted.append(address)
    except TransportError as why:
        outcome.errors.append(why)
        if why.dead_address:
            outcome.dead.append(address)


def _message(notification: Notification, address: Address, lifetime_s: int) -> Message:
    gateway = settings.SMS_TRANSPORT if notification.channel == Channel.SMS else ""
    return Message(
        id=str(notification.uuid),
        address=address.to,
        lifetime_s=lifetime_s,
        platform=address.platform,
        data=notification.data,
        text=address.text,
        status_url=status_url(notification.uuid, gateway) if reports_of(gateway) else "",
    )


@transaction.atomic
def _settle(results: list[tuple[Job, Outcome]]) -> None:
    """Writes down what became of each, unless a receipt has settled it meanwhile."""
    if dead := [address.token_id for _, outcome in results for address in outcome.dead]:
        PushToken.objects.filter(pk__in=dead).delete()
    again_after = {job.notification.pk: delay for job, outcome in results if (delay := _take(job, outcome))}
    kept = keep([job.notification for job, _ in results], again_after, if_queued=True)
    settled = [job.notification for job, _ in results if job.notification.pk in kept - again_after.keys()]
    if settled:
        _hasten_texts([n for n in settled if n.state == State.FAILED])
        audience().settled(settled)


def _hasten_texts(failed: list[Notification]) -> None:
    """The text message in place of a push that failed for good need not wait for a receipt."""
    keys = [text_key(row.idempotency_key) for row in failed if row.channel == Channel.FCM]
    if keys and Notification.objects.filter(idempotency_key__in=keys, state=State.QUEUED).update(due_at=Now()):
        hints.task("notifications.deliver", Channel.SMS.value)


def _take(job: Job, outcome: Outcome) -> timedelta | None:
    """Moves the notification to what its outcome makes of it; after how long it is to be tried again, if it is."""
    notification = job.notification
    new_token_ids = [address.token_id for address in outcome.accepted if address.token_id]
    notification.accepted_token_ids = [*notification.accepted_token_ids, *new_token_ids]
    notification.provider_id = _storable(next(iter(outcome.provider_ids), notification.provider_id))
    passing = [error for error in outcome.errors if not error.permanent]
    delay = _delay(notification.attempts, passing)
    if passing and delay < job.left:
        notification.reason = _storable(passing[0])
        return delay
    if notification.accepted_token_ids or outcome.accepted:
        notification.state, notification.reason = State.SENT, ""
    else:
        notification.state, notification.reason = State.FAILED, _storable(outcome.errors[0])
    return None


def _storable(value: object) -> str:
    """What a provider says, as PostgreSQL can keep it: one answer must not undo what became of the whole batch."""
    return str(value).replace("\0", "\ufffd").encode(errors="replace").decode()[:200]


def _delay(attempts: int, errors: list[TransportError]) -> timedelta:
    """1, 2, 4 … 30 s with jitter, and never before the provider's Retry-After."""
    backoff = min(BACKOFF_MOST_S, 2.0 ** (attempts - 1)) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
    retries_after_s = [error.retry_after_s for error in errors if error.retry_after_s is not None]
    return timedelta(seconds=max([backoff, *retries_after_s]))
