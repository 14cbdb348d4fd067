"""A web site for the fetch tests: one loopback listener in place of every address of the internet.

Names resolve by a table, and every connection of the fetcher is redirected to the listener: a listener without
requests proves that no connection was opened. The rules of the guard are unchanged.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpcore2
import pytest

from api.media.fetcher import MediaFetcher, MediaLimits, WantedMedia
from api.media.guard import Guard, resolve

PUBLIC = "93.184.216.34"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
Page = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


def page(body: bytes = PNG, *, status: str = "200 OK", kind: str = "image/png", **headers: str) -> bytes:
    """Return a whole response; underscores in header names are hyphens."""
    fields = {"Content-Type": kind, "Content-Length": str(len(body)), "Connection": "close"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def redirect(location: str) -> bytes:
    """Return a redirect."""
    return page(b"", status="302 Found", kind="", Location=location)


class Site:
    """The site: `pages` by path, requests in `heard` (host, path, header lines), addresses in `dialled`."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {"/a.png": page()}
        self.names: dict[str, Sequence[Sequence[str]]] = {"public.example": [[PUBLIC]]}
        self.heard: list[tuple[str, str, list[str]]] = []
        self.dialled: list[str] = []
        self.connections = 0
        self.port = 0
        self._looked_up: dict[str, int] = {}
        self._answering: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Resolve from `names`: the n-th lookup of a name returns the n-th entry, numeric addresses as usual."""
        entries = self.names.get(host)
        if entries is None:
            if host.endswith((".example", ".internal")):
                raise OSError("no such name")
            return await resolve(host, port)
        count = self._looked_up[host] = self._looked_up.get(host, 0) + 1
        return entries[min(count, len(entries)) - 1]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Respond to one request and disconnect."""
        task = asyncio.current_task()
        assert task is not None
        self._answering[task] = writer
        self.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            path = head[0].split(" ")[1]
            host = next(line[6:] for line in head if line.lower().startswith("host: "))
            self.heard.append((host, path, [line for line in head[1:] if line]))
            response = self.pages.get(path, page(b"", status="404 Not Found"))
            if callable(response):
                await response(writer)
            else:
                writer.write(response)
                await writer.drain()
        with suppress(ConnectionError, ssl.SSLError):
            writer.close()
            await writer.wait_closed()

    async def close(self) -> None:
        """Close all connections."""
        for task, writer in self._answering.items():
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)
        await asyncio.gather(*(w.wait_closed() for w in self._answering.values()), return_exceptions=True)


@asynccontextmanager
async def open_site(monkeypatch: pytest.MonkeyPatch, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    """Run a site, and redirect every connection of httpcore2 to the site."""
    site = Site()
    server = await asyncio.start_server(site.serve, "127.0.0.1", 0, ssl=tls)
    site.port = server.sockets[0].getsockname()[1]
    connect = httpcore2.AnyIOBackend.connect_tcp

    async def lead(self: Any, host: str, port: int, **options: Any) -> httpcore2.AsyncNetworkStream:
        site.dialled.append(host)
        return await connect(self, "127.0.0.1", site.port, **options)

    monkeypatch.setattr(httpcore2.AnyIOBackend, "connect_tcp", lead)
    yield site
    server.close()
    await site.close()


def fetcher(
    site: Site,
    *,
    schemes: Iterable[str] = ("https", "http"),
    tls: ssl.SSLContext | None = None,
    **limits: Any,
) -> MediaFetcher:
    """Return a fetcher with the default rules, except for the names and `limits`."""
    small: Mapping[str, Any] = {"file_bytes": 100_000, "request_bytes": 200_000, "connect": 2.0, "total": 5.0}
    guard = Guard(schemes=frozenset(schemes), resolve=site.resolve)
    return MediaFetcher(MediaLimits(**{**small, **limits}), guard=guard, tls=tls or ssl.create_default_context())


def wanted(url: str, kind: Any = "image") -> WantedMedia:
    """Return the wanted media of a request with this URL in its second content part."""
    field = "file.file_data" if kind == "file" else f"{kind}_url.url"
    return WantedMedia(url, f"messages[0].content[1].{field}", kind)
