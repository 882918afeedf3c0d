"""The stand-in for Eskiz answers as Eskiz does, and fails as asked."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from simulator.standins.eskiz import EMAIL, PASSWORD, Control, running_eskiz
from simulator.standins.loopback import App, listen, running

TEXT = {
    "mobile_phone": "998901234567",
    "message": "MDD: your alarm is over.",
    "from": "4546",
    "callback_url": "http://127.0.0.1:9/status",
}
SEND = "/api/message/sms/send"


@pytest.fixture(scope="module")
def stand_in() -> Iterator[Control]:
    with running_eskiz() as eskiz:
        yield eskiz


@pytest.fixture
def eskiz(stand_in: Control) -> Control:
    stand_in.reset()
    return stand_in


@pytest.fixture
def http(stand_in: Control) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stand_in.url, timeout=5, trust_env=False) as client:
        yield client


def login(http: httpx.Client, **changes: str) -> httpx.Response:
    return http.post("/api/auth/login", data={"email": EMAIL, "password": PASSWORD} | changes)


@pytest.fixture
def bearer(eskiz: Control, http: httpx.Client) -> dict[str, str]:
    return {"Authorization": f"Bearer {login(http).json()['data']['token']}"}


def send(http: httpx.Client, bearer: dict[str, str], **changes: Any) -> httpx.Response:
    return http.post(SEND, data=TEXT | changes, headers=bearer)


def test_password_buys_a_token(eskiz: Control, http: httpx.Client) -> None:
    answer = login(http)
    token = answer.json()["data"]["token"]
    assert (answer.status_code, answer.json()) == (
        200, {"message": "token_generated", "data": {"token": token}, "token_type": "bearer"},
    )  # fmt: skip
    assert login(http, password="another").status_code == 401


def test_text_is_taken_and_reaches_the_phone(eskiz: Control, http: httpx.Client, bearer: dict[str, str]) -> None:
    answer = send(http, bearer)
    (text,) = eskiz.messages()
    assert (answer.status_code, answer.json()["status"], answer.json()["id"]) == (200, "waiting", text.id)
    assert (text.phone, text.text, text.sender) == ("998901234567", "MDD: your alarm is over.", "4546")
    assert (text.outcome, text.status) == ("accepted", 200)


@pytest.mark.parametrize(
    ("field", "value"), [("mobile_phone", ""), ("mobile_phone", "+998901234567"), ("message", ""), ("from", "")]
)
def test_wrong_field_is_named(
    eskiz: Control, http: httpx.Client, bearer: dict[str, str], field: str, value: str
) -> None:
    answer = send(http, bearer, **{field: value})
    assert (answer.status_code, answer.json()["status"], list(answer.json()["message"])) == (400, "error", [field])
    assert (eskiz.messages(), eskiz.sends()[0].outcome) == ([], "refused")


def test_without_a_good_token_nothing_is_taken(eskiz: Control, http: httpx.Client, bearer: dict[str, str]) -> None:
    assert send(http, {"Authorization": "Bearer guess"}).status_code == 401
    eskiz.expire()
    assert send(http, bearer).json()["status"] == "token-expired"
    assert eskiz.messages() == []


@pytest.mark.parametrize(
    ("kind", "status"),
    [("unavailable", 503), ("throttle", 429), ("internal", 500), ("invalid", 400), ("bad_token", 401)],
)
def test_refusals_happen_as_often_as_asked(
    eskiz: Control, http: httpx.Client, bearer: dict[str, str], kind: str, status: int
) -> None:
    eskiz.script({"kind": kind, "count": 2, "retry_after": 7})
    answers = [send(http, bearer) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [status, status, 200]
    assert answers[0].headers.get("retry-after") == ("7" if status in (429, 503) else None)
    assert len(eskiz.messages()) == 1


@pytest.mark.parametrize(("kind", "delivered"), [("cut", 0), ("cut_after", 1)])
def test_connection_is_cut_without_an_answer(
    eskiz: Control, http: httpx.Client, bearer: dict[str, str], kind: str, delivered: int
) -> None:
    eskiz.script(kind)
    with pytest.raises(httpx.RemoteProtocolError):
        send(http, bearer)
    assert (len(eskiz.messages()), eskiz.sends()[0].outcome) == (delivered, kind)


def test_hanging_request_is_answered_once_released(eskiz: Control, http: httpx.Client, bearer: dict[str, str]) -> None:
    eskiz.script("hang")
    with ThreadPoolExecutor() as pool:
        hanging = pool.submit(send, http, bearer)
        assert eskiz.sends(wait_s=5)[0].outcome == "hang"
        assert eskiz.messages() == []
        eskiz.release()
        assert hanging.result(timeout=5).status_code == 200
    assert len(eskiz.messages()) == 1


def test_swallowed_text_never_reaches_the_phone(eskiz: Control, http: httpx.Client, bearer: dict[str, str]) -> None:
    eskiz.script("swallow")
    assert send(http, bearer).status_code == 200
    assert (eskiz.messages(), eskiz.sends()[0].outcome) == ([], "swallow")


def test_status_is_told_to_the_callback_url(eskiz: Control, http: httpx.Client, bearer: dict[str, str]) -> None:
    heard: list[dict[str, str]] = []

    async def hear(request: Request) -> JSONResponse:
        heard.append(dict(parse_qsl((await request.body()).decode(), keep_blank_values=True)))
        return JSONResponse({})

    app, listener = App([Route("/status", hear, methods=["POST"])]), listen()
    with running(app, listener):
        send(http, bearer, callback_url=f"http://127.0.0.1:{listener.getsockname()[1]}/status")
        (text,) = eskiz.messages()
        assert eskiz.report(text, "DELIVRD") == 200
    (report,) = heard
    assert report.keys() == {
        "request_id", "message_id", "user_sms_id", "country", "phone_number", "sms_count", "status", "status_date",
    }  # fmt: skip
    assert (report["request_id"], report["phone_number"], report["status"]) == (text.id, text.phone, "DELIVRD")


@pytest.mark.parametrize("fault", [{"kind": "earthquake"}, {"kind": "slow", "seconds": 1}, {}])
def test_unknown_faults_are_refused(http: httpx.Client, fault: dict[str, Any]) -> None:
    assert http.put("/_control/faults", json={"faults": [fault]}).status_code == 400


def test_runs_alone() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "simulator.standins.eskiz", "--port", str(port)])
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                try:
                    http.get("/healthz").raise_for_status()
                    break
                except httpx.TransportError:
                    time.sleep(0.05)
            assert login(http).status_code == 200
        control = Control(f"http://127.0.0.1:{port}")
        assert control.messages() == []
        control.close()
    finally:
        process.terminate()
        process.wait(timeout=10)
