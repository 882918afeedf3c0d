"""What the stand-ins for providers have in common: faults on request, and a side of their own for tests and the demo.

GET  /healthz
GET  /_control/messages?after=N&wait=S        what reached phones, numbers above N; waits up to S seconds for some
GET  /_control/sends?after=N&wait=S           every attempt to send, with its outcome
PUT  /_control/faults                         {"seed": 7, "faults": [{"kind": "throttle", "count": 2}]}
POST /_control/release                        lets go of requests that hang
POST /_control/reset                          forgets everything
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .certificate import trust
from .faults import BadScript, Fault, FaultKind, FaultScript
from .loopback import App, CutConnection, disconnected

LONGEST_WAIT_S = 60.0
Record = TypeVar("Record")


class StandIn(ABC):
    """Lives in one event loop; from outside it is spoken to over HTTP, see Control.

    fault_answers: what the provider says for each fault that it answers at all.
    """

    fault_answers: ClassVar[Mapping[FaultKind, JSONResponse]]

    def __init__(self) -> None:
        self.forget()
        self._news = asyncio.Event()
        self._release = asyncio.Event()
        own = [
            Route("/healthz", self._healthz),
            Route("/_control/messages", self._get_messages),
            Route("/_control/sends", self._get_sends),
            Route("/_control/faults", self._put_faults, methods=["PUT"]),
            Route("/_control/release", self._post_release, methods=["POST"]),
            Route("/_control/reset", self._post_reset, methods=["POST"]),
        ]
        self.app = App([*self.routes(), *own], redirect_slashes=False)

    @abstractmethod
    def routes(self) -> Iterable[Route]:
        """The provider's own addresses, and what else tests may ask of this one."""

    @abstractmethod
    def delivered(self, request: Request) -> list[Any]:
        """What has reached phones, numbers above `after`: dataclasses."""

    @abstractmethod
    def attempts(self, request: Request) -> list[Any]:
        """Every attempt to send, the same way."""

    def forget(self) -> None:
        self.script = FaultScript()

    async def commit(self, fault: Fault | None, request: Request) -> Response | None:
        """What the fault answers; None when the request goes on. Raises CutConnection."""
        if fault is None:
            return None
        match fault.kind:
            case FaultKind.CUT:
                raise CutConnection
            case FaultKind.HANG:
                await self._hang(request)
            case FaultKind.SLOW:
                await asyncio.sleep(fault.delay_s)
            case _:
                return self._answer_to(fault)
        return None

    def tell(self) -> None:
        """Lets whoever waits for messages or attempts look again."""
        self._news.set()
        self._news = asyncio.Event()

    async def wait_for(self, wanted: Callable[[], list[Record]], request: Request) -> list[Record]:
        """What is wanted, once there is some, within the seconds that the request would `wait`."""
        wait_s = min(float(request.query_params.get("wait", 0)), LONGEST_WAIT_S)
        try:
            async with asyncio.timeout(wait_s):
                while not (records := wanted()):
                    await self._news.wait()
                return records
        except TimeoutError:
            return []

    def _answer_to(self, fault: Fault) -> Response | None:
        answer = self.fault_answers.get(fault.kind)
        if answer and answer.status_code in (429, 503):
            headers = {"Retry-After": f"{fault.retry_after:g}"}
            return Response(answer.body, answer.status_code, headers, answer.media_type)
        return answer

    async def _hang(self, request: Request) -> None:
        gave_up = asyncio.create_task(disconnected(request.receive))
        released = asyncio.create_task(self._release.wait())
        done, waiting = await asyncio.wait({gave_up, released}, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        if gave_up in done:
            raise CutConnection

    async def _healthz(self, _request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def _get_messages(self, request: Request) -> JSONResponse:
        records = await self.wait_for(lambda: self.delivered(request), request)
        return JSONResponse({"messages": [asdict(record) for record in records]})

    async def _get_sends(self, request: Request) -> JSONResponse:
        records = await self.wait_for(lambda: self.attempts(request), request)
        return JSONResponse({"sends": [asdict(record) for record in records]})

    async def _put_faults(self, request: Request) -> JSONResponse:
        try:
            script = await request.json()
            faults = [Fault.parse(entry) for entry in script.get("faults", [])]
        except (ValueError, AttributeError, BadScript) as why:
            return JSONResponse({"detail": str(why)}, 400)
        self.script = FaultScript(faults, script.get("seed", 0))
        return JSONResponse({"faults": [asdict(fault) for fault in faults]})

    async def _post_release(self, _request: Request) -> JSONResponse:
        self._release.set()
        self._release = asyncio.Event()
        return JSONResponse({})

    async def _post_reset(self, request: Request) -> JSONResponse:
        self.forget()
        self.tell()
        return await self._post_release(request)


def after(request: Request) -> int:
    """The number above which records are wanted."""
    return int(request.query_params.get("after", 0))


class Control:
    """A stand-in as tests see it, in this process or another. Raises httpx.HTTPError when it does not answer."""

    def __init__(self, url: str, certificate: Path | None = None) -> None:
        self.url, self.certificate = url, certificate
        verify = trust(certificate) if certificate else True
        self._http = httpx.Client(base_url=url, timeout=LONGEST_WAIT_S + 5, trust_env=False, verify=verify)

    def close(self) -> None:
        self._http.close()

    def script(self, *faults: dict[str, Any] | str, seed: int = 0) -> None:
        """Sets the faults, e.g. `script("cut", {"kind": "throttle", "count": 2})`; a bare name means: once."""
        entries = [{"kind": fault, "count": 1} if isinstance(fault, str) else fault for fault in faults]
        self.call("PUT", "faults", {"seed": seed, "faults": entries})

    def release(self) -> None:
        """Lets go of requests that hang."""
        self.call("POST", "release")

    def reset(self) -> None:
        """Forgets everything."""
        self.call("POST", "reset")

    def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """What the stand-in's own side answers."""
        answer = self._http.request(method, f"/_control/{path}", json=body)
        answer.raise_for_status()
        return dict(answer.json())
