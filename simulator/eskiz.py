"""A stand-in for Eskiz, the gateway for text messages: its HTTP API, the phones behind it, and faults on request.

`python -m simulator.eskiz --port 8098`, or `with running_eskiz() as eskiz:` in a test. Its account: EMAIL, PASSWORD.

The gateway's side (forms in, JSON out):
    POST /api/auth/login          email, password: a token
    POST /api/message/sms/send    mobile_phone, message, from, callback_url: a message to a phone

The stand-in's own side, for tests and the demo:
    GET  /healthz
    GET  /_control/messages?after=N&wait=S        what reached phones, numbers above N; waits up to S seconds for some
    GET  /_control/sends?after=N&wait=S           every attempt to send, with its outcome
    PUT  /_control/faults                         {"seed": 7, "faults": [{"kind": "throttle", "count": 2}]}
    POST /_control/release                        lets go of requests that hang
    POST /_control/expire                         no token that was given out is good any more
    POST /_control/status                         {"id": "…", "status": "DELIVRD"}: tells the message's callback_url
    POST /_control/reset                          forgets messages, sends, tokens and faults
"""

import argparse
import asyncio
import json
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

import httpx

from .faults import BadScript, Fault, FaultKind, FaultScript
from .loopback import Answer, App, CutConnection, Request, listen, running, server

EMAIL, PASSWORD = "sos@stand-in.example", "stand-in-password"
LONGEST_WAIT_S = 60.0


@dataclass
class Text:
    """One attempt to send; its `outcome` is `accepted`, `refused`, or the fault that ate it."""

    number: int
    id: str
    phone: str
    text: str
    sender: str
    callback_url: str
    at: float
    """Seconds since 1970."""
    outcome: str = "pending"
    status: int | None = None
    """None while, or because, no answer is given."""
    is_delivered: bool = False


class StandIn:
    """Lives in one event loop; from outside it is spoken to over HTTP, see Control."""

    def __init__(self) -> None:
        self._forget()
        self._news = asyncio.Event()
        self._release = asyncio.Event()
        self.app = App()
        for method, path, handler in (
            ("POST", "/api/auth/login", self._login),
            ("POST", "/api/message/sms/send", self._send),
            ("GET", "/healthz", self._healthz),
            ("GET", "/_control/messages", self._get_messages),
            ("GET", "/_control/sends", self._get_sends),
            ("PUT", "/_control/faults", self._put_faults),
            ("POST", "/_control/release", self._post_release),
            ("POST", "/_control/expire", self._post_expire),
            ("POST", "/_control/status", self._post_status),
            ("POST", "/_control/reset", self._post_reset),
        ):
            self.app.route(method, path, handler)

    def _forget(self) -> None:
        self._texts: list[Text] = []
        self._tokens: set[str] = set()
        self._script = FaultScript()

    # The gateway's side

    async def _login(self, request: Request) -> Answer:
        fault = self._script.next("token")
        if refusal := await self._commit(fault, request):
            return refusal
        form = _form(request)
        if (form.get("email"), form.get("password")) != (EMAIL, PASSWORD):
            return Answer(401, {"status": "error", "message": "Invalid credentials"})
        token = secrets.token_urlsafe(32)
        self._tokens.add(token)
        if fault and fault.kind is FaultKind.CUT_AFTER:
            raise CutConnection
        return Answer(200, {"message": "token_generated", "data": {"token": token}, "token_type": "bearer"})

    async def _send(self, request: Request) -> Answer:
        text = self._note(_form(request))
        try:
            answer = await self._accept(request, text)
        except CutConnection:
            self._tell()
            raise
        text.status = answer.status
        self._tell()
        return answer

    def _note(self, form: dict[str, str]) -> Text:
        text = Text(
            number=len(self._texts) + 1,
            id=str(uuid4()),
            phone=form.get("mobile_phone", ""),
            text=form.get("message", ""),
            sender=form.get("from", ""),
            callback_url=form.get("callback_url", ""),
            at=time.time(),
        )
        self._texts.append(text)
        return text

    async def _accept(self, request: Request, text: Text) -> Answer:
        fault = self._script.next("send", text.phone)
        if fault:
            text.outcome = fault.kind.value
            self._tell()
        if refusal := await self._commit(fault, request):
            return refusal
        if refusal := self._refusal(request, text):
            text.outcome = "refused"
            return refusal
        text.is_delivered = fault is None or fault.kind is not FaultKind.SWALLOW
        if fault and fault.kind is FaultKind.CUT_AFTER:
            raise CutConnection
        if text.is_delivered:
            text.outcome = "accepted"
        return Answer(200, {"id": text.id, "message": "Waiting for SMS provider", "status": "waiting"})

    async def _commit(self, fault: Fault | None, request: Request) -> Answer | None:
        """What the fault answers; None when the request goes on."""
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
                return _fault_answer(fault)
        return None

    async def _hang(self, request: Request) -> None:
        gone = asyncio.create_task(request.gone())
        released = asyncio.create_task(self._release.wait())
        done, waiting = await asyncio.wait({gone, released}, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        if gone in done:
            raise CutConnection

    def _refusal(self, request: Request, text: Text) -> Answer | None:
        """What the gateway itself would answer to this request instead of 200."""
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self._tokens:
            return _EXPIRED
        wrong = {"mobile_phone": re.fullmatch(r"\d{9,15}", text.phone), "message": text.text, "from": text.sender}
        message = {field: ["This field is required."] for field, value in wrong.items() if not value}
        return Answer(400, {"status": "error", "message": message}) if message else None

    # The stand-in's own side

    async def _healthz(self, _request: Request) -> Answer:
        return Answer(200, {"status": "ok"})

    async def _get_messages(self, request: Request) -> Answer:
        found = await self._wait_for(lambda text: text.is_delivered, request)
        return Answer(200, {"messages": [asdict(text) for text in found]})

    async def _get_sends(self, request: Request) -> Answer:
        found = await self._wait_for(lambda text: True, request)
        return Answer(200, {"sends": [asdict(text) for text in found]})

    async def _put_faults(self, request: Request) -> Answer:
        try:
            script = json.loads(request.body)
            faults = [Fault.parse(entry) for entry in script.get("faults", [])]
        except (ValueError, AttributeError, BadScript) as why:
            return Answer(400, {"detail": str(why)})
        self._script = FaultScript(faults, script.get("seed", 0))
        return Answer(200, {"faults": [asdict(fault) for fault in faults]})

    async def _post_release(self, _request: Request) -> Answer:
        self._release.set()
        self._release = asyncio.Event()
        return Answer(200, {})

    async def _post_expire(self, _request: Request) -> Answer:
        self._tokens.clear()
        return Answer(200, {})

    async def _post_status(self, request: Request) -> Answer:
        asked = json.loads(request.body)
        text = next(text for text in self._texts if text.id == asked["id"])
        async with httpx.AsyncClient(trust_env=False) as client:
            heard = await client.post(text.callback_url, data=_report(text, asked["status"]))
        return Answer(200, {"heard": heard.status_code})

    async def _post_reset(self, request: Request) -> Answer:
        self._forget()
        self._tell()
        return await self._post_release(request)

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _wait_for(self, is_wanted: Callable[[Text], bool], request: Request) -> list[Text]:
        after, wait_s = int(request.query.get("after", 0)), float(request.query.get("wait", 0))
        try:
            async with asyncio.timeout(min(wait_s, LONGEST_WAIT_S)):
                while not (found := [text for text in self._texts[after:] if is_wanted(text)]):
                    await self._news.wait()
                return found
        except TimeoutError:
            return []


def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode()))


