"""The stand-in for Firebase answers as Firebase does, and fails as asked."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from google.auth.transport import Request as GoogleTransport
from google.auth.transport import Response as GoogleResponse
from google.oauth2 import service_account

from simulator.standins.certificate import make_certificate, trust
from simulator.standins.fcm import Control, Running, running_stand_in
from simulator.standins.google_oauth import GRANT_TYPE, SCOPE

PHONE = "phone-1:APA91b"
PUSH = {
    "token": PHONE,
    "data": {"event_uid": "e-1", "kind": "SOS_ALERT"},
    "android": {"priority": "HIGH", "ttl": "300s"},
}


@pytest.fixture(scope="module", params=["HTTP/1.1", "HTTP/2"])
def stand_in(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Over plain HTTP/1.1, and over TLS and HTTP/2."""
    is_tls = request.param == "HTTP/2"
    certificate = make_certificate(tmp_path_factory.mktemp("tls") / "fcm.pem") if is_tls else None
    with running_stand_in(certificate=certificate) as fcm, client_of(fcm) as http:
        assert http.get("/healthz").http_version == request.param
        yield fcm


def client_of(fcm: Running) -> httpx.Client:
    verify = trust(fcm.certificate) if fcm.certificate else True
    return httpx.Client(base_url=fcm.url, timeout=5, trust_env=False, http2=True, verify=verify)


@pytest.fixture
def fcm(stand_in: Running) -> Running:
    stand_in.reset()
    return stand_in


@pytest.fixture
def http(stand_in: Running) -> Iterator[httpx.Client]:
    with client_of(stand_in) as client:
        yield client


def claims(fcm: Running, **changes: Any) -> dict[str, Any]:
    now = int(time.time())
    account = fcm.service_account
    return {
        "iss": account["client_email"],
        "aud": account["token_uri"],
        "scope": SCOPE,
        "iat": now,
        "exp": now + 3600,
        **changes,
    }


def ask_token(http: httpx.Client, fcm: Running, key: str | None = None, **changes: Any) -> httpx.Response:
    assertion = jwt.encode(claims(fcm, **changes), key or fcm.service_account["private_key"], algorithm="RS256")
    return http.post("/token", data={"grant_type": GRANT_TYPE, "assertion": assertion})


@pytest.fixture(scope="module")
def bearer(stand_in: Running) -> dict[str, str]:
    with client_of(stand_in) as client:
        return {"Authorization": f"Bearer {ask_token(client, stand_in).json()['access_token']}"}


def send(http: httpx.Client, bearer: dict[str, str], message: object = None, **options: Any) -> httpx.Response:
    body = {"message": PUSH if message is None else message}
    return http.post("/v1/projects/mdd-stand-in/messages:send", json=body, headers=bearer, **options)


def error_of(answer: httpx.Response) -> tuple[int, str]:
    error = answer.json()["error"]
    assert error["code"] == answer.status_code
    return answer.status_code, error["status"]


def fcm_code(answer: httpx.Response) -> str:
    details = answer.json()["error"]["details"]
    return next(str(one["errorCode"]) for one in details if one["@type"].endswith("fcm.v1.FcmError"))


class TestAccessToken:
    def test_signed_assertion_buys_an_access_token_for_an_hour(self, fcm: Running, http: httpx.Client) -> None:
        answer = ask_token(http, fcm)
        assert answer.status_code == 200
        assert answer.json() == {
            "access_token": answer.json()["access_token"],
            "expires_in": 3600,
            "token_type": "Bearer",
        }

    def test_googles_own_library_gets_a_token(self, fcm: Running, http: httpx.Client) -> None:
        load = service_account.Credentials.from_service_account_info
        credentials = load(fcm.service_account, scopes=[SCOPE])  # type: ignore[no-untyped-call]
        credentials.refresh(HttpxTransport(http))
        assert send(http, {"Authorization": f"Bearer {credentials.token}"}).status_code == 200

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"iss": "somebody@else"}, "invalid_grant"),
            ({"aud": "https://elsewhere.example/token"}, "invalid_grant"),
            ({"exp": -600, "iat": -1200}, "invalid_grant"),
            ({"iat": 600}, "invalid_grant"),
            ({"exp": 7200}, "invalid_grant"),
            ({"scope": "https://www.googleapis.com/auth/cloud-platform.read-only"}, "invalid_scope"),
        ],
    )
    def test_wrong_claims_are_refused(
        self, fcm: Running, http: httpx.Client, changes: dict[str, Any], error: str
    ) -> None:
        """Times are seconds from now."""
        now = int(time.time())
        answer = ask_token(http, fcm, **{name: now + v if isinstance(v, int) else v for name, v in changes.items()})
        assert (answer.status_code, answer.json()["error"]) == (400, error)
        assert answer.json()["error_description"]

    def test_another_key_is_refused(self, fcm: Running, http: httpx.Client) -> None:
        with running_stand_in() as other:
            answer = ask_token(http, fcm, key=other.service_account["private_key"])
        assert answer.json() == {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}

    def test_garbage_and_other_grants_are_refused(self, http: httpx.Client) -> None:
        garbage = http.post("/token", data={"grant_type": GRANT_TYPE, "assertion": "nonsense"})
        assert (garbage.status_code, garbage.json()["error"]) == (400, "invalid_grant")
        other = http.post("/token", data={"grant_type": "password"})
        assert (other.status_code, other.json()["error"]) == (400, "unsupported_grant_type")

    def test_token_endpoint_fails_on_request(self, fcm: Running, http: httpx.Client) -> None:
        fcm.script({"kind": "unavailable", "at": "token", "count": 1})
        assert ask_token(http, fcm).status_code == 503
        assert ask_token(http, fcm).status_code == 200


