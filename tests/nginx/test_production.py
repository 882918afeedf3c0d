"""nginx/prod.conf: what a client hears from it, and what of a client it lets through."""

import asyncio
import json
import re
import socket
import ssl
import subprocess
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from launcher.machine.ports import LOOPBACK
from tests.faults.instance import until
from tests.nginx import proxy
from tests.nginx.proxy import Proxy, command, conf, running, write

DEVICE = "/api/v1/devices/watch-1"
UNLIMITED = [
    ("POST", "/api/v1/sos/trigger/"),
    ("GET", "/api/v1/sos/"),
    ("POST", f"{DEVICE}/location/"),
    ("POST", f"{DEVICE}/locations/"),
    ("PATCH", f"{DEVICE}/status/"),
    ("POST", "/api/v1/auth/refresh/"),
    ("POST", "/api/v1/notifications/receipts/abc:def/"),
]


@pytest.mark.parametrize(("name", "ports"), [("prod.conf", [8001, 8002]), ("dev.conf", [8001])])
def test_nginx_takes_the_file(name: str, ports: list[int], tmp_path: Path) -> None:
    main = write(tmp_path, name, 8080, 8443, ports)
    result = subprocess.run(command(main, "-t"), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    complaints = [line for line in result.stderr.splitlines() if "[warn]" in line and "http2" not in line]
    assert complaints == []


def test_plain_http_is_sent_to_tls(production: Proxy) -> None:
    answer = httpx.get(f"{production.plain_url}/swagger/?a=1", trust_env=False)
    assert (answer.status_code, answer.headers["Location"]) == (301, f"https://{LOOPBACK}/swagger/?a=1")


def test_signal_over_plain_http_stays_a_post(production: Proxy) -> None:
    answer = httpx.post(f"{production.plain_url}/api/v1/sos/trigger/", json={}, trust_env=False)
    assert (answer.status_code, answer.headers["Location"]) == (308, f"https://{LOOPBACK}/api/v1/sos/trigger/")


def test_certificate_can_be_renewed_over_plain_http(production: Proxy) -> None:
    folder = production.folder / "acme" / ".well-known" / "acme-challenge"
    folder.mkdir(parents=True)
    (folder / "token").write_text("proof")
    url = f"{production.plain_url}/.well-known/acme-challenge"
    assert httpx.get(f"{url}/token", trust_env=False).text == "proof"
    assert httpx.get(f"{url}/other", trust_env=False).status_code == 404


def handshake(proxy: Proxy, version: ssl.TLSVersion) -> str | None:
    context = proxy.trust()
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection((LOOPBACK, proxy.https), 10) as raw,
        context.wrap_socket(raw, server_hostname=LOOPBACK) as secured,
    ):
        return secured.version()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_present_tls_is_spoken(version: ssl.TLSVersion, production: Proxy) -> None:
    assert handshake(production, version) == version.name.replace("_", ".")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_tls_is_refused(version: ssl.TLSVersion, production: Proxy) -> None:
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        handshake(production, version)


@pytest.mark.parametrize("path", ["/api/v1/config/", "/api/v1/config/?status=503", "/swagger/", "/admin/", "/none"])
def test_answers_are_http2_and_have_each_header_of_safety_once(path: str, production: Proxy) -> None:
    with production.client() as client:
        answer = client.get(path)
    assert answer.http_version == "HTTP/2"
    assert answer.headers.get_list("Strict-Transport-Security") == ["max-age=31536000"]
    assert answer.headers.get_list("X-Content-Type-Options") == ["nosniff"]
    assert answer.headers.get_list("Referrer-Policy") == ["same-origin"]
    assert answer.headers["Server"] == "nginx"
    assert "X-Frame-Options" not in answer.headers  # Django's to say


