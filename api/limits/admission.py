"""The admission of one request: what it has charged and holds, from the check of its key to its end.

1. `enter`, before the body is parsed: the requests and the slots of the limits for all models, in this process.
2. `reserve`, after planning: the tokens, and the limits with a model pattern. With Redis, all of them in Redis.
3. `close`, at the end: the reserved tokens become those of the usage records, and the slots are released.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from types import TracebackType
from typing import Final, Self
from uuid import uuid4

from api.limits.buckets import Bucket, Charge, Plan, Plans, Slots
from api.limits.local_store import NOTHING, Taken
from api.limits.redis_store import RedisLostError, RedisStore, Take
from api.limits.standing import headers, no_slot, refusal
from api.limits.stores import Stores
from sessions_store.accounts.access import Caller
from sessions_store.accounts.limits import Limits

# Between two attempts to hold a slot that other workers hold.
RETRY_SECONDS: Final = 0.1


class Admission:
    """A request in the limiter. `owned`: an exchange closes the admission; until then, whoever entered it.

    As a context manager it closes itself, unless an exchange owns it.
    """

    __slots__ = (
        "_caller",
        "_closed",
        "_general",
        "_held",
        "_levels",
        "_limits",
        "_plans",
        "_requests",
        "_reserved",
        "_reserving",
        "_shared",
        "_spent",
        "_stores",
        "_tokens",
        "_workers",
        "owned",
    )

    def __init__(self, stores: Stores, plans: Plans, caller: Caller, limits: Limits) -> None:
        self.owned = False
        self._stores, self._plans, self._caller, self._limits = stores, plans, caller, limits
        self._general: Plan = plans.for_all_models(limits, caller)
        self._reserving = False
        self._workers = 1
        self._requests: tuple[Charge, ...] = ()  # charged in this process
        self._tokens: tuple[Charge, ...] = ()  # reserved in this process
        self._reserved = 0
        self._spent = 0
        self._held: tuple[Slots, ...] = ()
        self._shared: Take | None = None  # charged in Redis
        self._levels: dict[str, tuple[Bucket, int]] = {}
        self._closed = False

    async def enter(self) -> None:
        """Charge the request and hold its slots. Raises RequestLimitError or LimiterUnavailableError.

        With Redis, the whole limits apply to this process here, not its shares: what exceeds them exceeds the limits of
        all workers.
        """
        plan = self._general
        self._workers = self._limits.workers if self._stores.shared() is None else 1
        if plan.slots:
            await self._stores.wait_for_slot(plan.slots, self._workers)
        self._charge(plan.opening, plan.slots)
        self._requests = plan.requests

    async def reserve(self, model: str, tokens: Callable[[], Awaitable[int]]) -> None:
        """Reserve tokens, and charge the limits of a public model; a second call does nothing.

        `tokens` is called only if a limit of tokens applies. Raises RequestLimitError, TokenLimitError (nothing is
        charged then) or LimiterUnavailableError.
        """
        if self._reserving:
            return
        self._reserving = True
        plan = self._plans.for_model(self._limits, self._caller, model)
        buckets = self._general.tokens + plan.tokens
        wanted = await tokens() if buckets else 0
        charges = tuple((bucket, wanted) for bucket in buckets)
        shared = self._stores.shared()
        if shared is not None:
            try:
                await self._reserve_shared(shared, plan, charges, model)
            except RedisLostError:
                shared = self._stores.shared()  # raises if the loss of Redis refuses requests
        if shared is None:
            await self._reserve_share(plan, charges, model)
        self._tokens, self._reserved = charges, wanted

    def spend(self, tokens: int) -> None:
        """Count the tokens of a usage record of the request, also after `close`."""
        self._spent += tokens
        if self._closed:
            self._settle(tokens)

    def close(self) -> None:
        """Settle the reserved tokens and release the slots, once."""
        if self._closed:
            return
        self._closed = True
        self._settle(self._spent - self._reserved)
        if self._held:
            self._stores.leave(self._held)
        redis = self._stores.redis
        if redis is not None and self._shared is None and self._requests:
            redis.adjust(Take(uuid4().hex, self._requests))  # ended before `reserve`, such as a malformed request

    def headers(self) -> Iterator[tuple[str, str]]:
        """Yield OpenAI's six headers, as far as limits apply: the state after the charge of this request."""
        return headers(self._levels.values(), self._workers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.owned:
            self.close()

    async def _reserve_share(self, plan: Plan, charges: tuple[Charge, ...], model: str) -> None:
        """Reserve in this process, its share of the limits."""
        requests = plan.requests
        if self._workers != self._limits.workers:  # Redis was lost after `enter`
            requests += self._requests
            self._return_requests()
            self._workers = self._limits.workers
        if plan.slots:
            await self._stores.wait_for_slot(plan.slots, self._workers)
        self._charge((*charges, *requests), plan.slots, model)
        self._requests += requests

    async def _reserve_shared(self, redis: RedisStore, plan: Plan, charges: tuple[Charge, ...], model: str) -> None:
        """Reserve in Redis, and note the charges in this process for the case that Redis is lost."""
        own = (*charges, *plan.requests)
        take = Take(uuid4().hex, (*own, *self._requests), (*self._general.slots, *plan.slots))
        if error := refusal(take.charges, Taken(False, [0] * len(take.charges)), 1, model):  # too large ever
            self._return_requests()
            raise error
        deadline = asyncio.get_running_loop().time() + self._stores.queue_seconds
        while True:
            taken = await redis.take(take)
            self._note(take.charges, taken)
            if taken.fits:
                break
            if error := refusal(take.charges, taken, 1, model):
                self._return_requests()
                raise error
            if asyncio.get_running_loop().time() + RETRY_SECONDS > deadline:
                self._return_requests()
                raise no_slot(take.slots, taken.held, model)
            await asyncio.sleep(RETRY_SECONDS)
        self._shared = take
        self._stores.local.take(own, self._workers, force=True)
        self._requests += plan.requests

    def _charge(self, charges: Sequence[Charge], slots: tuple[Slots, ...], model: str = "") -> None:
        """Charge the buckets of this process and hold its slots, or raise and return what was charged before."""
        local = self._stores.local
        entered = local.enter(slots, self._workers) if slots else NOTHING
        # Without a slot, the levels are read for the headers.
        taken = local.take(charges if entered.fits else [(bucket, 0) for bucket, _ in charges], self._workers)
        self._note(charges, taken)
        if entered.fits and taken.fits:
            self._held += slots
            return
        self._return_requests()
        if not entered.fits:
            raise no_slot(slots, entered.held, model)
        self._stores.leave(slots)
        error = refusal(charges, taken, self._workers, model)
        assert error is not None  # noqa: S101 - a bucket has not admitted the request
        raise error

    def _note(self, charges: Sequence[Charge], taken: Taken) -> None:
        """Keep the levels for the headers."""
        for (bucket, _), level in zip(charges, taken.levels, strict=True):
            self._levels[bucket.key] = bucket, level

    def _return_requests(self) -> None:
        for bucket, units in self._requests:
            self._stores.local.adjust((bucket, -units), self._workers)
            level = self._levels[bucket.key][1] - units * bucket.period * self._workers
            self._levels[bucket.key] = bucket, max(level, 0)
        self._requests = ()

    def _settle(self, units: int) -> None:
        """Add tokens to the buckets, negative ones to return them."""
        # A request without a reservation has no limits with a model pattern.
        buckets = [bucket for bucket, _ in self._tokens] if self._tokens else self._general.tokens
        charges = [(bucket, units) for bucket in buckets] if units else []
        for charge in charges:
            self._stores.local.adjust(charge, self._workers)
        if self._stores.redis is not None and (charges or self._shared is not None):
            take = self._shared
            self._stores.redis.adjust(Take(take.id if take else "", charges, take.slots if take else ()))
