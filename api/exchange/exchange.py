"""The life of one exchange, the same for every endpoint: opened, admitted, locked, recorded, ended.

`async with open_exchange(...)` acquires nothing by itself. `admit` counts the exchange against MAX_IN_FLIGHT; `lock`
acquires the lock of its session. Its end, exactly once, records an exchange that is not recorded yet (after a failure
or a client's disconnect), releases the lock and decrements the count.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Any, Self

from api.auth.revocation import running_work
from api.errors import GatewayError, InternalError, KeyRevokedError
from api.exchange.accounting import Accounting
from api.exchange.generation import Generation
from api.exchange.ids import session_id
from api.exchange.outcome import CLIENT_CLOSED, Outcome, failure
from api.exchange.planning.estimate import estimate
from api.exchange.planning.reservation import remaining, reserve
from api.exchange.recording.record import Recorded, record
from api.notes import notes_header
from api.resources.byte_budget import Hold
from api.resources.interruption import server_cut
from api.resources.session_lock import Name
from api.services import Services
from sessions_store.catalogue.resolution import Catalogue

logger = logging.getLogger(__name__)


class Exchange:
    """An open exchange.

    `catalogue` is the snapshot taken when the request was admitted. `hold` reserves the bytes of the request and of the
    stored contents read for it. `generation` is set when a model's response is planned; it is recorded with the
    accounting. `committed` is the result of the commit, None before it. `fault` is set if the server itself cancels the
    exchange; any other cancellation counts as a client's disconnect. A stream or a background response that outlives
    the `async with` calls `keep_open`, and later `end`.
    """

    generation: Generation | None = None
    fault: GatewayError | None = None
    recorded = False
    committed: Recorded | None = None
    _parent: "Exchange | None" = None
    _resources: AsyncExitStack | None = None
    _admitted = False
    _kept_open = False
    _task: "asyncio.Task[Any] | None" = None
    _revoked = False

    def __init__(
        self, services: Services, accounting: Accounting, catalogue: Catalogue, hold: Hold | None = None
    ) -> None:
        self.services = services
        self.accounting = accounting
        self.catalogue = catalogue
        self.hold = hold or Hold()

    async def __aenter__(self) -> Self:
        self.runs_in(asyncio.current_task())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._kept_open:
            await self.end(error)
        if kind is asyncio.CancelledError and (revoked := self.revocation()) is not None:
            raise revoked from None

    def runs_in(self, task: "asyncio.Task[Any] | None") -> None:
        """Let a revocation of the caller's key end the exchange, until its end, by cancelling this task."""
        key_id = self.accounting.caller.key_id
        if key_id is not None and self._parent is None:
            self._task = task
            running_work(self.services).enter(key_id, self)

    def cut_off(self, error: KeyRevokedError) -> None:
        """See Work. A response that is being recorded is complete, and is sent."""
        if self._task is not None and not self.recorded:
            self.fault, self._revoked = error, True
            self._task.cancel()

    def revocation(self) -> GatewayError | None:
        """Return the error of the revocation that has cancelled the current task, and take the cancellation back; None
        if the task was cancelled for another reason. As in `asyncio.timeout`, whoever caught the cancellation calls it.
        """
        task = asyncio.current_task()
        if not self._revoked or task is None:
            return None
        self._revoked = False
        return None if task.uncancel() else self.fault

    def within(self, parent: "Exchange") -> Self:
        """Make the exchange a part of `parent`: both share one place in MAX_IN_FLIGHT and the model."""
        self._parent = parent
        self.accounting.upstream_model = parent.accounting.upstream_model
        self.accounting.admission = parent.accounting.admission
        return self

    def admit(self) -> None:
        """Count the exchange against MAX_IN_FLIGHT, before any cost arises; a second call does nothing.

        Raises RateLimitError or StorageUnavailableError (see `Services.enter`).
        """
        if self._parent is not None:
            self._parent.admit()
        elif not self._admitted:
            self.services.enter()
            self._admitted = True

    async def reserve(self) -> None:
        """Reserve the planned generation in the rate limits and the budgets, after `admit` and before the first
        upstream call; a second call reserves no more.

        Raises RequestLimitError, TokenLimitError, LimiterUnavailableError, SpendLimitError, InvalidRequestError and the
        errors of the store (see `planning.reservation.reserve`).
        """
        accounting = self.accounting
        if self._parent is not None:
            await self._parent.reserve()
        elif accounting.admission is not None:
            await accounting.admission.reserve(accounting.public_model, self._estimated_tokens)
        if self.catalogue.access.budgets and self.generation is not None:
            expected = self.services.limiter.outputs.expected(accounting.public_model)
            await reserve(self.services, accounting, self.catalogue, self.generation, expected)

    async def _estimated_tokens(self) -> int:
        if self.generation is None:
            return 0
        expected = self.services.limiter.outputs.expected(self.accounting.public_model)
        estimated = await self.services.worker_threads.off_loop(self.hold.size, estimate, self.generation, expected)
        return estimated.total

    async def lock(self, name: Name) -> None:
        """Acquire the lock of a session or conversation, with SESSION_WAIT_SECONDS as timeout. The end of the exchange
        releases the lock.
        """
        services = self.services
        held = services.session_locks.hold(name, timeout=services.deployment.session_wait)
        await self._until_end().enter_async_context(held)

    def new_session_id(self, name: Name) -> str:
        """Return the public id of a new session; concurrent requests that create the same session get the same id."""
        return self._until_end().enter_context(self.services.new_session_ids.share(name, session_id()))

    def _until_end(self) -> AsyncExitStack:
        if self._resources is None:
            self._resources = AsyncExitStack()
        return self._resources

    def keep_open(self) -> None:
        """Leave the exchange open after its `async with`: the caller must call `end`."""
        self._kept_open = True

    async def record(self, outcome: Outcome) -> None:
        """Commit the exchange; a second call does nothing.

        Raises StorageUnavailableError or InternalError if the database did not commit: the client must not get the
        response then.
        """
        if self.recorded:
            return
        self.recorded = True
        self.committed = await record(self.services, self.accounting, outcome, self.generation)

    async def fail(self, error: BaseException) -> None:
        """End the response as failed or cancelled and record the exchange, even while this task is being cancelled.

        If the database does not commit, the exchange stays unrecorded and nothing is raised: a failure acknowledges
        nothing.
        """
        if self.recorded:
            return
        outcome = failure(error)
        if outcome.status is CLIENT_CLOSED and (fault := self._cancelled_by()) is not None:
            outcome = failure(fault)
        self._end_generation(outcome)
        with suppress(InternalError):  # StorageUnavailableError too; `record` has logged it
            await asyncio.shield(self.record(outcome))

    def _cancelled_by(self) -> GatewayError | None:
        """Return why the server itself cancels the exchange or the one that it is a part of."""
        return self.fault or (self._parent.fault if self._parent is not None else None) or server_cut()

    def _end_generation(self, outcome: Outcome) -> None:
        """Mark an unfinished response as failed or cancelled; if that raises, the response is recorded as it is."""
        if self.generation is None:
            return
        accumulator = self.generation.accumulator
        try:
            if outcome.status is CLIENT_CLOSED:
                accumulator.cancelled()
            else:
                accumulator.failed(outcome.error or InternalError("The response failed."))
        except Exception:
            logger.exception("A response could not be ended")

    async def end(self, error: BaseException | None = None) -> None:
        """Record `error` unless the exchange is recorded, release the lock and decrement the count of open exchanges;
        once.
        """
        key_id = self.accounting.caller.key_id
        if self._task is not None and key_id is not None:
            self._task = None
            running_work(self.services).leave(key_id, self)
        try:
            if error is not None:
                await self.fail(error)
        finally:
            resources, self._resources = self._resources, None
            try:
                if resources is not None:
                    await resources.aclose()
            finally:
                reservation = self.accounting.reservation
                if reservation is not None:
                    self.services.escrow.close(reservation, recorded=self.recorded)
                if self.accounting.admission is not None and self._parent is None:
                    self.accounting.admission.close()
                if self._admitted:
                    self._admitted = False
                    self.services.leave()

    def headers(self) -> Iterator[tuple[str, str]]:
        """Yield the response headers: upstream model, notes, budget, session."""
        generation = self.generation
        yield "x-gateway-model", self.accounting.upstream_model
        notes = [*self.accounting.notes, *(generation.accumulator.notes if generation is not None else ())]
        if notes:
            yield "x-gateway-notes", notes_header(notes)
        reservation = self.accounting.reservation
        if reservation is not None and self.accounting.caller.policy.budget_header:
            left = remaining(self.services, reservation)
            if left is not None:
                yield "x-gateway-budget-remaining", left
        context = generation.branches[0].context if generation is not None and generation.branches else None
        if context is not None and context.session is not None:
            yield "x-session-id", context.public_id
            yield "x-session-messages", str(len(context.history))
