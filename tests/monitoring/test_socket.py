"""The dispatchers' socket: who may listen, what they hear, and that nothing is lost on the way."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from itertools import cycle, islice
from typing import Any

import httpx
import pytest
import uvicorn
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.db import connections, transaction
from django.test import Client
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework_simplejwt.tokens import AccessToken
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from apps.monitoring.feed import reader
from apps.sos import journal, sql
from apps.sos.journal.entries import PolicyChanged
from apps.sos.kinds import JournalKind
from apps.sos.locks import JOURNAL
from apps.sos.models import ConsolePresence, JournalEntry, SosEvent
from apps.sos.rules.due_step import take_due_step
from apps.users.models import BrowserSession, Role, Status, User
from apps.users.rules import accounts, sessions
from apps.users.rules.accounts import change_standing
from mdd_backend.asgi import application
from mdd_backend.database import prepared
from tests.journal import example

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


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 - PostgreSQL has no asyncio.Event
            await asyncio.sleep(0.01)


async def is_followed(sockets: int = 1) -> None:
    """A socket is open before its feed is."""

    async def it_is() -> bool:
        return len(reader.feed()._subscriptions) == sockets

    await until(it_is)


@pytest.fixture
async def listening(dispatcher: User) -> AsyncIterator[Socket]:
    socket = Socket(str(AccessToken.for_user(dispatcher)))
    await socket.open()
    await is_followed()
    yield socket
    await socket.close()


@pytest.fixture(autouse=True)
async def _feed_ends_with_its_test() -> AsyncIterator[None]:
    yield
    reader.feed().stop()


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
            "drill": False,
        },
    }


async def test_repeat_is_told_as_an_update(listening: Any, wearer: User, press: Callable[..., Any]) -> None:
    await sync_to_async(press)(wearer)
    first = await heard(listening)
    await sync_to_async(press)(wearer)
    await sync_to_async(press)(wearer, device_uid="another", timestamp="2025-10-28T13:00:00Z")
    repeats = [await heard(listening) for _ in range(2)]
    assert {one["payload"]["kind"] for one in repeats} == {"SIGNAL_MERGED"}
    assert {one["payload"]["event_uid"] for one in repeats} == {first["payload"]["event_uid"]}
    await sync_to_async(SosEvent.objects.update)(last_signal_at="2020-01-01T00:00:00Z")
    await sync_to_async(press)(wearer, timestamp="2025-10-28T14:00:00Z")
    second = await heard(listening)
    assert second["seq"] > first["seq"]
    assert second["payload"]["timestamp"] == "2025-10-28T14:00:00Z"


async def test_whatever_happens_to_an_event_is_told_with_its_status(
    listening: Any, wearer: User, helper: Any, press: Any, client_of: Any, dispatcher: User
) -> None:
    near = await sync_to_async(helper)(100)
    uid = (await sync_to_async(press)(wearer)).json()["event_uid"]
    await sync_to_async(take_due_step)(await sync_to_async(lambda: SosEvent.objects.get().pk)())
    await sync_to_async(client_of(near).post)(f"/api/v1/sos/{uid}/respond/", {"status": "ACCEPTED"}, format="json")
    await sync_to_async(client_of(dispatcher).post)(f"/api/v1/sos/{uid}/resolve/", {"outcome": "HELPED"}, format="json")
    told = []
    while not told or told[-1]["payload"]["kind"] != "EVENT_RESOLVED":
        message = await heard(listening)
        told += [message] if message["type"] == "sos_update" else []
    shown = {one["payload"]["kind"]: one["payload"] for one in told}
    assert shown["WAVE_CALLED"]["data"]["helpers"] == {str(near.uuid): 100}
    assert (shown["HELPER_ACCEPTED"]["status"], shown["HELPER_ACCEPTED"]["actor"]) == ("IN_PROGRESS", str(near.uuid))
    assert (shown["EVENT_RESOLVED"]["status"], shown["EVENT_RESOLVED"]["actor"]) == ("RESOLVED", str(dispatcher.uuid))
    assert [one["seq"] for one in told] == sorted({one["seq"] for one in told})


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("WAVE_CALLED", {"helpers": "x"}), ("WAVE_CALLED", {"helpers": {"x": 1}}), ("DISPATCHERS_ALARMED", {"told": 5}),
        ("HELPER_ASKED", {"helper": [1]}), ("HELPERS_RUNG_AGAIN", {"rung": [{}]}), ("POLICY_CHANGED", ["x"]),
        ("NOTE_ADDED", 5), ("NOTE_ADDED", "x"),
    ],
)  # fmt: skip
async def test_entry_that_cannot_be_told_holds_up_nothing(
    kind: str, data: Any, listening: Any, wearer: User, press: Any
) -> None:
    strange = {"event_id": None, "kind": kind, "status": "", "actor_id": None, "data": data}
    await sync_to_async(prepared.rows)(sql.WRITE, [JOURNAL, json.dumps([strange])])
    await sync_to_async(press)(wearer)
    told, event = await heard(listening), await heard(listening)
    assert (told["payload"]["kind"], told["payload"]["data"]) == (kind, {})
    assert event["type"] == "sos_event"


async def test_expired_token_closes_the_socket(dispatcher: User) -> None:
    token = AccessToken.for_user(dispatcher)
    token.set_exp(lifetime=timedelta(seconds=3))
    socket = Socket(str(token))
    await socket.open()
    await is_followed()
    await sync_to_async(_write)(POLICY_CHANGED)
    assert (await heard(socket))["type"] == "sos_update", "it is good until then"
    assert await socket.receive_output(timeout=5) == {"type": "websocket.close", "code": 4401}
    assert not reader.feed()._subscriptions
    await socket.close()


@pytest.mark.parametrize(("change", "code"), [({"status": Status.BANNED}, 4401), ({"role": Role.USER}, 4401)])
async def test_who_is_no_dispatcher_any_more_is_sent_away(
    change: Any, code: int, dispatcher: User, monkeypatch: pytest.MonkeyPatch, person: Any
) -> None:
    monkeypatch.setattr("apps.monitoring.feed.presence.EVERY_S", 0.05)
    await sync_to_async(person)(role=Role.ADMIN)
    socket = Socket(str(AccessToken.for_user(dispatcher)))
    await socket.open()
    await is_followed()
    await sync_to_async(change_standing)(dispatcher, **change)
    assert await socket.receive_output(timeout=5) == {"type": "websocket.close", "code": code}
    assert not await sync_to_async(console_is_connected)()
    await socket.close()


@pytest.mark.parametrize("how", ["there", "everywhere"])
async def test_who_has_been_signed_out_hears_no_more(
    how: str, dispatcher: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.monitoring.feed.presence.EVERY_S", 0.05)
    token = await sync_to_async(sessions.begin)(dispatcher)
    socket = Socket(str(token.access_token))
    await socket.open()
    await is_followed()
    if how == "there":
        await sync_to_async(sessions.end)(dispatcher, token["session"])
    else:
        await sync_to_async(accounts.sign_out_everywhere)(dispatcher)
        assert (await heard(socket))["payload"]["kind"] == "SIGNED_OUT_EVERYWHERE"
    assert await socket.receive_output(timeout=5) == {"type": "websocket.close", "code": 4401}
    assert await close_code(Socket(str(token.access_token))) == 4401
    await socket.close()


async def test_console_that_cannot_be_noted_still_hears(
    dispatcher: User, monkeypatch: pytest.MonkeyPatch, wearer: User, press: Any
) -> None:
    failures = []

    def fail(user_id: int) -> None:
        failures.append(user_id)
        raise RuntimeError

    monkeypatch.setattr("apps.monitoring.feed.presence.EVERY_S", 0.01)
    monkeypatch.setattr("apps.monitoring.feed.presence.beat", fail)
    socket = Socket(str(AccessToken.for_user(dispatcher)))
    await socket.open()
    await is_followed()

    async def failed_often() -> bool:
        return len(failures) > 2

    await until(failed_often)
    await sync_to_async(press)(wearer)
    assert (await heard(socket))["type"] == "sos_event"
    await socket.close()


async def test_console_is_present_while_its_socket_is_open(listening: Any, dispatcher: User) -> None:
    there = sync_to_async(ConsolePresence.objects.filter(user=dispatcher).exists)
    await until(there)
    second = Socket(str(AccessToken.for_user(dispatcher)))
    await second.open()
    await second.close()
    assert await there(), "the first one is still open"
    await listening.close()
    assert not await there()
    assert not await sync_to_async(console_is_connected)()


@asynccontextmanager
async def served() -> AsyncIterator[str]:
    """The application behind a real server, for what only a network can do."""
    server = uvicorn.Server(uvicorn.Config(application, port=0, lifespan="off", log_config=None))
    serving = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await until(started)
    yield f"ws://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}{PATH}"
    server.should_exit = True
    await serving


async def test_files_are_served_on_a_connection_that_has_asked_for_something_else(settings: Any) -> None:
    """As a browser does: the page first, then its files over the same connection."""
    async with (
        served() as url,
        httpx.AsyncClient(base_url=f"http{url.removeprefix('ws').removesuffix(PATH)}") as client,
    ):
        answers = [
            await client.get(path)
            for path in ("/console/sign-in/", "/static/no-such-file", "/health/live", "/static/x")
        ]
    assert [answer.status_code for answer in answers] == [200, 404, 200, 404]


async def test_client_that_does_not_read_is_let_go_and_comes_back(
    dispatcher: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.monitoring.feed.consumers.SEND_MOST_S", 0.5)
    headers = {"Authorization": f"Bearer {AccessToken.for_user(dispatcher)}"}
    large = journal.Entry(None, JournalKind.POLICY_CHANGED, data=PolicyChanged(None, {"of": ["x" * 20_000]}))
    async with served() as url:
        async with connect(url, additional_headers=headers, compression=None, max_queue=2) as client:
            await is_followed()
            await until(sync_to_async(console_is_connected))
            await sync_to_async(_write)(*[large] * 900)
            await is_followed(sockets=0)
            await until(sync_to_async(lambda: not console_is_connected()))
            got = []
            async for message in _until_closed(client):
                got.append(json.loads(message)["seq"])
            assert client.close_code == 4408
        async with connect(f"{url}?after={got[-1]}", additional_headers=headers) as client:
            got += [json.loads(await client.recv())["seq"] for _ in range(900 - len(got))]
    assert got == await sync_to_async(_positions)()


async def _until_closed(client: ClientConnection) -> AsyncIterator[str | bytes]:
    with suppress(ConnectionClosed):
        while True:
            yield await client.recv()


POLICY_CHANGED = journal.Entry(None, JournalKind.POLICY_CHANGED, data=PolicyChanged(None, {}))


def console_is_connected() -> bool:
    connected: bool = prepared.rows(f"SELECT {sql.CONSOLE_CONNECTED}", [])[0][0]
    return connected


def _write(*entries: journal.Entry) -> None:
    with transaction.atomic():
        journal.write(*entries)


def _positions() -> list[int]:
    return list(JournalEntry.objects.order_by("position").values_list("position", flat=True))


async def test_nothing_is_missed_or_repeated_while_thousands_are_written(
    dispatcher: User, wearer: User, press: Any
) -> None:
    await sync_to_async(press)(wearer)
    event = await sync_to_async(SosEvent.objects.get)()
    before = await sync_to_async(_positions)()
    kinds = cycle(JournalKind)

    def write(_: int) -> None:
        try:
            for _ in range(125):
                _write(*(journal.Entry(event.pk, kind, data=example(kind)) for kind in islice(kinds, 6)))
        finally:
            connections.close_all()

    async def hear(messages: int, after: int) -> list[int]:
        socket = Socket(str(AccessToken.for_user(dispatcher)), f"{PATH}?after={after}")
        await socket.open()
        got = [(await heard(socket, wait_s=20))["seq"] for _ in range(messages)]
        await socket.close()
        return got

    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(write, n) for n in range(4)]
        got: list[int] = []
        for messages in (1, 7, 392, 600, 2000):
            got += await hear(messages, after=(before + got)[-1])
        for one in writing:
            one.result()
    assert before + got == await sync_to_async(_positions)()


def test_the_same_messages_over_http(wearer: User, helper: Any, press: Any, client_of: Any, dispatcher: User) -> None:
    helper(100)
    press(wearer)
    take_due_step(SosEvent.objects.get().pk)
    client = client_of(dispatcher)
    before = JournalEntry.objects.get(kind="EVENT_OPENED").position - 1
    first = client.get(f"/api/v1/sos/feed/?after={before}&limit=1").json()
    assert ([one["type"] for one in first["messages"]], first["more"]) == (["sos_event"], True)
    rest = client.get(f"/api/v1/sos/feed/?after={first['last']}").json()
    told = [one["seq"] for one in first["messages"] + rest["messages"]]
    entries = JournalEntry.objects.filter(position__gt=before).order_by("position")
    assert told == list(entries.values_list("position", flat=True))
    assert (rest["last"], rest["more"]) == (told[-1], False)


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", "after=1e3", "after=99999999999999999999", "limit=0", "limit=501", "limit=nan"]
)
def test_wrong_query_is_named(query: str, client_of: Any, dispatcher: User) -> None:
    answer = client_of(dispatcher).get(f"/api/v1/sos/feed/?{query}")
    assert (answer.status_code, query.partition("=")[0] in answer.json()) == (400, True)


async def test_lost_hint_only_delays(
    listening: Any, wearer: User, press: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mdd_backend.hints.journal", lambda: None)
    await sync_to_async(press)(wearer)
    assert (await heard(listening, wait_s=reader.POLL_S + 2))["type"] == "sos_event"


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
    subscription = reader.Subscription(0)
    for position in range(1, reader.WAITING_MOST + 2):
        subscription.put(position, "message")
    with pytest.raises(reader.TooSlow):
        asyncio.run(subscription.next())


class Browser(Socket):
    """A page's socket: with the session's cookie, from the page's origin."""

    def __init__(self, cookie: str, origin: str | None, path: str = PATH) -> None:
        super().__init__(None, path)
        names = {"cookie": f"sessionid={cookie}", "host": "testserver:8000"} | ({"origin": origin} if origin else {})
        self.scope["headers"] = [(name.encode(), value.encode()) for name, value in names.items()]


