"""A server over TLS and HTTP/2 in front of a stand-in: it counts what reaches it, and answers when all are there."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

from simulator.standins.loopback import App, listen

Headers = dict[bytes, bytes]


class Gathering:
    """Requests whose path ends with `path` are answered once `all_of_them` are in flight together."""

    def __init__(self, app: App, path: str, all_of_them: int) -> None:
        self.app, self.path, self.all_of_them = app, path, all_of_them
        self.connections = self.in_flight = 0
        self.together = asyncio.Event()
        self._work: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        wire = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        wire.initiate_connection()
        asked: dict[int, tuple[Headers, bytearray]] = {}
        writer.write(wire.data_to_send())
        while data := await reader.read(65536):
            for event in wire.receive_data(data):
                if isinstance(event, RequestReceived):
                    asked[event.stream_id] = (dict(event.headers), bytearray())
                elif isinstance(event, DataReceived):
                    asked[event.stream_id][1].extend(event.data)
                    wire.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, StreamEnded):
                    task = asyncio.create_task(self._answer(wire, writer, event.stream_id, *asked[event.stream_id]))
                    self._work.add(task)
                    task.add_done_callback(self._work.discard)
            writer.write(wire.data_to_send())
        writer.close()

    async def _answer(
        self, wire: H2Connection, writer: asyncio.StreamWriter, stream: int, headers: Headers, body: bytearray
    ) -> None:
        if headers[b":path"].decode().endswith(self.path):
            await self._gather()
        status, content = await self._ask(headers, bytes(body))
        wire.send_headers(stream, [(b":status", str(status).encode()), (b"content-type", b"application/json")])
        wire.send_data(stream, content, end_stream=True)
        writer.write(wire.data_to_send())

    async def _gather(self) -> None:
        self.in_flight += 1
        if self.in_flight == self.all_of_them:
            self.together.set()
        await self.together.wait()
        self.in_flight -= 1
        if not self.in_flight:
            self.together.clear()

    async def _ask(self, headers: Headers, body: bytes) -> tuple[int, bytes]:
        """The stand-in's answer, by ASGI."""
        sent: list[Any] = []
        plain = [(name, value) for name, value in headers.items() if not name.startswith(b":")]
        scope = {
            "type": "http",
            "method": headers[b":method"].decode(),
            "path": headers[b":path"].decode(),
            "query_string": b"",
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(event: Any) -> None:
            sent.append(event)

        await self.app(scope | {"headers": plain}, receive, send)
        return sent[0]["status"], sent[1]["body"]


@contextmanager
def listening(server: Gathering, folder: Path) -> Iterator[tuple[int, Path]]:
    """In a thread of its own, on a free port of loopback; gives the port, and the file to trust its certificate by."""
    certificate = make_certificate(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(["h2"])
    loop, listener = asyncio.new_event_loop(), listen()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    started = asyncio.start_server(server.serve, sock=listener, ssl=context)
    listening = asyncio.run_coroutine_threadsafe(started, loop).result(10)
    try:
        yield listener.getsockname()[1], certificate
    finally:
        asyncio.run_coroutine_threadsafe(_end(listening), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _end(listening: asyncio.Server) -> None:
    listening.close()
    connections = asyncio.all_tasks() - {asyncio.current_task()}
    for connection in connections:
        connection.cancel()
    await asyncio.gather(*connections, return_exceptions=True)


def make_certificate(folder: Path) -> Path:
    """Key and certificate of 127.0.0.1, its own authority, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stand-in")])
    usage = dict.fromkeys(
        ["content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign"], False
    )
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True, key_cert_sign=True, encipher_only=False, decipher_only=False, **usage
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "stand-in.pem"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + secret)
    return file
