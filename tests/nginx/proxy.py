"""nginx as an ordinary process, with the very files of nginx/, and what stands behind it."""

import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from launcher.machine.finding import nginx
from launcher.machine.ports import LOOPBACK, free_port
from launcher.places import PROJECT, default_home
from tests.faults.instance import until

# One process, which is not renamed, so that a test run that was interrupted finds it by its environment.
ONE_PROCESS = "daemon off; master_process off;"


def program() -> Path:
    """The launcher's choice, or, where pytest was started without it, what the launcher would choose."""
    return Path(os.environ.get("NGINX") or nginx(default_home().path / "nginx"))


def mime_types() -> Path:
    """The file beside the program's own nginx.conf; an unpacked program's lies below its folder."""
    built = subprocess.run([program(), "-V"], capture_output=True, text=True, check=True).stderr.split()
    conf = next(word.partition("=")[2] for word in built if word.startswith("--conf-path="))
    own = Path(conf).with_name("mime.types")
    unpacked = program().parents[2] / own.relative_to("/")
    return unpacked if unpacked.exists() else own


def free_ports(count: int) -> list[int]:
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port())
    return sorted(found)


@dataclass
class Process:
    """A server on a port of its own, which can be replaced by another."""

    command: list[str]
    port: int
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    running: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Returns when the port is open."""
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                self.command, cwd=PROJECT, env=os.environ | self.environment, stdout=log, stderr=log
            )
        until(self._listens, f"{self.command} listens; it said {self.log.read_text()[-2000:]}", 60)

    def stop(self, with_signal: int = signal.SIGTERM) -> None:
        """Returns when the process has ended."""
        if self.running:
            self.running.send_signal(with_signal)
            self.running.wait(30)
            self.running = None

    def _listens(self) -> bool:
        assert self.running
        assert self.running.poll() is None, self.log.read_text()[-2000:]
        with socket.socket() as trial:
            return trial.connect_ex((LOOPBACK, self.port)) == 0


def web(application: str, port: int, log: Path, **environment: str) -> Process:
    """A web process as production has it: it believes nobody but its proxy about addresses."""
    uvicorn = [sys.executable, "-m", "uvicorn", application, "--host", LOOPBACK, "--port", str(port)]
    command = [*uvicorn, "--no-access-log", "--timeout-graceful-shutdown", "5"]
    return Process(command, port, log, {"FORWARDED_ALLOW_IPS": LOOPBACK, **environment})


@dataclass
class Proxy:
    """nginx with one of our files, and the processes behind it."""

    folder: Path
    process: Process
    webs: list[Process]
    http: int
    https: int

    @property
    def url(self) -> str:
        return f"https://{LOOPBACK}:{self.https}"

    @property
    def plain_url(self) -> str:
        return f"http://{LOOPBACK}:{self.http}"

    @property
    def log(self) -> str:
        return self.process.log.read_text()

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.folder / "tls" / "fullchain.pem")

    def client(self, source: str = LOOPBACK, **options: Any) -> httpx.Client:
        """A client that speaks HTTP/2, from an address of its own."""
        transport = httpx.HTTPTransport(verify=self.trust(), http2=True, local_address=source)
        return httpx.Client(base_url=self.url, transport=transport, timeout=30, **options)

    def async_client(self, connections: int = 8) -> httpx.AsyncClient:
        """Many requests at once; HTTP/1.1, of which each has a connection."""
        limits = httpx.Limits(max_connections=connections)
        transport = httpx.AsyncHTTPTransport(verify=self.trust(), limits=limits)
        return httpx.AsyncClient(base_url=self.url, transport=transport, timeout=30)


def conf(name: str) -> str:
    return (PROJECT / "nginx" / name).read_text()


def adapted(name: str, changes: dict[str, str]) -> str:
    """The file with another port, address or path for each that a test cannot have."""
    text = conf(name)
    for ours, here in changes.items():
        assert ours in text, f"nginx/{name} says nothing of {ours!r}"
        text = text.replace(ours, here)
    return text


def write(folder: Path, name: str, http: int, https: int, webs: list[int]) -> Path:
    """The files of an nginx with nginx/NAME, whose main one is returned."""
    changes = {"listen 80 ": f"listen {LOOPBACK}:{http} ", "root /app;": f"root {folder};"}
    names = ["web"] if name == "dev.conf" else ["web", "web2"]
    changes |= {f"{host}:8000": f"{LOOPBACK}:{port}" for host, port in zip(names, webs, strict=True)}
    if name == "prod.conf":
        changes |= {
            "listen 443 ": f"listen {LOOPBACK}:{https} ",
            "/etc/ssl/private/": f"{folder}/tls/",
            "/var/www/acme": f"{folder}/acme",
        }
        make_certificate(folder / "tls")
    (folder / "default.conf").write_text(adapted(name, changes))
    return write_main(folder)


def write_main(folder: Path) -> Path:
    """nginx/nginx.conf, with paths that anybody may write to."""
    changes = {
        "user nginx;": "",
        "/var/run": str(folder),
        "/etc/nginx/mime.types": str(mime_types()),
        "/etc/nginx/conf.d": str(folder),
        "/var/cache/nginx": str(folder),
    }
    main = folder / "nginx.conf"
    main.write_text(adapted("nginx.conf", changes))
    return main


def command(main: Path, *options: str) -> list[str]:
    return [str(program()), "-p", str(main.parent), "-c", str(main), "-e", "stderr", "-g", ONE_PROCESS, *options]


@contextmanager
def running(name: str, folder: Path, application: str, **environment: str) -> Iterator[Proxy]:
    """nginx with nginx/NAME in front of as many processes of `application` as it names."""
    count = 1 if name == "dev.conf" else 2
    http, https, *ports = free_ports(2 + count)
    main = write(folder, name, http, https, ports)
    webs = [web(application, port, folder / f"web-{port}.log", **environment) for port in ports]
    proxy = Proxy(folder, Process(command(main), http, folder / "nginx.log"), webs, http, https)
    try:
        for process in (*webs, proxy.process):
            process.start()
        yield proxy
    finally:
        for process in (proxy.process, *webs):
            process.stop(signal.SIGKILL)


def make_certificate(folder: Path) -> None:
    """A certificate for loopback that signs itself, under the names that certbot gives."""
    folder.mkdir(exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, LOOPBACK)])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))])
    unsigned = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    dated = unsigned.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
    certificate = dated.add_extension(names, critical=False).sign(key, hashes.SHA256())
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
