"""The simulator's people against a service that misbehaves."""

import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from simulator.client import Api, Refused, Wearer, connection
from simulator.people.city import Point
from simulator.standins.loopback import App, CutConnection, listen, running

PHONE, PASSWORD = "+998901234567", "someStrongPassword123"


class Service:
    """Answers from a list, then 201; None cuts the connection."""

    def __init__(self) -> None:
        self.script: list[JSONResponse | None] = []
        self.heard: list[tuple[str, bytes]] = []
        self.app = App(
            [
                Route("/api/v1/auth/register/", self._tokens, methods=["POST"]),
                Route("/api/v1/auth/refresh/", self._tokens, methods=["POST"]),
                Route("/api/v1/sos/trigger/", self._trigger, methods=["POST"]),
            ]
        )

    async def _tokens(self, _request: Request) -> JSONResponse:
        return JSONResponse({"user": {"uuid": "u"}, "access": f"access-{len(self.heard)}", "refresh": "refresh"})

    async def _trigger(self, request: Request) -> JSONResponse:
        self.heard.append((request.headers["authorization"], await request.body()))
        answer = self.script.pop(0) if self.script else JSONResponse({"status": "created", "event_uid": "e"}, 201)
        if answer is None:
            raise CutConnection
        return answer


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def url(service: Service) -> Iterator[str]:
    listener = listen()
    with running(service.app, listener):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest_asyncio.fixture
async def wearer(url: str) -> AsyncIterator[Wearer]:
    async with connection(url) as http:
        wearer = Wearer(Api(http, patience_s=5), "Full Name", PHONE, "watch-1", Point(41.3, 69.2))
        await wearer.api.register(PHONE, "Full Name", PASSWORD)
        yield wearer


async def test_watch_waits_as_long_as_a_busy_service_asks(service: Service, wearer: Wearer) -> None:
    service.script = [JSONResponse({}, 503, {"Retry-After": "1"})]
    began = time.monotonic()
    assert (await wearer.trigger({"severity": 4})).status_code == 201
    assert time.monotonic() - began >= 1
    assert [body for _, body in service.heard] == [b'{"severity":4}'] * 2


async def test_watch_tries_again_when_the_connection_breaks(service: Service, wearer: Wearer) -> None:
    service.script = [None, None]
    assert (await wearer.trigger({})).status_code == 201
    assert len(service.heard) == 3


async def test_watch_gives_up_when_its_patience_ends(service: Service, wearer: Wearer) -> None:
    wearer.api._patience_s = 0.3
    service.script = [None] * 50
    with pytest.raises(httpx.TransportError):
        await wearer.trigger({})


async def test_expired_access_token_is_renewed_on_the_way(service: Service, wearer: Wearer) -> None:
    service.script = [JSONResponse({}, 401)]
    assert (await wearer.trigger({})).status_code == 201
    assert [authorization for authorization, _ in service.heard] == ["Bearer access-0", "Bearer access-1"]


async def test_refusal_is_not_repeated(service: Service, wearer: Wearer) -> None:
    service.script = [JSONResponse({"detail": "no"}, 400)]
    with pytest.raises(Refused, match="400"):
        await wearer.trigger({})
    assert len(service.heard) == 1
