"""A stand-in for Firebase Cloud Messaging: its HTTP v1 protocol, the phones behind it, and faults on request.

`python -m simulator.standins.fcm --port 8099 --key-file key.json`, or `with running_stand_in() as fcm:` in a test.
With `--tls FILE`, or a `certificate`, over TLS and by HTTP/2 or HTTP/1.1, as Firebase; else over plain HTTP/1.1.

The provider's side:
    POST /token                                   a signed assertion for an access token
    POST /v1/projects/{project}/messages:send     a message to a phone

The stand-in's own side, beside what every one has (provider.py):
    GET  /_control/phones/{token}/messages?…      what reached one phone
    POST /_control/unregister                     {"token": "…"}: the app is gone from that phone
"""

import argparse
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import provider
from .certificate import make_certificate
from .faults import FaultKind
from .fcm_schema import violations
from .google_oauth import Refused, ServiceAccount
from .loopback import CutConnection, listen, running, server
from .provider import after

PROJECT = "mdd-stand-in"


@dataclass
class Send:
    """One attempt to send; its `outcome` is `accepted`, a status of Google's, or the fault that ate it."""

    number: int
    token: str | None
    message: dict[str, Any]
    at: float
    """Seconds since 1970."""
    outcome: str = "pending"
    status: int | None = None
    """None while, or because, no answer is given."""


@dataclass(frozen=True)
class Delivery:
    """A message that reached a phone. `name` is what Google answered, or would have."""

    number: int
    name: str
    token: str
    message: dict[str, Any]
    at: float
    """Seconds since 1970."""


class StandIn(provider.StandIn):
    """Firebase, one project of it, and the phones behind it."""

    def __init__(self, account: ServiceAccount) -> None:
        self.account = account
        super().__init__()

    def routes(self) -> list[Route]:
        return [
            Route("/token", self._token, methods=["POST"]),
            Route("/v1/projects/{project}/messages:send", self._send, methods=["POST"]),
            Route("/_control/phones/{token}/messages", self._get_messages),
            Route("/_control/unregister", self._post_unregister, methods=["POST"]),
        ]

    def forget(self) -> None:
        super().forget()
        self._deliveries: list[Delivery] = []
        self._sends: list[Send] = []
        self._unregistered: set[str] = set()

    def delivered(self, request: Request) -> list[Delivery]:
        token = request.path_params.get("token")
        return [delivery for delivery in self._deliveries[after(request) :] if token in (None, delivery.token)]

    def attempts(self, request: Request) -> list[Send]:
        return self._sends[after(request) :]

    # The provider's side

    async def _token(self, request: Request) -> Response:
        fault = self.script.next("token")
        if refusal := await self.commit(fault, request):
            return refusal
        try:
            token = self.account.access_token(dict(parse_qsl((await request.body()).decode())))
        except Refused as why:
            return JSONResponse({"error": why.error, "error_description": why.description}, 400)
        if fault and fault.kind is FaultKind.CUT_AFTER:
            raise CutConnection
        return JSONResponse({"access_token": token, "expires_in": 3600, "token_type": "Bearer"})

    async def _send(self, request: Request) -> Response:
        send = self._note(await _message_in(request))
        try:
            answer = await self._accept(request, send)
        except CutConnection:
            self.tell()
            raise
        send.status = answer.status_code
        self.tell()
        return answer

    def _note(self, message: dict[str, Any]) -> Send:
        token = message.get("token")
        send = Send(len(self._sends) + 1, token if isinstance(token, str) else None, message, time.time())
        self._sends.append(send)
        return send

    async def _accept(self, request: Request, send: Send) -> Response:
        fault = self.script.next("send", send.token)
        if fault:
            send.outcome = fault.kind.value
            self.tell()
        refusal = await self.commit(fault, request) or await self._refusal(request, send)
        if refusal:
            send.outcome = _status_of(refusal)
            return refusal
        name = f"projects/{self.account.project}/messages/0:{time.time_ns() // 1000}%{secrets.token_hex(8)}"
        if fault and fault.kind is FaultKind.SWALLOW:
            return JSONResponse({"name": name})
        self._deliver(name, send)
        if fault and fault.kind is FaultKind.CUT_AFTER:
            raise CutConnection
        send.outcome = "accepted"
        return JSONResponse({"name": name})

    async def _refusal(self, request: Request, send: Send) -> JSONResponse | None:
        """What Google itself would answer to this request instead of 200."""
        if not self.account.honours(request.headers.get("authorization", "")):
            return _unauthenticated()
        if request.path_params["project"] != self.account.project:
            return _error(403, "PERMISSION_DENIED", "The caller does not have permission")
        try:
            wrong = violations(await request.json())
        except ValueError:
            return _error(400, "INVALID_ARGUMENT", "Invalid JSON payload received.")
        if wrong:
            return _bad_request([violation._asdict() for violation in wrong])
        return _unregistered() if send.token in self._unregistered else None

    def _deliver(self, name: str, send: Send) -> None:
        number = len(self._deliveries) + 1
        self._deliveries.append(Delivery(number, name, send.token or "", send.message, time.time()))

    # The stand-in's own side

    async def _post_unregister(self, request: Request) -> JSONResponse:
        self._unregistered.add((await request.json())["token"])
        return JSONResponse({})