def session_of(user: User) -> str:
    browser = Client()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return str(browser.cookies["sessionid"].value)


@pytest.mark.parametrize("origin", ["http://testserver:8000", "https://mdd.example.org"])
async def test_page_of_ours_listens_by_its_session(origin: str, dispatcher: User, settings: Any) -> None:
    settings.PUBLIC_URL = "https://mdd.example.org"
    socket = Browser(await sync_to_async(session_of)(dispatcher), origin)
    await socket.open()
    await is_followed()
    await socket.send_input({"type": "websocket.receive", "text": "ping"})
    pong = await heard(socket)
    assert (pong["type"], pong["seq"]) == ("pong", reader.feed().position)
    assert abs((parse_datetime(pong["at"]) - timezone.now()).total_seconds()) < 5  # type: ignore[operator]
    await socket.close()


@pytest.mark.parametrize(
    "origin", [None, "", "null", "http://testserver", "http://testserver:8001", "https://evil.example.org"]
)
async def test_page_of_another_site_is_refused_whoever_is_signed_in(origin: str | None, dispatcher: User) -> None:
    assert await close_code(Browser(await sync_to_async(session_of)(dispatcher), origin)) == 4401


async def test_session_of_a_wearer_or_of_nobody_is_refused(wearer: User) -> None:
    for cookie in (await sync_to_async(session_of)(wearer), "nonsense", ""):
        assert await close_code(Browser(cookie, "http://testserver:8000")) == 4401


async def test_session_that_has_ended_closes_its_socket(dispatcher: User, monkeypatch: Any) -> None:
    monkeypatch.setattr("apps.monitoring.feed.presence.EVERY_S", 0.05)
    cookie = await sync_to_async(session_of)(dispatcher)
    socket = Browser(cookie, "http://testserver:8000")
    await socket.open()
    await sync_to_async(BrowserSession.objects.all().delete)()
    message = await socket.receive_output(timeout=5)
    assert (message["type"], message["code"]) == ("websocket.close", 4401)


async def test_anything_but_a_ping_is_not_answered(listening: Any) -> None:
    for words in ("", "pong", "{}", "x" * 10_000):
        await listening.send_input({"type": "websocket.receive", "text": words})
    assert await listening.receive_nothing(timeout=0.3)
