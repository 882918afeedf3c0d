"""What a push costs the processor: the time, in user and kernel mode, of a process that does nothing but send.

Batches of 100, as they are delivered, to a stand-in for Firebase in a process of its own, over TLS and connections that
are there already.
"""

import asyncio
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import django

from ..measured import Measured
from .served import LOOPBACK, free_port, running, wait_for

BATCH = 100
DATA = {
    "text_key": "sos_alert",
    "kind": "SOS_ALERT",
    "detected_type": "FALL_DETECTED",
    "severity": "3",
    "distance_m": "400",
    "event_uid": "00000000-0000-4000-8000-000000000000",
    "notification_id": "00000000-0000-4000-8000-000000000001",
    "receipt_url": "https://sos.example/api/v1/notifications/receipts/" + "x" * 60 + "/",
}


def measure(*, short: bool) -> Iterator[Measured]:
    port = free_port()
    with TemporaryDirectory(prefix="mdd-bench-") as folder:
        key, certificate = Path(folder) / "key.json", Path(folder) / "certificate.pem"
        options = ["--port", str(port), "--key-file", str(key), "--tls", str(certificate)]
        with running([sys.executable, "-m", "simulator.standins.fcm", *options]):
            wait_for(port)
            os.environ |= {
                "DJANGO_SETTINGS_MODULE": "mdd_backend.settings",
                "FCM_ENDPOINT": f"https://{LOOPBACK}:{port}",
                "FCM_SERVICE_ACCOUNT_JSON": str(key),
                "SSL_CERT_FILE": str(certificate),
            }
            django.setup()
            cost_ms = _cost_ms(30 if short else 200)
    yield Measured("processor per push", cost_ms, "ms", 1.0, "a millisecond", at_most=0.5)


def _cost_ms(batches: int) -> float:
    from apps.notifications.transports import Message, transport_for  # noqa: PLC0415 - after django.setup()
    from apps.notifications.transports.base import loop  # noqa: PLC0415

    firebase = transport_for("FCM")
    messages = [Message(f"token-{number}", 300, platform="ANDROID", data=DATA) for number in range(BATCH)]

    async def send(batch: Sequence[Message]) -> None:
        await asyncio.gather(*(firebase.send(message) for message in batch))

    loop.submit(send(messages)).result()  # the first connections
    began = time.process_time()
    for _ in range(batches):
        loop.submit(send(messages)).result()
    return (time.process_time() - began) * 1000 / (batches * BATCH)