async def _message_in(request: Request) -> dict[str, Any]:
    try:
        message = (await request.json())["message"]
    except (ValueError, KeyError, TypeError):
        return {}
    return message if isinstance(message, dict) else {}


def _error(code: int, status: str, message: str, *details: dict[str, Any]) -> JSONResponse:
    error = {"code": code, "message": message, "status": status, "details": list(details)}
    return JSONResponse({"error": error}, code)


def _status_of(refusal: Response) -> str:
    return str(json.loads(bytes(refusal.body))["error"]["status"])


def _fcm_error(error_code: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": error_code}


def _bad_request(field_violations: list[dict[str, str]]) -> JSONResponse:
    detail = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": field_violations}
    why = "\n".join(violation["description"] for violation in field_violations)
    return _error(400, "INVALID_ARGUMENT", why, _fcm_error("INVALID_ARGUMENT"), detail)


def _unauthenticated() -> JSONResponse:
    return _error(
        401,
        "UNAUTHENTICATED",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other"
        " valid authentication credential.",
    )


def _unregistered() -> JSONResponse:
    return _error(404, "NOT_FOUND", "Requested entity was not found.", _fcm_error("UNREGISTERED"))


FAULT_ANSWERS = {
    FaultKind.UNAVAILABLE: _error(
        503, "UNAVAILABLE", "The service is currently unavailable.", _fcm_error("UNAVAILABLE")
    ),
    FaultKind.THROTTLE: _error(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", _fcm_error("QUOTA_EXCEEDED")),
    FaultKind.INTERNAL: _error(500, "INTERNAL", "Internal error encountered.", _fcm_error("INTERNAL")),
    FaultKind.INVALID: _bad_request([{"field": "message", "description": "Request contains an invalid argument."}]),
    FaultKind.BAD_TOKEN: _unauthenticated(),
    FaultKind.UNREGISTERED: _unregistered(),
}


StandIn.fault_answers = FAULT_ANSWERS


class Control(provider.Control):
    """Firebase as tests see it."""

    def messages(self, after: int = 0, wait_s: float = 0, token: str | None = None) -> list[Delivery]:
        """What reached phones, numbers above `after`; waits for the first up to `wait_s` seconds."""
        path = f"phones/{token}/messages" if token else "messages"
        return [Delivery(**fields) for fields in self.call("GET", f"{path}?after={after}&wait={wait_s}")["messages"]]

    def sends(self, after: int = 0, wait_s: float = 0) -> list[Send]:
        """Every attempt to send."""
        return [Send(**fields) for fields in self.call("GET", f"sends?after={after}&wait={wait_s}")["sends"]]

    def unregister(self, token: str) -> None:
        self.call("POST", "unregister", {"token": token})


class Running(Control):
    """A stand-in in this process. `service_account` is the content of Google's key file."""

    def __init__(self, url: str, service_account: dict[str, str], certificate: Path | None = None) -> None:
        super().__init__(url, certificate)
        self.service_account = service_account


@contextmanager
def running_stand_in(project: str = PROJECT, certificate: Path | None = None) -> Iterator[Running]:
    """On a free port of loopback, in a thread of its own; with a certificate of `make_certificate` over TLS."""
    listener = listen()
    url = f"{'https' if certificate else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
    account = ServiceAccount.create(project, f"{url}/token")
    fcm = Running(url, account.key, certificate)
    with running(StandIn(account).app, listener, certificate):
        yield fcm
        fcm.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m simulator.standins.fcm", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--key-file", type=Path, required=True, help="where the service account's key is written")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen; in a container of its own, 0.0.0.0")
    parser.add_argument("--name", default="127.0.0.1", help="what others call this host")
    parser.add_argument("--tls", type=Path, metavar="FILE", help="over TLS; the certificate to trust is written there")
    arguments = parser.parse_args()
    certificate = make_certificate(arguments.tls, arguments.name) if arguments.tls else None
    token_uri = f"{'https' if certificate else 'http'}://{arguments.name}:{arguments.port}/token"
    account = ServiceAccount.kept_in(arguments.key_file, PROJECT, token_uri)
    server(StandIn(account).app, listen(arguments.port, arguments.host), certificate).run()


if __name__ == "__main__":
    main()
