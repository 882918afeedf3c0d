"""The dispatchers' socket: who may listen, what they hear, and that nothing is lost on the way."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from rest_framework_simplejwt.tokens import AccessToken

from apps.monitoring import feed
from apps.sos.models import SosEvent
from apps.users.models import Status, User
from apps.users.services import change_standing
from mdd_backend.asgi import application

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "/ws/sos_events/"


class Socket(ApplicationCommunicator):
    """A client of the ASGI application's WebSockets."""

    def __init__(self, token: str | None, path: str = PATH) -> None:
        headers = [] if token is None else [(b"authorization", f"Bearer {token}".encode())]
        path, _, query = path.partition("?")
        scope = {"type": "websocket", "path": path, "query_string": query.encode(), "headers": headers}
        super().__init__(application, {**scope, "subprotocols": []})

    async def open(self) -> None:
        await self.send_input({"type": "websocket.connect"})
        assert (await self.receive_output(timeout=5))["type"] == "websocket.accept"

    async def close(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(timeout=5)


async def close_code(socket: Socket) -> int:
    await socket.open()
    message = await socket.receive_output(timeout=5)
    assert message["type"] == "websocket.close"
    return int(message["code"])


async def heard(socket: Socket, wait_s: float = 5) -> Any:
    return json.loads((await socket.receive_output(timeout=wait_s))["text"])


@pytest.fixture
async def listening(dispatcher: User) -> AsyncIterator[Socket]:
    socket = Socket(str(AccessToken.for_user(dispatcher)))
    await socket.open()
    while not feed.feed()._subscriptions:  # noqa: ASYNC110 - the socket is open before its feed is
        await asyncio.sleep(0.01)
    yield socket
    await socket.close()


@pytest.fixture(autouse=True)
async def _feed_ends_with_its_test() -> AsyncIterator[None]:
    yield
    feed.feed().stop()


@pytest.mark.parametrize("token", [None, "", "nonsense", "a.b.c"])
async def test_without_a_good_token_it_closes_with_4401(token: str | None) -> None:
    assert await close_code(Socket(token)) == 4401


async def test_banned_dispatcher_is_refused(dispatcher: User) -> None:
    token = str(AccessToken.for_user(dispatcher))
    await sync_to_async(change_standing)(dispatcher, role="ADMIN", status=Status.BANNED)
    assert await close_code(Socket(token)) == 4401


async def test_who_is_not_a_dispatcher_is_refused_with_4403(wearer: User) -> None:
    assert await close_code(Socket(str(AccessToken.for_user(wearer)))) == 4403


async def test_unknown_path_closes_with_4404() -> None:
    assert await close_code(Socket(None, "/ws/nothing/")) == 4404


async def test_new_event_is_told_as_the_spec_prints_it(listening: Any, wearer: User, press: Callable[..., Any]) -> None:
    answer = await sync_to_async(press)(wearer)
    message = await heard(listening)
    assert message == {
        "type": "sos_event",
        "seq": message["seq"],
        "payload": {
            "event_uid": answer.json()["event_uid"],
            "timestamp": "2025-10-28T12:00:00Z",
            "resolved": False,
            "detected_type": "FALL_DETECTED",
            "severity": 4,
            "device_uid": "watch_unique_serial_001",
            "user_phone": str(wearer.phone_number),
            "lat": 41.311081,
            "lon": 69.240562,
        },
    }


async def test_duplicate_tells_nothing(listening: Any, wearer: User, press: Callable[..., Any]) -> None:
    await sync_to_async(press)(wearer)
    first = await heard(listening)
    await sync_to_async(press)(wearer)
    await sync_to_async(press)(wearer, device_uid="another", timestamp="2025-10-28T13:00:00Z")
    await sync_to_async(SosEvent.objects.update)(last_signal_at="2020-01-01T00:00:00Z")
    await sync_to_async(press)(wearer, timestamp="2025-10-28T14:00:00Z")
    second = await heard(listening)
    assert second["seq"] > first["seq"]
    assert second["payload"]["timestamp"] == "2025-10-28T14:00:00Z"


async def test_lost_hint_only_delays(
    listening: Any, wearer: User, press: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mdd_backend.hints.journal", lambda: None)
    await sync_to_async(press)(wearer)
    assert (await heard(listening, wait_s=feed.POLL_S + 2))["type"] == "sos_event"


async def test_who_comes_back_hears_what_was_missed_once_and_in_order(
    dispatcher: User, wearer: User, person: Any, press: Callable[..., Any]
) -> None:
    people = [await sync_to_async(person)() for _ in range(5)]
    for user in people[:3]:
        await sync_to_async(press)(user)
    socket = Socket(str(AccessToken.for_user(dispatcher)), f"{PATH}?after=0")
    await socket.open()
    got = [await heard(socket) for _ in people[:3]]
    for user in people[3:]:
        await sync_to_async(press)(user)
    got += [await heard(socket) for _ in people[3:]]
    assert [m["payload"]["user_phone"] for m in got] == [str(user.phone_number) for user in people]
    assert [m["seq"] for m in got] == sorted({m["seq"] for m in got})
    await socket.close()


def test_reader_that_falls_behind_is_told_so() -> None:
    subscription = feed.Subscription(0)
    for position in range(1, feed.WAITING_MOST + 2):
        subscription.put(position, "message")
    with pytest.raises(feed.TooSlow):
        asyncio.run(subscription.next())
