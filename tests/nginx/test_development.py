"""nginx/dev.conf: the service at http://localhost."""

import json
import re

import httpx
import pytest
from websockets.sync.client import connect

from launcher.machine.ports import LOOPBACK
from tests.faults.instance import until
from tests.nginx.conftest import FILES
from tests.nginx.proxy import Proxy


@pytest.fixture
def client(development: Proxy) -> httpx.Client:
    for name, text in FILES.items():
        path = development.folder / "static" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return httpx.Client(base_url=development.plain_url, trust_env=False)


def test_request_reaches_the_service_with_its_client(client: httpx.Client) -> None:
    told = client.get("/api/v1/config/", headers={"X-Forwarded-For": "203.0.113.9", "Host": "localhost:8080"}).json()
    assert (told["client"], told["scheme"], told["headers"]["host"]) == (LOOPBACK, "http", "localhost:8080")


@pytest.mark.parametrize(("name", "kind"), [("css/page.css", "text/css"), ("map.mjs", "text/javascript")])
def test_static_files_are_there_and_soon_asked_for_again(name: str, kind: str, client: httpx.Client) -> None:
    answer = client.get(f"/static/{name}")
    assert (answer.text, answer.headers["Content-Type"]) == (FILES[name], kind)
    assert answer.headers["Cache-Control"] == "public, max-age=5"


def test_socket_is_upgraded(development: Proxy) -> None:
    with connect(f"ws://{LOOPBACK}:{development.http}/ws/sos_events/", proxy=None) as socket:
        assert json.loads(socket.recv(10)) == {"client": LOOPBACK, "scheme": "ws"}


def test_errors_have_the_shape_of_the_service(client: httpx.Client, development: Proxy) -> None:
    large = client.post("/api/v1/sos/trigger/", content=b"x" * (128 * 1024 + 1))
    assert (large.status_code, large.json()["code"]) == (413, "too_large")
    assert large.json()["detail"] == "The body is larger than 128 KiB."
    assert client.get("/static/none.css").json() == {"detail": "Not found.", "code": "not_found"}
    assert client.get("/api/?status=503").json()["client"] == LOOPBACK
    development.webs[0].stop(9)
    away = client.get("/api/v1/config/")
    assert (away.status_code, away.json()["code"], away.headers["Retry-After"]) == (502, "bad_gateway", "1")
    development.webs[0].start()
    assert client.get("/api/v1/config/").status_code == 200  # never given up


@pytest.mark.parametrize("path", ["/api/v1/notifications/receipts/", "/live/", "/LIVE/", "/console/link/"])
def test_log_holds_no_keys(path: str, client: httpx.Client, development: Proxy) -> None:
    development.webs[0].stop(9)
    assert client.get(f"{path}signed-key/?phone=998901112233").status_code == 502
    development.webs[0].start()
    assert client.get(f"{path}signed-key/").status_code == 200
    for status in (502, 200):
        line = f"GET {path}... {status}"
        until(lambda line=line: line in development.log, line)
    assert not re.search("signed-key|998901112233", development.log)
