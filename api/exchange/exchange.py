"""One request from its arrival to its record: opened and ended in one place, whatever the endpoint.

`async with open_exchange(...)` takes nothing by itself. While the exchange is open, `admit` counts it in, and `lock`
waits for the lock of its session. Its end records what was not recorded (a failure, a client that disconnected),
releases the lock and counts the exchange out, exactly once.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Self

from api.errors import GatewayError, InternalError, StorageUnavailableError
from api.exchange.accounting import Accounting
from api.exchange.generation import Generation
from api.exchange.ids import session_id
from api.exchange.outcome import CLIENT_CLOSED, Outcome, failure
from api.exchange.recording.record import Recorded, record
from api.notes import notes_header
from api.resources.byte_budget import Hold
from api.resources.interruption import server_cut
from api.resources.session_lock import Name
from api.services import Runtime
from sessions_store.catalogue.resolution import Catalogue

logger = logging.getLogger(__name__)


class Exchange:
    """An open exchange. `catalogue` is the snapshot that was taken when the request was admitted.

    `generation` is set once a model's answer is planned, and is recorded with the accounting. `committed` is what the
    database has of it. `fault` is why the server
    itself cancels the exchange, which otherwise counts as a client that disconnected. A stream or a job that outlives
    the `async with` takes the exchange over with `keep_open` and ends it with `end`.
    """

    generation: Generation | None = None
    fault: GatewayError | None = None
    recorded = False
    committed: Recorded | None = None
    _parent: "Exchange | None" = None
    _resources: AsyncExitStack | None = None
    _admitted = False
    _kept_open = False

    def __init__(
        self, runtime: Runtime, accounting: Accounting, catalogue: Catalogue, hold: Hold | None = None
    ) -> None:
        self.runtime = runtime
        self.accounting = accounting
        self.catalogue = catalogue
        self.hold = hold

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._kept_open:
            await self.end(error)

    def within(self, parent: "Exchange") -> Self:
        """Return the exchange as a part of `parent`, which is counted in for both and has chosen model and account."""
        self._parent = parent
        self.accounting.upstream_model = parent.accounting.upstream_model
        self.accounting.account = parent.accounting.account
        return self

    def admit(self) -> None:
        """Count the exchange in before it costs anything; does nothing the second time.

        Raises what `Runtime.enter` raises.
        """
        if self._parent is not None:
            self._parent.admit()
        elif not self._admitted:
            self.runtime.enter()
            self._admitted = True

    async def lock(self, name: Name) -> None:
        """Wait for the lock of a session or conversation, at most SESSION_WAIT_SECONDS; the end of the exchange
        releases it.
        """
        runtime = self.runtime
        held = runtime.session_locks.hold(name, timeout=runtime.deployment.session_wait)
        await self._until_end().enter_async_context(held)

    def new_session_id(self, name: Name) -> str:
        """Return the public id of a session that begins; other requests that begin it meanwhile get the same."""
        return self._until_end().enter_context(self.runtime.new_session_ids.share(name, session_id()))

    def _until_end(self) -> AsyncExitStack:
        if self._resources is None:
            self._resources = AsyncExitStack()
        return self._resources

    def keep_open(self) -> None:
        """Leave the exchange open behind its `async with`: the caller is going to `end` it."""
        self._kept_open = True

    async def record(self, outcome: Outcome) -> None:
        """Commit the exchange; once, whatever comes after.

        Raises StorageUnavailableError or InternalError if the database did not take it: nothing may then be
        acknowledged.
        """
        if self.recorded:
            return
        self.recorded = True
        self.committed = await record(self.runtime, self.accounting, outcome, self.generation)

    async def fail(self, error: BaseException) -> None:
        """End the answer as failed or cancelled and record that, also while this task is being cancelled.

        If nothing can be recorded the failure is reported to the client all the same: it acknowledges nothing.
        """
        if self.recorded:
            return
        outcome = failure(error)
        if outcome.status is CLIENT_CLOSED and (fault := self.fault or server_cut()) is not None:
            outcome = failure(fault)
        self._end_answer(outcome)
        with suppress(StorageUnavailableError):
            await asyncio.shield(self.record(outcome))

    def _end_answer(self, outcome: Outcome) -> None:
        """End an answer that has no end of its own; an answer that cannot be ended is recorded as it is."""
        if self.generation is None:
            return
        answer = self.generation.accumulator
        try:
            if outcome.status is CLIENT_CLOSED:
                answer.cancelled()
            else:
                answer.failed(outcome.error or InternalError("The response failed."))
        except Exception:
            logger.exception("A response could not be ended")

    async def end(self, error: BaseException | None = None) -> None:
        """Record `error` unless the exchange is recorded, release its lock and count it out; once."""
        try:
            if error is not None:
                await self.fail(error)
        finally:
            resources, self._resources = self._resources, None
            try:
                if resources is not None:
                    await resources.aclose()
            finally:
                if self._admitted:
                    self._admitted = False
                    self.runtime.leave()

    @property
    def size(self) -> int:
        """How many bytes are held for the exchange; 0 where nothing counts them."""
        return 0 if self.hold is None else self.hold.size

    def hold_bytes(self, size: int) -> None:
        """Hold what has been read for the request; raises OverloadedError when the process holds too much."""
        if self.hold is not None:
            self.hold.grow(size)

    def headers(self) -> Iterator[tuple[str, str]]:
        """Yield the response headers that say what was done and remembered."""
        generation = self.generation
        yield "x-gateway-model", self.accounting.upstream_model
        notes = [*self.accounting.notes, *(generation.accumulator.notes if generation is not None else ())]
        if notes:
            yield "x-gateway-notes", notes_header(notes)
        memory = generation.branches[0].memory if generation is not None and generation.branches else None
        if memory is not None and memory.session is not None:
            yield "x-session-id", memory.public_id
            yield "x-session-messages", str(len(memory.before))