def _report(text: Text, status: str) -> dict[str, str]:
    """What the gateway posts to a callback_url."""
    return {
        "request_id": text.id,
        "message_id": str(text.number),
        "user_sms_id": "",
        "country": "UZ",
        "phone_number": text.phone,
        "sms_count": "1",
        "status": status,
        "status_date": f"{datetime.now():%Y-%m-%d %H:%M:%S}",  # noqa: DTZ005 - the gateway names no time zone
    }


_EXPIRED = Answer(401, {"message": "Expired", "status": "token-expired"})
FAULT_ANSWERS = {
    FaultKind.UNAVAILABLE: Answer(503, {"status": "error", "message": "Service Unavailable"}),
    FaultKind.THROTTLE: Answer(429, {"status": "error", "message": "Too Many Attempts."}),
    FaultKind.INTERNAL: Answer(500, {"status": "error", "message": "Server Error"}),
    FaultKind.INVALID: Answer(400, {"status": "error", "message": "The text is not among the approved templates."}),
    FaultKind.BAD_TOKEN: _EXPIRED,
}


def _fault_answer(fault: Fault) -> Answer | None:
    answer = FAULT_ANSWERS.get(fault.kind)
    if answer and answer.status in (429, 503):
        return replace(answer, headers={"Retry-After": f"{fault.retry_after:g}"})
    return answer


class Control:
    """The stand-in as tests see it, in this process or another. Raises httpx.HTTPError when it does not answer."""

    def __init__(self, url: str) -> None:
        self.url, self.email, self.password = url, EMAIL, PASSWORD
        self._http = httpx.Client(base_url=url, timeout=LONGEST_WAIT_S + 5, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def script(self, *faults: dict[str, Any] | str, seed: int = 0) -> None:
        """Sets the faults, e.g. `script("cut", {"kind": "throttle", "count": 2})`; a bare name means: once."""
        entries = [{"kind": fault, "count": 1} if isinstance(fault, str) else fault for fault in faults]
        self._call("PUT", "faults", {"seed": seed, "faults": entries})

    def messages(self, after: int = 0, wait_s: float = 0) -> list[Text]:
        """What reached phones, numbers above `after`; waits for the first up to `wait_s` seconds."""
        return [Text(**one) for one in self._call("GET", f"messages?after={after}&wait={wait_s}")["messages"]]

    def sends(self, after: int = 0, wait_s: float = 0) -> list[Text]:
        """Every attempt to send."""
        return [Text(**one) for one in self._call("GET", f"sends?after={after}&wait={wait_s}")["sends"]]

    def release(self) -> None:
        """Lets go of requests that hang."""
        self._call("POST", "release")

    def expire(self) -> None:
        """No token that was given out is good any more."""
        self._call("POST", "expire")

    def report(self, text: Text, status: str) -> int:
        """Tells the message's callback_url its status, e.g. DELIVRD; returns the HTTP status heard there."""
        return int(self._call("POST", "status", {"id": text.id, "status": status})["heard"])

    def reset(self) -> None:
        self._call("POST", "reset")

    def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        answer = self._http.request(method, f"/_control/{path}", json=body)
        answer.raise_for_status()
        return dict(answer.json())


@contextmanager
def running_eskiz() -> Iterator[Control]:
    """On a free port of loopback, in a thread of its own."""
    listener = listen()
    eskiz = Control(f"http://127.0.0.1:{listener.getsockname()[1]}")
    with running(StandIn().app, listener):
        yield eskiz
        eskiz.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m simulator.eskiz", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1", help="where to listen; in a container of its own, 0.0.0.0")
    arguments = parser.parse_args()
    server(StandIn().app).run(sockets=[listen(arguments.port, arguments.host)])


if __name__ == "__main__":
    main()