def test_hashed_files_are_kept_for_ever_and_others_for_an_hour(production: Proxy, hashed: dict[str, str]) -> None:
    with production.client() as client:
        for name, with_hash in hashed.items():
            assert name != with_hash
            for_ever = client.get(f"/static/{with_hash}").headers.get_list("Cache-Control")
            assert for_ever == ["public, max-age=315360000, immutable"]
            assert client.get(f"/static/{name}").headers.get_list("Cache-Control") == ["public, max-age=3600"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("css/page.css", "text/css"), ("map.mjs", "text/javascript"), ("mark.svg", "image/svg+xml")],
)
def test_static_files_are_named_for_what_they_are(
    name: str, kind: str, production: Proxy, hashed: dict[str, str]
) -> None:
    with production.client() as client:
        answer = client.get(f"/static/{hashed[name]}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_text_is_compressed_and_answers_with_secrets_are_not(production: Proxy, hashed: dict[str, str]) -> None:
    with production.client() as client:
        assert client.get(f"/static/{hashed['css/page.css']}").headers["Content-Encoding"] == "gzip"
        assert "Content-Encoding" not in client.get("/api/v1/users/me/").headers


def test_nothing_outside_the_static_files_is_given(production: Proxy, hashed: dict[str, str]) -> None:
    with production.client() as client:
        for path in ("/static/../tls/privkey.pem", "/static/%2e%2e/tls/privkey.pem", "/static../tls/privkey.pem"):
            assert "PRIVATE KEY" not in client.get(path).text


def test_claimed_address_does_not_reach_the_service(production: Proxy) -> None:
    claims = {"X-Forwarded-For": "203.0.113.9, 127.0.0.1", "X-Forwarded-Proto": "ftp", "Host": "mdd.example"}
    with production.client(source="127.0.0.7") as client:
        told = client.get("/api/v1/config/", headers=claims).json()
    assert (told["client"], told["scheme"]) == ("127.0.0.7", "https")
    assert told["headers"]["x-forwarded-for"] == "127.0.0.7"
    assert told["headers"]["host"] == "mdd.example"


def test_socket_is_upgraded_and_knows_its_client(production: Proxy) -> None:
    address = f"wss://{LOOPBACK}:{production.https}/ws/sos_events/?after=1"
    claims = {"X-Forwarded-For": "203.0.113.9"}
    with connect(address, ssl=production.trust(), additional_headers=claims, proxy=None) as client:
        assert json.loads(client.recv(10)) == {"client": LOOPBACK, "scheme": "wss"}
        client.send("still there?")
        assert client.recv(10) == "still there?"


@pytest.mark.parametrize("name", ["prod.conf", "dev.conf"])
def test_silent_socket_lives_for_hours(name: str) -> None:
    """A minute is nginx's default, and a quiet night is long."""
    found = re.search(r"location /ws/ \{(.*?)\n    \}", conf(name), re.DOTALL)
    assert found
    assert dict(re.findall(r"(proxy_\w+_timeout) (\d+)h;", found[1])) == {
        "proxy_read_timeout": "12",
        "proxy_send_timeout": "12",
    }


async def flood(proxy: Proxy, method: str, path: str, times: int) -> list[httpx.Response]:
    """So many requests, 32 at a time: httpx goes through all that wait at each answer."""
    under_way = asyncio.Semaphore(32)
    async with proxy.async_client(32) as client:

        async def ask() -> httpx.Response:
            async with under_way:
                return await client.request(method, path)

        return list(await asyncio.gather(*(ask() for _ in range(times))))


@pytest.mark.parametrize("path", ["/api/v1/auth/login/", "/api/v1/auth/password/reset/", "/console/second-factor/"])
async def test_flood_of_sign_ins_is_stopped(path: str, production: Proxy) -> None:
    answers = await flood(production, "POST", path, 300)
    codes = Counter(answer.status_code for answer in answers)
    assert set(codes) == {200, 429}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["code"] == "throttled"
    assert refused.headers["Retry-After"] == "1"
    assert refused.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(("method", "path"), UNLIMITED)
async def test_calls_for_help_are_never_limited(method: str, path: str, production: Proxy) -> None:
    floods = [flood(production, "POST", "/api/v1/auth/login/", 300), flood(production, method, path, 150)]
    _, answers = await asyncio.gather(*floods)
    assert Counter(answer.status_code for answer in answers) == {200: 150}


async def test_requests_held_by_one_address_do_not_keep_an_sos_out(production: Proxy) -> None:
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(production.async_client(44)) for _ in range(10)]
        client = clients[0]
        held = [asyncio.create_task(clients[n % 10].get("/api/v1/users/me/?hold")) for n in range(420)]
        done, _ = await asyncio.wait(held, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        assert {(await task).status_code for task in done} == {429}
        assert (await client.post("/api/v1/sos/trigger/", json={})).status_code == 200
        for process in production.webs:
            await client.get(f"http://{LOOPBACK}:{process.port}/?release")
        answers = await asyncio.gather(*held)
    assert Counter(answer.status_code for answer in answers) == {200: 400, 429: 20}


@pytest.mark.parametrize(
    ("path", "most", "name"),
    [("/api/v1/sos/trigger/", 128 * 1024, "128 KiB"), (f"{DEVICE}/locations/", 1024 * 1024, "1 MiB")],
)
async def test_body_that_is_too_large_is_refused_as_the_service_would(
    path: str, most: int, name: str, production: Proxy
) -> None:
    async with production.async_client() as client:  # over HTTP/2, httpx does not hear an answer while it sends
        fits = await client.post(path, content=b"x" * most)
        refused = await client.post(path, content=b"x" * (most + 1))
    assert (fits.status_code, fits.json()["size"]) == (200, most)
    assert refused.status_code == 413
    assert refused.json() == {"detail": f"The body is larger than {name}.", "code": "too_large"}


@pytest.mark.parametrize("path", ["/health/status", "/health/status/", "/metrics"])
def test_inner_pages_are_hidden(path: str, production: Proxy) -> None:
    with production.client() as client:
        answer = client.get(path)
        assert client.get("/health/live").status_code == 200
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found.", "code": "not_found"})


@pytest.mark.parametrize("status", [400, 401, 404, 409, 429, 500, 503])
def test_errors_of_the_service_pass_untouched(status: int, production: Proxy) -> None:
    with production.client() as client:
        answer = client.get(f"/api/v1/users/me/?status={status}")
    assert (answer.status_code, answer.json()["client"]) == (status, LOOPBACK)
    assert answer.headers.get_list("Retry-After") == ["7"]


def spoken(proxy: Proxy, request: bytes) -> tuple[int, Any]:
    """The status and JSON of the answer to what no library would send."""
    with (
        socket.create_connection((LOOPBACK, proxy.https), 10) as raw,
        proxy.trust().wrap_socket(raw, server_hostname=LOOPBACK) as secured,
    ):
        secured.sendall(request)
        answer = b"".join(iter(lambda: secured.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (b"GET /api/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "bad_request"),
        (b"nonsense\r\n\r\n", 400, "bad_request"),
        (b"GET /api/%s HTTP/1.1\r\nHost: a\r\n\r\n" % (b"x" * 9000), 414, "address_too_long"),
        (b"GET /api/ HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n" % (b"x" * 9000), 431, "headers_too_large"),
        (b"POST /static/map.mjs HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 405, "method_not_allowed"),
    ],
)
def test_own_errors_have_the_shape_of_the_service(
    request_: bytes, status: int, code: str, production: Proxy, hashed: dict[str, str]
) -> None:
    found, body = spoken(production, request_)
    assert (found, body["code"]) == (status, code)
    assert body["detail"]


KEPT = ["/api/v1/notifications/receipts/", "/api/v1/notifications/eskiz/", "/live/", "/console/link/"]


def test_log_holds_no_queries_and_no_keys(production: Proxy) -> None:
    with production.client(headers={"Authorization": "Bearer very-secret"}) as client:
        client.get("/api/v1/users/?search=%2B998901112233")
        for path in KEPT:
            client.post(f"{path}signed-key/")
            httpx.post(f"{production.plain_url}{path}signed-key/", trust_env=False)
    assert "/api/v1/users/ 200" in production.log
    for path in KEPT:
        for status in (200, 308):
            line = f"POST {path}... {status}"
            until(lambda line=line: line in production.log, line)
    assert not re.search("998901112233|very-secret|signed-key", production.log)


def test_log_holds_no_keys_when_the_connections_are_used_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request takes two: of an odd number it finds one and is answered 500, of an even number none."""
    logs = [log_when_full(tmp_path / str(number), monkeypatch, number) for number in (10, 11)]
    assert any("GET /live/... 500" in log for log in logs)
    assert not any("signed-key" in log for log in logs)


def log_when_full(folder: Path, monkeypatch: pytest.MonkeyPatch, connections: int) -> str:
    """What an nginx with so few connections says while each request holds its own."""
    folder.mkdir()
    ours = proxy.conf

    def conf(name: str) -> str:
        return re.sub(r"worker_connections \d+", f"worker_connections {connections}", ours(name))

    monkeypatch.setattr(proxy, "conf", conf)
    with ThreadPoolExecutor(6) as pool, running("prod.conf", folder, "tests.nginx.echo:application") as crowded:
        for number in range(1, 7):
            asked = pool.submit(held, crowded, "/live/signed-key/?hold")
            until(lambda asked=asked, number=number: asked.done() or taken(crowded) == number, "it is dealt with")
        return crowded.log


def held(crowded: Proxy, path: str) -> None:
    """Asks for what is answered only when the service ends."""
    with suppress(httpx.HTTPError), crowded.client() as client:
        client.get(path)


def taken(crowded: Proxy) -> int:
    return sum(process.log.read_text().count("taken ") for process in crowded.webs)


@pytest.fixture
def pair(tmp_path: Path) -> Any:
    """One to be hurt."""
    with running("prod.conf", tmp_path, "tests.nginx.echo:application") as proxy:
        yield proxy


def test_dead_process_is_passed_over(pair: Proxy) -> None:
    with pair.client() as client:
        assert len({client.get("/api/v1/config/").json()["pid"] for _ in range(20)}) == 2
        pair.webs[0].stop(9)
        for method in ("GET", "POST"):
            assert {client.request(method, "/api/v1/users/me/").status_code for _ in range(50)} == {200}
        failed = [line for line in pair.log.splitlines() if f":{pair.webs[0].port}, " in line]
        assert len(failed) <= 3  # out for five seconds after the first
        pair.webs[0].start()
        pair.webs[1].stop(9)
        assert {client.post("/api/v1/users/me/").status_code for _ in range(50)} == {200}


def test_nobody_behind_is_said_in_the_shape_of_the_service(pair: Proxy, tmp_path: Path) -> None:
    for process in pair.webs:
        process.stop(9)
    with pair.client() as client:
        for answer in (client.get("/api/v1/config/"), client.post("/api/v1/sos/trigger/", json={})):
            assert (answer.status_code, answer.json()["code"]) == (502, "bad_gateway")
            assert answer.headers["Retry-After"] == "1"
            assert answer.headers["Content-Type"] == "application/json"
            assert answer.headers["Strict-Transport-Security"]
        page = client.get("/admin/")
        assert (page.status_code, page.headers["Content-Type"]) == (502, "text/html; charset=utf-8")
        pair.webs[1].start()
        # Both are counted out, and are asked all the same.
        assert client.post("/api/v1/sos/trigger/", json={}).status_code == 200


def test_signal_of_a_watch_that_went_out_of_reach_is_still_taken(pair: Proxy) -> None:
    with (
        socket.create_connection((LOOPBACK, pair.https), 10) as raw,
        pair.trust().wrap_socket(raw, server_hostname=LOOPBACK) as secured,
    ):
        secured.sendall(b"POST /api/v1/sos/trigger/?hold HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
        until(lambda: any("taken /api/v1/sos/trigger/" in process.log.read_text() for process in pair.webs), "sent on")
    for process in pair.webs:
        httpx.get(f"http://{LOOPBACK}:{process.port}/?release", trust_env=False)
    until(lambda: "POST /api/v1/sos/trigger/" in pair.log, "it is over", 10)
    assert "POST /api/v1/sos/trigger/ 200" in pair.log


def alive(proxy: Proxy) -> int:
    return sum(process.running is not None and process.running.poll() is None for process in proxy.webs)


def test_signal_that_a_process_took_into_its_death_is_sent_again(pair: Proxy) -> None:
    """A POST that kills whoever takes it: another's dies with the first process, a signal is given to both."""
    with pair.client() as client:
        assert client.post("/api/v1/users/me/?die").status_code == 502
        until(lambda: alive(pair) < 2, "the first is dead", 10)
        assert alive(pair) == 1
        for process in pair.webs:
            process.stop(9)
            process.start()
        assert client.post("/api/v1/sos/trigger/?die", json={}).status_code == 502
    until(lambda: alive(pair) == 0, "both are dead", 10)
