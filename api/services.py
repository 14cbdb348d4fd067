"""The shared objects of one worker process: the upstream client, the store, the count of open exchanges.

Higher layers add their own shared objects (`shared`) and register what must end before the process: background
responses, open WebSockets. `gemini_gateway.process` opens and closes all of them.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import blake2b
from typing import Any, ParamSpec, Protocol, TypeVar
from uuid import uuid4
from weakref import WeakSet

from django.conf import settings

from api.errors import RateLimitError, StorageUnavailableError
from api.gemini.client import GeminiClient, Upstream
from api.gemini.upstream_stream import Deadlines
from api.limits.limiter import Limiter
from api.media.fetcher import MediaFetcher, MediaLimits
from api.media.guard import Guard
from api.resources.byte_budget import ByteBudget
from api.resources.memory_release import MemoryRelease
from api.resources.session_lock import NewSessionIds, SessionLocks
from api.resources.worker_threads import WorkerThreads
from sessions_store.budgets.escrow import Escrow
from sessions_store.writing.store import Store

P = ParamSpec("P")
T = TypeVar("T")

# The time that exchanges cancelled at the end of a drain have to record themselves.
CUT_GRACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """The settings that every request needs, read once: each read of Django's settings object takes half a microsecond.

    `upstream` is GEMINI_UPSTREAM. A session expires after `session_idle` without a request; a request waits at most
    `session_wait` seconds for the lock of its session. An empty Gemini response is retried `empty_answer_retries`
    times.
    """

    upstream: str
    vertex: bool
    max_in_flight: int
    session_idle: timedelta
    session_wait: float
    empty_answer_retries: int


def deployment() -> Deployment:
    """Return the values of the settings."""
    return Deployment(
        upstream=settings.GEMINI_UPSTREAM,
        vertex=settings.GOOGLE_GENAI_USE_VERTEXAI,
        max_in_flight=settings.MAX_IN_FLIGHT,
        session_idle=timedelta(seconds=settings.SESSION_IDLE_SECONDS),
        session_wait=settings.SESSION_WAIT_SECONDS,
        empty_answer_retries=settings.EMPTY_ANSWER_RETRIES,
    )


class Background(Protocol):
    """Work that continues without a client's connection."""

    async def finished(self) -> None:
        """Wait until all work has ended."""

    async def close(self) -> None:
        """Cancel the work that still runs."""


class Connection(Protocol):
    """A connection that outlives its requests: a WebSocket."""

    def drain(self) -> None:
        """Accept no new requests, and close after the running ones."""


@dataclass(slots=True)
class Services:
    """The shared objects of one event loop. Without `media`, URLs of clients are not fetched.

    `session_locks` serialize the requests of a named session. `escrow` reserves from the budgets. `worker` identifies
    the process among all workers. `draining` is set when the process is about to end.
    """

    client: GeminiClient
    store: Store
    media: MediaFetcher | None = None
    in_flight: int = 0
    session_locks: SessionLocks = field(default_factory=SessionLocks)
    new_session_ids: NewSessionIds = field(default_factory=NewSessionIds)
    budget: ByteBudget = field(default_factory=ByteBudget)
    memory_release: MemoryRelease | None = None
    worker_threads: WorkerThreads = field(default_factory=WorkerThreads)
    deployment: Deployment = field(default_factory=deployment)
    worker: str = field(default_factory=lambda: uuid4().hex)
    limiter: Limiter = field(default_factory=Limiter)
    draining: bool = False
    escrow: Escrow = field(init=False)
    _shared: dict[object, Any] = field(default_factory=dict)
    _background: list[Background] = field(default_factory=list)
    _connections: "WeakSet[Connection]" = field(default_factory=WeakSet)
    _left: asyncio.Event | None = None

    def __post_init__(self) -> None:
        self.escrow = Escrow(self.store, settings.BUDGET_LEASE_SECONDS)

    def shared(self, kind: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the process's one object of a higher layer's class; the first call creates it."""
        found: T | None = self._shared.get(kind)
        if found is None:
            found = self._shared[kind] = kind(*args, **kwargs)
        return found

    def end_on_drain(self, connection: Connection) -> None:
        """Register a connection to close at the drain; the reference is weak."""
        self._connections.add(connection)

    def finish_on_drain(self, background: Background) -> None:
        """Register background work: the drain waits for it, `close` cancels it."""
        self._background.append(background)

    def enter(self) -> None:
        """Count an exchange as open, before its first upstream call.

        Raises RateLimitError if MAX_IN_FLIGHT exchanges are open, StorageUnavailableError if the database takes no
        records.
        """
        if self.store.outage is not None:
            raise StorageUnavailableError
        if self.in_flight >= self.deployment.max_in_flight:
            raise RateLimitError(
                "This gateway is at its limit for concurrent requests. Please try again.", retry_after=1
            )
        self.in_flight += 1

    def leave(self) -> None:
        """Count an exchange as ended."""
        self.in_flight -= 1
        if self._left is not None and not self.in_flight:
            self._left.set()

    async def all_left(self) -> None:
        """Wait until no exchange is open, at most CUT_GRACE_SECONDS: each is recorded before it is counted as ended."""
        if self.in_flight:
            self._left = asyncio.Event()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._left.wait(), CUT_GRACE_SECONDS)

    def drain(self) -> None:
        """Make `/readyz` return 503 from now on, and drain the WebSockets."""
        self.draining = True
        for connection in list(self._connections):
            connection.drain()

    async def background_finished(self) -> None:
        """Wait until no background work runs."""
        for background in self._background:
            await background.finished()

    async def close(self) -> None:
        """Close everything, users before what they use.

        1. Background responses are cancelled and recorded as failed.
        2. Exchanges that the server cancelled are recorded.
        3. The release of memory and the escrow of budgets, users of the store, stop.
        4. The upstream connections and those of the limiter close.
        5. The store commits its queue, and its threads end.
        6. The worker threads end.
        """
        for background in self._background:
            await background.close()
        await self.all_left()
        if self.memory_release is not None:
            await self.memory_release.stop()
        await self.escrow.stop()
        await self.client.aclose()
        await self.limiter.close()
        await self.store.close()
        self.worker_threads.close()


def open_services(base_url: str, budget: ByteBudget) -> Services:
    """Return the shared objects for the running event loop, as the settings say.

    `base_url` is the address of the Gemini API, "" for Google's own. `budget` is the byte budget of the process.
    """
    store = Store()
    services = Services(
        client=_client(base_url),
        store=store,
        media=_media(),
        budget=budget,
        memory_release=MemoryRelease(budget, store),
    )
    services.escrow.start()
    return services


def _account() -> str:
    """Return a name of the account behind the key or the project: a digest too short to reveal the key."""
    whose = f"{settings.GEMINI_API_KEY}|{settings.GOOGLE_CLOUD_PROJECT}"
    return f"{settings.GEMINI_UPSTREAM}:{blake2b(whose.encode(), digest_size=4).hexdigest()}"


def _client(base_url: str) -> GeminiClient:
    upstream = Upstream(
        api_key=settings.GEMINI_API_KEY or "emulator",
        base_url=base_url,
        vertex=settings.GOOGLE_GENAI_USE_VERTEXAI,
        project=settings.GOOGLE_CLOUD_PROJECT,
        location=settings.GOOGLE_CLOUD_LOCATION,
        account=_account(),
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
