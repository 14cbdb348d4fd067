"""What one worker process shares between its requests: the upstream client, the store, the count of open exchanges."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Protocol
from weakref import WeakSet

from django.conf import settings

from api.byte_budget import byte_budget
from api.errors import RateLimitError, StorageUnavailableError
from api.gemini.client import Deadlines, GeminiClient, Upstream
from api.media import MediaFetcher, MediaLimits
from api.media_guard import Guard
from api.memory_return import MemoryReturn
from api.session_turns import SessionTurns
from sessions_store.recording import Store, get_store

if TYPE_CHECKING:
    from api.exchange.responses.jobs import Jobs


# For exchanges that were cut at the end of a server's drain to record what they did.
CUT_GRACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What every request asks of the settings, read once: Django's object takes half a microsecond for each look.

    `upstream` is GEMINI_UPSTREAM; a session that nobody went on with for `session_idle` comes to rest, and its next
    request waits `session_wait` seconds for the one before it. An answer with nothing in it is asked for
    `empty_answer_retries` times more.
    """

    upstream: str
    vertex: bool
    max_in_flight: int
    session_idle: timedelta
    session_wait: float
    empty_answer_retries: int


def deployment() -> Deployment:
    """Return what the settings say."""
    return Deployment(
        upstream=settings.GEMINI_UPSTREAM,
        vertex=settings.GOOGLE_GENAI_USE_VERTEXAI,
        max_in_flight=settings.MAX_IN_FLIGHT,
        session_idle=timedelta(seconds=settings.SESSION_IDLE_SECONDS),
        session_wait=settings.SESSION_WAIT_SECONDS,
        empty_answer_retries=settings.EMPTY_ANSWER_RETRIES,
    )


@dataclass(slots=True)
class Runtime:
    """The shared parts, bound to one event loop. Without `media` no URL of a client's is fetched.

    `account` tells one Gemini account from another without naming it. `session_turns` hold back a second request of a
    session while the first is being answered. `jobs` are the
    responses that run in the background, None until there was one.
    """

    client: GeminiClient
    store: Store
    account: str = ""
    media: MediaFetcher | None = None
    in_flight: int = 0
    session_turns: SessionTurns = field(default_factory=SessionTurns)
    jobs: "Jobs | None" = None
    memory_return: MemoryReturn | None = None
    deployment: Deployment = field(default_factory=deployment)
    _left: asyncio.Event | None = None

    def enter(self) -> None:
        """Count one exchange in, before Gemini is asked for anything.

        Raises RateLimitError when MAX_IN_FLIGHT are open, StorageUnavailableError when its record would not be taken.
        """
        if self.store.outage is not None:
            raise StorageUnavailableError
        if self.in_flight >= self.deployment.max_in_flight:
            raise RateLimitError(
                "This gateway is at its limit for concurrent requests. Please try again.", retry_after=1
            )
        self.in_flight += 1

    def leave(self) -> None:
        """Count one exchange out."""
        self.in_flight -= 1
        if self._left is not None and not self.in_flight:
            self._left.set()

    async def all_left(self) -> None:
        """Wait until no exchange is open, at most CUT_GRACE_SECONDS: each is recorded before it leaves."""
        if self.in_flight:
            self._left = asyncio.Event()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._left.wait(), CUT_GRACE_SECONDS)


class Lasting(Protocol):
    """A connection that outlives its requests: a WebSocket."""

    def drain(self) -> None:
        """Take nothing new, and close as soon as what runs has ended."""


_lasting: "WeakSet[Lasting]" = WeakSet()


class _Holder:
    draining = False
    runtime: Runtime | None = None
    loop: asyncio.AbstractEventLoop | None = None


def runtime() -> Runtime:
    """Return this process's runtime, made on the first call inside a running event loop."""
    loop = asyncio.get_running_loop()
    if _Holder.runtime is None or _Holder.loop is not loop:
        store = get_store()
        _Holder.runtime = Runtime(
            client=_client(),
            store=store,
            account=_account(),
            media=_media(),
            memory_return=MemoryReturn(byte_budget(), store),
        )
        _Holder.loop = loop
    return _Holder.runtime


def _account() -> str:
    """Return a name for the account behind the key or the project: a digest, too short to be anything else."""
    whose = f"{settings.GEMINI_API_KEY}|{settings.GOOGLE_CLOUD_PROJECT}"
    return f"{settings.GEMINI_UPSTREAM}:{blake2b(whose.encode(), digest_size=4).hexdigest()}"


def _client() -> GeminiClient:
    upstream = Upstream(
        api_key=settings.GEMINI_API_KEY or "emulator",
        base_url=settings.GEMINI_BASE_URL,
        vertex=settings.GOOGLE_GENAI_USE_VERTEXAI,
        project=settings.GOOGLE_CLOUD_PROJECT,
        location=settings.GOOGLE_CLOUD_LOCATION,
    )
    deadlines = Deadlines(
        connect=settings.CONNECT_TIMEOUT,
        first_byte=settings.FIRST_BYTE_TIMEOUT,
        idle=settings.IDLE_TIMEOUT,
        total=settings.TOTAL_TIMEOUT,
        answer_bytes=settings.MAX_ANSWER_BYTES,
    )
    return GeminiClient(upstream, deadlines)


def _media() -> MediaFetcher | None:
    if settings.MEDIA_FETCH == "off":
        return None
    limits = MediaLimits(
        file_bytes=settings.MEDIA_MAX_BYTES, request_bytes=settings.MAX_BODY_BYTES, urls=settings.MEDIA_MAX_URLS
    )
    schemes = {"https", "http"} if settings.MEDIA_FETCH_HTTP else {"https"}
    return MediaFetcher(limits, guard=Guard(schemes=frozenset(schemes)))


def drain() -> Awaitable[None]:
    """Make `/readyz` answer 503 from now on, and let WebSockets come to their end.

    Await what it returns until no response runs in the background any more.
    """
    _Holder.draining = True
    for connection in list(_lasting):
        connection.drain()
    return _finish_background()


def end_on_drain(connection: Lasting) -> None:
    """Tell a connection when this process drains; it is remembered for as long as it lives."""
    _lasting.add(connection)


def is_draining() -> bool:
    """Return whether this process is on its way out."""
    return _Holder.draining


async def _finish_background() -> None:
    """Wait until no response runs in the background any more."""
    held = _Holder.runtime
    if held is not None and held.jobs is not None:
        await held.jobs.finished()


async def shut_down() -> None:
    """Stop what runs in the background, let what the server has just cut be recorded, close the pool of upstream
    connections, write what the store still holds.

    Under a server that has not drained (`drain`) what runs in the background gets its time now.
    """
    if not _Holder.draining:
        with suppress(TimeoutError):
            async with asyncio.timeout(settings.DRAIN_SECONDS):
                await _finish_background()
    held, _Holder.runtime = _Holder.runtime, None
    if held is not None:
        if held.jobs is not None:
            await held.jobs.close()
        await held.all_left()
        if held.memory_return is not None:
            await held.memory_return.stop()
        await held.client.aclose()
        await held.store.close()
