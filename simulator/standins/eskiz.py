"""A stand-in for Eskiz, the gateway for text messages: its HTTP API, the phones behind it, and faults on request.

`python -m simulator.standins.eskiz --port 8098`, or `with running_eskiz() as eskiz:` in a test. EMAIL and PASSWORD are
its account.

The gateway's side (forms in, JSON out):
    POST /api/auth/login          email, password: a token
    POST /api/message/sms/send    mobile_phone, message, from, callback_url: a message to a phone

The stand-in's own side, beside what every one has (provider.py):
    POST /_control/expire                         no token that was given out is good any more
    POST /_control/status                         {"id": "…", "status": "DELIVRD"}: tells the message's callback_url
"""

import argparse
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl
from uuid import uuid4

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import provider
from .faults import FaultKind
from .loopback import CutConnection, listen, running, server
from .provider import after

EMAIL, PASSWORD = "sos@stand-in.example", "stand-in-password"


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


class StandIn(provider.StandIn):
    """The gateway, its account and the phones behind it."""

    def routes(self) -> list[Route]:
        return [
            Route("/api/auth/login", self._login, methods=["POST"]),
            Route("/api/message/sms/send", self._send, methods=["POST"]),
            Route("/_control/expire", self._post_expire, methods=["POST"]),
            Route("/_control/status", self._post_status, methods=["POST"]),
        ]

    def forget(self) -> None:
        super().forget()
        self._texts: list[Text] = []
        self._tokens: set[str] = set()

    def delivered(self, request: Request) -> list[Text]:
        return [text for text in self.attempts(request) if text.is_delivered]

    def attempts(self, request: Request) -> list[Text]:
        return self._texts[after(request) :]

    # The gateway's side

    async def _login(self, request: Request) -> Response:
        fault = self.script.next("token")
        if refusal := await self.commit(fault, request):
            return refusal
        form = await _form(request)
        if (form.get("email"), form.get("password")) != (EMAIL, PASSWORD):
            return JSONResponse({"status": "error", "message": "Invalid credentials"}, 401)
        token = secrets.token_urlsafe(32)
        self._tokens.add(token)
        if fault and fault.kind is FaultKind.CUT_AFTER:
            raise CutConnection
        return JSONResponse({"message": "token_generated", "data": {"token": token}, "token_type": "bearer"})

    async def _send(self, request: Request) -> Response:
        text = self._note(await _form(request))
        try:
            answer = await self._accept(request, text)
        except CutConnection:
            self.tell()
            raise
        text.status = answer.status_code
        self.tell()
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

    async def _accept(self, request: Request, text: Text) -> Response:
        fault = self.script.next("send", text.phone)
        if fault:
            text.outcome = fault.kind.value
            self.tell()
        if refusal := await self.commit(fault, request):
            return refusal
        if refusal := self._refusal(request, text):
            text.outcome = "refused"
            return refusal
        text.is_delivered = fault is None or fault.kind is not FaultKind.SWALLOW
        if fault and fault.kind is FaultKind.CUT_AFTER:
            raise CutConnection
        if text.is_delivered:
            text.outcome = "accepted"
        return JSONResponse({"id": text.id, "message": "Waiting for SMS provider", "status": "waiting"})

    def _refusal(self, request: Request, text: Text) -> JSONResponse | None:
        """What the gateway itself would answer to this request instead of 200."""
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self._tokens:
            return _EXPIRED
        wrong = {"mobile_phone": re.fullmatch(r"\d{9,15}", text.phone), "message": text.text, "from": text.sender}
        message = {field: ["This field is required."] for field, value in wrong.items() if not value}
        return JSONResponse({"status": "error", "message": message}, 400) if message else None

    # The stand-in's own side

    async def _post_expire(self, _request: Request) -> JSONResponse:
        self._tokens.clear()
        return JSONResponse({})

    async def _post_status(self, request: Request) -> JSONResponse:
        body = await request.json()
        text = next(text for text in self._texts if text.id == body["id"])
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(text.callback_url, data=_report(text, body["status"]))
        return JSONResponse({"heard": answer.status_code})


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode()))


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


_EXPIRED = JSONResponse({"message": "Expired", "status": "token-expired"}, 401)
FAULT_ANSWERS = {
    FaultKind.UNAVAILABLE: JSONResponse({"status": "error", "message": "Service Unavailable"}, 503),
    FaultKind.THROTTLE: JSONResponse({"status": "error", "message": "Too Many Attempts."}, 429),
    FaultKind.INTERNAL: JSONResponse({"status": "error", "message": "Server Error"}, 500),
    FaultKind.INVALID: JSONResponse(
        {"status": "error", "message": "The text is not among the approved templates."}, 400
    ),
    FaultKind.BAD_TOKEN: _EXPIRED,
}


StandIn.fault_answers = FAULT_ANSWERS


class Control(provider.Control):
    """The gateway as tests see it."""

    email, password = EMAIL, PASSWORD

    def messages(self, after: int = 0, wait_s: float = 0) -> list[Text]:
        """What reached phones, numbers above `after`; waits for the first up to `wait_s` seconds."""
        return [Text(**fields) for fields in self.call("GET", f"messages?after={after}&wait={wait_s}")["messages"]]

    def sends(self, after: int = 0, wait_s: float = 0) -> list[Text]:
        """Every attempt to send."""
        return [Text(**fields) for fields in self.call("GET", f"sends?after={after}&wait={wait_s}")["sends"]]

    def expire(self) -> None:
        """No token that was given out is good any more."""
        self.call("POST", "expire")

    def report(self, text: Text, status: str) -> int:
        """Tells the message's callback_url its status, e.g. DELIVRD; returns the HTTP status heard there."""
        return int(self.call("POST", "status", {"id": text.id, "status": status})["heard"])


@contextmanager
def running_eskiz() -> Iterator[Control]:
    """On a free port of loopback, in a thread of its own."""
    listener = listen()
    eskiz = Control(f"http://127.0.0.1:{listener.getsockname()[1]}")
    with running(StandIn().app, listener):
        yield eskiz
        eskiz.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m simulator.standins.eskiz", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1", help="where to listen; in a container of its own, 0.0.0.0")
    arguments = parser.parse_args()
    server(StandIn().app, listen(arguments.port, arguments.host)).run()


if __name__ == "__main__":
    main()
