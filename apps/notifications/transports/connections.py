"""HTTP to a provider over connections that are kept and used again."""

import asyncio
import json
import os
import ssl
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import certifi

MOST = 100
KEPT_S = 15  # less than any provider keeps them: a message must not meet the end of its connection
_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Answer:
    """What a provider answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Raises ValueError."""
        return json.loads(self.body)


class Connections:
    """Up to 100 connections at a time, over HTTP/1.1; made in any thread, used in one event loop.

    They close when nobody holds this object any more. The environment names certificates to trust (SSL_CERT_FILE or
    SSL_CERT_DIR, in place of certifi's) and proxies (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY). There is no time
    limit here: `answered` keeps to one.
    """

    def __init__(self) -> None:
        self._trusted, self._proxies = _trusted(), getproxies()
        self._session: aiohttp.ClientSession | None = None

    async def post_json(self, url: str, body: object, headers: Mapping[str, str] | None = None) -> Answer:
        """Raises aiohttp.ClientError; ValueError when `body` is no JSON."""
        text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return await self._post(url, text, {"Content-Type": _JSON, **(headers or {})})

    async def post_form(self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
        """Raises aiohttp.ClientError."""
        return await self._post(url, urlencode(form), {"Content-Type": _FORM, **(headers or {})})

    async def _post(self, url: str, text: str, headers: Mapping[str, str]) -> Answer:
        posting = self._opened().post(
            url, data=text.encode(), headers=headers, proxy=self._proxy_for(url), allow_redirects=False
        )
        async with posting as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    def _opened(self) -> aiohttp.ClientSession:
        """aiohttp's session, which must be made in the event loop that uses it."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=MOST, keepalive_timeout=KEPT_S, ssl=self._trusted),
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
            weakref.finalize(self, _close, self._session, asyncio.get_running_loop())
        return self._session

    def _proxy_for(self, url: str) -> str | None:
        """aiohttp would read the environment, and ~/.netrc in a thread, for each message."""
        if not self._proxies:
            return None
        where = urlsplit(url)
        if proxy_bypass(where.hostname or ""):
            return None
        proxy = self._proxies.get(where.scheme) or self._proxies.get("all")
        return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def _close(session: aiohttp.ClientSession, loop: asyncio.AbstractEventLoop) -> None:
    """From any thread, and at the end of the process."""
    if loop.is_running():
        asyncio.run_coroutine_threadsafe(session.close(), loop)


def _trusted() -> ssl.SSLContext:
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if file or not folder:
        context = ssl.create_default_context(cafile=file or certifi.where())
    else:
        context = ssl.create_default_context(capath=folder)
    context.set_alpn_protocols(["http/1.1"])
    return context
