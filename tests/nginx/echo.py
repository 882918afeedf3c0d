"""An application that tells what has reached it, and answers as it is asked to."""

import asyncio
import json
import os
from typing import Any
from urllib.parse import parse_qs

released = asyncio.Event()


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await _answer(scope, receive, send)
    elif scope["type"] == "websocket":
        await _echo(scope, receive, send)


async def _answer(scope: Any, receive: Any, send: Any) -> None:
    """`?status=`: answers so; `?die`: ends the process midway; `?hold`: waits for a `?release`."""
    asked = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
    size = await _read(receive)
    print("taken", scope["path"], flush=True)
    if "die" in asked:
        os._exit(1)
    if "release" in asked:
        released.set()
    if "hold" in asked:
        await released.wait()
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    told = {
        "client": scope["client"][0],
        "scheme": scope["scheme"],
        "headers": headers,
        "size": size,
        "pid": os.getpid(),
    }
    own = [(b"content-type", b"application/json"), (b"x-content-type-options", b"nosniff"), (b"retry-after", b"7")]
    await send({"type": "http.response.start", "status": int(asked.get("status", ["200"])[0]), "headers": own})
    await send({"type": "http.response.body", "body": json.dumps(told).encode()})


async def _read(receive: Any) -> int:
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    return size


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await send(
        {"type": "websocket.send", "text": json.dumps({"client": scope["client"][0], "scheme": scope["scheme"]})}
    )
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


def _seen(scope: Any) -> dict[str, Any]:
    return {"client": scope["client"][0], "scheme": scope["scheme"]}
