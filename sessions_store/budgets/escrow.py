"""The escrow of a worker: it reserves for requests from slices of the budgets that the worker holds in the database.

A request that the slices can pay for is charged in memory. Any other waits for one transaction on the writing thread,
which reserves for all requests that wait. The leases are renewed by a heartbeat; without it they lapse, and the other
workers take them back.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import ParamSpec, TypeVar

from sessions_store.budgets.leases import HeldWindow, acquire, renew
from sessions_store.budgets.periods import WindowKey
from sessions_store.budgets.reservations import BudgetExceededError, Claim, LeaseHolder, Reservation
from sessions_store.writing.store import Store, StoreError, StoreUnavailableError

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

MAX_TOGETHER = 256
# Shares of the time of a lease: the period of the heartbeat, and how long a lease is relied on without a heartbeat.
BEAT = 0.25
RELIED_ON = 2 / 3


def _once(function: Callable[P, T]) -> Callable[P, T]:
    """Return the function for one run. The store repeats a call after a lost connection, but the first run may have
    been committed: it would reserve or return twice.
    """
    ran = False

    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        nonlocal ran
        if ran:
            raise StoreUnavailableError("The connection broke during a reservation.")
        ran = True
        return function(*args, **kwargs)

    return run


@dataclass(slots=True)
class _Held:
    """The slice of a window: `free` can be charged. `left` was left for others at the last lease, of `amount`."""

    free: int
    left: int
    amount: int
    used: bool = True


class Escrow:
    """The reservations of one worker. All methods run on the event loop."""

    def __init__(self, store: Store, lease_seconds: float) -> None:
        self._store = store
        self._seconds = lease_seconds
        self._holder = LeaseHolder(lease_seconds * RELIED_ON)
        self._former: list[LeaseHolder] = []
        self._held: dict[WindowKey, _Held] = {}
        self._waiting: list[tuple[Sequence[Claim], asyncio.Future[Reservation]]] = []
        self._unrecorded: list[Reservation] = []
        self._writing = asyncio.Lock()
        self._acquiring: asyncio.Task[None] | None = None
        self._heartbeat: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the heartbeat."""
        self._heartbeat = asyncio.get_running_loop().create_task(self._send_heartbeats())

    async def reserve(self, claims: Sequence[Claim]) -> Reservation:
        """Reserve all claims, given in the order of their budgets, or none.

        Raises BudgetExceededError, StoreUnavailableError and StoreError.
        """
        reservation = self._charge(claims)
        if reservation is not None:
            return reservation
        future: asyncio.Future[Reservation] = asyncio.get_running_loop().create_future()
        self._waiting.append((claims, future))
        if self._acquiring is None or self._acquiring.done():
            self._acquiring = asyncio.create_task(self._acquire())
        try:
            return await future
        except asyncio.CancelledError:
            # A task can be cancelled between the result of its future and its next step.
            if future.done() and not future.cancelled() and future.exception() is None:
                self.close(future.result(), recorded=False)
            raise

    def close(self, reservation: Reservation, *, recorded: bool) -> None:
        """End the reservation of an exchange that has ended; `recorded`: its record was given to the store.

        The commit of the record returns the reservation. If the store has rejected the record, the next heartbeat does.
        """
        if reservation.ended:
            return
        holder = reservation.holder
        if recorded or holder is not self._holder or not holder.valid:
            self._unrecorded.append(reservation)
            return
        reservation.ended = True
        holder.begun -= 1
        for key, amount in reservation.amounts:
            self._slice(key).free += amount

    def remaining(self, key: WindowKey) -> int | None:
        """Return what a window can still pay in nano-USD, as of the last lease and the charges since; None if this
        worker has not reserved from the window.
        """
        held = self._held.get(key)
        return None if held is None else held.left + held.free

    async def stop(self) -> None:
        """Stop the heartbeat, and return everything that is not charged."""
        async with self._writing:  # not in the middle of a transaction, whose end would be uncertain
            tasks = [task for task in (self._heartbeat, self._acquiring) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._held or self._unrecorded or self._holder.outstanding:
            with suppress(StoreError):
                await self._renew({key: held.free for key, held in self._held.items()})

    def _charge(self, claims: Sequence[Claim]) -> Reservation | None:
        """Charge the slices, None if one of them cannot pay."""
        found = []
        for claim in claims:
            held = self._held.get(claim.key)
            # A budget that was lowered since its slice was taken is asked in the database.
            if held is None or held.free < claim.most or claim.rule.amount_nano < held.amount:
                return None
            found.append(held)
        holder = self._holder
        if not holder.valid:
            return None
        for claim, held in zip(claims, found, strict=True):
            held.free -= claim.most
            held.used = True
        holder.begun += 1
        return Reservation(holder, [(claim.key, claim.most) for claim in claims])

    def _slice(self, key: WindowKey) -> _Held:
        return self._held.setdefault(key, _Held(0, 0, 0))

    async def _acquire(self) -> None:
        """Reserve for the waiting requests until none waits."""
        while self._waiting:
            async with self._writing:
                together, self._waiting = self._waiting[:MAX_TOGETHER], self._waiting[MAX_TOGETHER:]
                together = [entry for entry in together if not entry[1].done()]
                if together:
                    await self._acquire_for(together)

    async def _acquire_for(self, together: Sequence[tuple[Sequence[Claim], "asyncio.Future[Reservation]"]]) -> None:
        holder = self._valid_holder()
        requests = [claims for claims, _ in together]
        given_back = self._taken({claim.key for claims in requests for claim in claims})
        try:
            acquired = await self._store.write(_once(acquire), holder, self._seconds, requests, given_back)
        except BaseException as error:
            holder.settled.clear()  # possibly written: a lease may be too large, never too small
            self._replace_holder()
            failed = error if isinstance(error, Exception) else StoreError("The server stops.")
            for _, future in together:
                if not future.done():
                    future.set_exception(failed)
            if not isinstance(error, Exception):
                raise
            return
        for key, window in acquired.held.items():
            self._keep(key, window)
        for (_, future), outcome in zip(together, acquired.outcomes, strict=True):
            if isinstance(outcome, BudgetExceededError):
                if not future.done():
                    future.set_exception(outcome)
                continue
            reservation = Reservation(holder, list(outcome.items()))
            holder.begun += 1
            if future.done():  # the request was cancelled meanwhile
                self.close(reservation, recorded=False)
            else:
                future.set_result(reservation)

    def _taken(self, keys: set[WindowKey]) -> dict[WindowKey, int]:
        """Take the free amounts of windows out of the slices."""
        taken = {}
        for key in keys & self._held.keys():
            taken[key], self._held[key].free = self._held[key].free, 0
        return taken

    def _keep(self, key: WindowKey, window: HeldWindow) -> None:
        held = self._slice(key)
        held.free += window.slice
        held.left, held.amount, held.used = window.left, window.amount, True

    def _valid_holder(self) -> LeaseHolder:
        if not self._holder.valid:
            self._replace_holder()
        return self._holder

    def _replace_holder(self) -> None:
        """Take new reservations under a new name: it is uncertain what the leases of this one contain.

        The leases of the former name are renewed while it has reservations; what is left of them lapses.
        """
        if self._holder.outstanding:
            self._former.append(self._holder)
        self._held.clear()
        self._holder = LeaseHolder(self._seconds * RELIED_ON)

    def _abandon(self, reservation: Reservation) -> None:
        """End a reservation without its return, which may have been committed: the rest of its leases lapses."""
        if not reservation.ended:
            reservation.ended = True
            reservation.holder.begun -= 1

    async def _send_heartbeats(self) -> None:
        while True:
            await asyncio.sleep(self._seconds * BEAT)
            if self._store.outage is not None:
                continue
            try:
                holds = self._held or self._former or self._unrecorded or self._holder.outstanding
                if holds or (await self._store.catalogue()).access.budgets:
                    await self._renew(self._unused())
            except Exception:  # whatever fails once: without a heartbeat all leases of this worker would lapse
                log.exception("The leases of budgets could not be renewed")

    def _unused(self) -> dict[WindowKey, int]:
        """Return the slices that were not charged since the last heartbeat; forget the empty ones."""
        unused = {}
        for key, held in list(self._held.items()):
            if held.used:
                held.used = False
            elif held.free:
                unused[key] = held.free
            else:
                del self._held[key]
        return unused

    async def _renew(self, unused: Mapping[WindowKey, int]) -> None:
        async with self._writing:
            begun_at = monotonic()
            self._former = [holder for holder in self._former if holder.valid and holder.outstanding]
            holder = self._valid_holder()
            given_back = {key: held.free for key in unused if (held := self._held.get(key)) is not None}
            for key in given_back:
                del self._held[key]
            unrecorded, self._unrecorded = self._unrecorded, []
            holders = [*self._former, holder]
            try:
                await self._store.write(_once(renew), holders, self._seconds, given_back, unrecorded)
            except BaseException:
                for reservation in unrecorded:
                    self._abandon(reservation)
                for each in holders:
                    each.settled.clear()
                self._replace_holder()
                raise
            for each in holders:
                each.valid_until = begun_at + self._seconds * RELIED_ON