class HttpxTransport(GoogleTransport):
    """google-auth asks for a transport; this one borrows the test's client."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def __call__(
        self, url: Any, method: Any = "GET", body: Any = None, headers: Any = None, timeout: Any = None, **_: Any
    ) -> GoogleResponse:
        answer = self._http.request(method, url, content=body, headers=headers)
        return HttpxResponse(answer)


class HttpxResponse(GoogleResponse):
    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer

    @property
    def status(self) -> int:
        return self._answer.status_code

    @property
    def headers(self) -> Any:
        return self._answer.headers

    @property
    def data(self) -> bytes:
        return self._answer.content


class TestSending:
    def test_message_reaches_the_phone(self, fcm: Running, http: httpx.Client, bearer: dict[str, str]) -> None:
        answer = send(http, bearer)
        assert answer.status_code == 200
        assert answer.json()["name"].startswith("projects/mdd-stand-in/messages/")
        [delivery] = fcm.messages()
        assert (delivery.number, delivery.token, delivery.message) == (1, PHONE, PUSH)
        assert delivery.name == answer.json()["name"]
        assert abs(delivery.at - time.time()) < 5
        [attempt] = fcm.sends()
        assert (attempt.outcome, attempt.status) == ("accepted", 200)

    def test_phones_have_their_own_mail(self, fcm: Running, http: httpx.Client, bearer: dict[str, str]) -> None:
        send(http, bearer)
        send(http, bearer, {**PUSH, "token": "phone-2"})
        assert [one.token for one in fcm.messages(token="phone-2")] == ["phone-2"]
        assert [one.number for one in fcm.messages()] == [1, 2]
        assert [one.number for one in fcm.messages(after=1)] == [2]

    def test_reader_waits_for_the_next_message(self, fcm: Running, http: httpx.Client, bearer: dict[str, str]) -> None:
        with ThreadPoolExecutor() as pool:
            reader = pool.submit(fcm.messages, wait_s=5)
            send(http, bearer)
            assert len(reader.result(timeout=5)) == 1
        assert fcm.messages(after=1, wait_s=0.05) == []

    def test_apple_message_is_accepted(self, http: httpx.Client, bearer: dict[str, str]) -> None:
        apns = {
            "headers": {"apns-priority": "10"},
            "payload": {"aps": {"alert": {"title": "SOS"}, "mutable-content": 1}},
        }
        assert send(http, bearer, {"token": PHONE, "data": {"kind": "SOS_ALERT"}, "apns": apns}).status_code == 200

    @pytest.mark.parametrize("authorization", [None, "Bearer ya29.forged", "Basic eHg6eXk="])
    def test_without_a_good_token_it_is_401(self, http: httpx.Client, authorization: str | None) -> None:
        headers = {"Authorization": authorization} if authorization else {}
        assert error_of(send(http, headers)) == (401, "UNAUTHENTICATED")

    def test_expired_access_token_is_401(self, fcm: Running, http: httpx.Client) -> None:
        expired = jwt.encode({"exp": int(time.time()) - 1}, fcm.service_account["private_key"], algorithm="RS256")
        assert send(http, {"Authorization": f"Bearer ya29.{expired}"}).status_code == 401

    def test_another_project_is_403(self, http: httpx.Client, bearer: dict[str, str]) -> None:
        answer = http.post("/v1/projects/other/messages:send", json={"message": PUSH}, headers=bearer)
        assert error_of(answer) == (403, "PERMISSION_DENIED")

    @pytest.mark.parametrize(
        ("message", "field"),
        [
            ({}, "message"),
            ({"data": {}}, "message"),
            ({"token": PHONE, "topic": "all"}, "message"),
            ({"topic": "all"}, "message.topic"),
            ({"token": "with spaces"}, "message.token"),
            ({"token": PHONE, "data": {"severity": 4}}, "message.data[0].value"),
            ({"token": PHONE, "data": {"from": "x"}}, "message.data"),
            ({"token": PHONE, "data": {"text": "x" * 4096}}, "message.data"),
            ({"token": PHONE, "tokens": [PHONE]}, "message"),
            ({"token": PHONE, "android": {"priority": "URGENT"}}, "message.android.priority"),
            ({"token": PHONE, "android": {"ttl": 300}}, "message.android.ttl"),
            ({"token": PHONE, "android": {"ttl": "300"}}, "message.android.ttl"),
            ({"token": PHONE, "android": {"sound": "x"}}, "message.android"),
            ({"token": PHONE, "apns": {"headers": {"apns-priority": 10}}}, "message.apns.headers[0].value"),
            ({"token": PHONE, "apns": {"payload": {"alert": "SOS"}}}, "message.apns.payload"),
            ("text", "message"),
        ],
    )
    def test_message_against_the_schema_is_400_and_names_the_field(
        self, fcm: Running, http: httpx.Client, bearer: dict[str, str], message: object, field: str
    ) -> None:
        answer = send(http, bearer, message)
        assert error_of(answer) == (400, "INVALID_ARGUMENT")
        assert fcm_code(answer) == "INVALID_ARGUMENT"
        detail = answer.json()["error"]["details"][-1]
        assert detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"
        assert [violation["field"] for violation in detail["fieldViolations"]] == [field]
        assert fcm.messages() == []

    def test_body_that_is_not_json_is_400(self, http: httpx.Client, bearer: dict[str, str]) -> None:
        answer = http.post("/v1/projects/mdd-stand-in/messages:send", content=b"{", headers=bearer)
        assert error_of(answer) == (400, "INVALID_ARGUMENT")

    def test_phone_without_the_app_is_unregistered(
        self, fcm: Running, http: httpx.Client, bearer: dict[str, str]
    ) -> None:
        fcm.unregister(PHONE)
        answer = send(http, bearer)
        assert error_of(answer) == (404, "NOT_FOUND")
        assert fcm_code(answer) == "UNREGISTERED"
        assert [one.outcome for one in fcm.sends()] == ["NOT_FOUND"]


class TestFaults:
    @pytest.mark.parametrize(
        ("kind", "expected"),
        [
            ("unavailable", (503, "UNAVAILABLE")),
            ("throttle", (429, "QUOTA_EXCEEDED")),
            ("internal", (500, "INTERNAL")),
            ("invalid", (400, "INVALID_ARGUMENT")),
            ("unregistered", (404, "UNREGISTERED")),
        ],
    )
    def test_refusals_happen_as_often_as_asked(
        self, fcm: Running, http: httpx.Client, bearer: dict[str, str], kind: str, expected: tuple[int, str]
    ) -> None:
        status, code = expected
        fcm.script({"kind": kind, "count": 2, "retry_after": 7})
        answers = [send(http, bearer) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [status, status, 200]
        assert fcm_code(answers[0]) == code
        assert answers[0].headers.get("retry-after") == ("7" if status in (429, 503) else None)
        assert len(fcm.messages()) == 1

    def test_good_token_is_called_bad_once(self, fcm: Running, http: httpx.Client, bearer: dict[str, str]) -> None:
        fcm.script("bad_token")
        assert [send(http, bearer).status_code for _ in range(2)] == [401, 200]

    @pytest.mark.parametrize(("kind", "delivered"), [("cut", 0), ("cut_after", 1)])
    def test_connection_is_cut_without_an_answer(
        self, fcm: Running, http: httpx.Client, bearer: dict[str, str], kind: str, delivered: int
    ) -> None:
        fcm.script(kind)
        with ThreadPoolExecutor() as pool:  # OpenSSL keeps a thread's last error, and another connection met this one
            cut = pool.submit(send, http, bearer).exception(timeout=5)
        assert isinstance(cut, httpx.RemoteProtocolError | httpx.NetworkError), "as the kernel tells it"
        assert len(fcm.messages()) == delivered
        [attempt] = fcm.sends()
        assert (attempt.outcome, attempt.status) == (kind, None)
        assert send(http, bearer).status_code == 200

    def test_hanging_request_is_answered_once_released(
        self, fcm: Running, http: httpx.Client, bearer: dict[str, str]
    ) -> None:
        fcm.script("hang")
        with ThreadPoolExecutor() as pool:
            hanging = pool.submit(send, http, bearer)
            assert fcm.sends(wait_s=5)[0].outcome == "hang"
            assert fcm.messages() == []
            fcm.release()
            assert hanging.result(timeout=5).status_code == 200
        assert len(fcm.messages()) == 1

    @pytest.mark.parametrize("stand_in", ["HTTP/1.1"], indirect=True)  # over HTTP/2 httpx gives up without a word
    def test_client_that_gives_up_on_a_hang_was_not_served(
        self, fcm: Running, http: httpx.Client, bearer: dict[str, str]
    ) -> None:
        fcm.script("hang")
        with pytest.raises(httpx.ReadTimeout):
            send(http, bearer, timeout=0.2)
        fcm.release()
        assert send(http, bearer).status_code == 200
        assert [one.outcome for one in fcm.sends()] == ["hang", "accepted"]
        assert len(fcm.messages()) == 1

    def test_swallowed_message_never_reaches_the_phone(
        self, fcm: Running, http: httpx.Client, bearer: dict[str, str]
    ) -> None:
        fcm.script("swallow")
        assert send(http, bearer).status_code == 200
        assert fcm.messages() == []
        assert fcm.sends()[0].outcome == "swallow"

    def test_slow_answer_takes_its_time(self, fcm: Running, http: httpx.Client, bearer: dict[str, str]) -> None:
        fcm.script({"kind": "slow", "delay_s": 0.2})
        began = time.monotonic()
        assert send(http, bearer).status_code == 200
        assert time.monotonic() - began >= 0.2

    def test_fault_may_concern_one_phone(self, fcm: Running, http: httpx.Client, bearer: dict[str, str]) -> None:
        fcm.script({"kind": "internal", "token": "phone-2"})
        assert send(http, bearer).status_code == 200
        assert send(http, bearer, {**PUSH, "token": "phone-2"}).status_code == 500

    def test_same_seed_means_the_same_dice(self, fcm: Running, http: httpx.Client, bearer: dict[str, str]) -> None:
        def statuses() -> list[int]:
            fcm.script({"kind": "unavailable", "probability": 0.5}, seed=7)
            return [send(http, bearer).status_code for _ in range(20)]

        first = statuses()
        assert set(first) == {200, 503}
        assert statuses() == first

    @pytest.mark.parametrize("fault", [{"kind": "earthquake"}, {"kind": "slow", "seconds": 1}, {}])
    def test_unknown_faults_are_refused(self, http: httpx.Client, fault: dict[str, Any]) -> None:
        assert http.put("/_control/faults", json={"faults": [fault]}).status_code == 400


def test_unknown_path_is_404(http: httpx.Client) -> None:
    assert http.get("/nowhere").status_code == 404


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_healthy(url: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{url}/healthz", trust_env=False).raise_for_status()
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the stand-in did not start")


@pytest.fixture
def port() -> int:
    return free_port()


class TestProcess:
    def run(self, port: int, key_file: Path) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "simulator.standins.fcm", "--port", str(port), "--key-file", str(key_file)]
        return subprocess.Popen(command)

    def test_runs_alone_and_a_restart_keeps_key_and_tokens(self, port: int, tmp_path: Path) -> None:
        url, key_file = f"http://127.0.0.1:{port}", tmp_path / "key.json"
        bearer: dict[str, str] = {}
        for _ in range(2):
            process = self.run(port, key_file)
            try:
                wait_until_healthy(url)
                key = json.loads(key_file.read_text())
                assert key["token_uri"] == f"{url}/token"
                assert key_file.stat().st_mode & 0o777 == 0o644
                with httpx.Client(base_url=url, trust_env=False) as http:
                    fcm = Running(url, key)
                    bearer = bearer or {"Authorization": f"Bearer {ask_token(http, fcm).json()['access_token']}"}
                    assert send(http, bearer).status_code == 200
                    fcm.close()
            finally:
                process.terminate()
                assert process.wait(timeout=10) is not None

    def test_control_works_from_another_process(self, port: int, tmp_path: Path) -> None:
        process = self.run(port, tmp_path / "key.json")
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}")
            control = Control(f"http://127.0.0.1:{port}")
            control.script("internal")
            assert control.sends() == []
            control.close()
        finally:
            process.terminate()
            process.wait(timeout=10)
