"""Buckets and slots in Redis, shared by all workers: one script for all of a request, and a breaker for its failures.

All keys have one hash tag, so that a cluster keeps them together. The script is sent by EVALSHA, and by EVAL if the
server does not know it yet: some proxies block SCRIPT LOAD.
"""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha1
from pathlib import Path
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from api.limits.buckets import Charge, Slots
from api.limits.local_store import Taken

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS: Final = 0.05
PROBE_SECONDS: Final = 1.0
# A slot that is not renewed for this long belongs to a worker that has ended.
SLOT_SECONDS: Final = 60
PREFIX: Final = "gateway:{limits}:"
SCRIPT: Final = Path(__file__).with_name("redis_script.lua").read_text(encoding="utf-8")
DIGEST: Final = sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()


class RedisLostError(Exception):
    """Redis did not respond in time, or with an error."""


@dataclass(slots=True)
class Take:
    """The buckets and slots of one request; `id` identifies the request in the slots."""

    id: str
    charges: Sequence[Charge]
    slots: Sequence[Slots] = field(default=())


class RedisStore:
    """The connection to Redis. `available` is False from a failure until a probe succeeds: nothing waits meanwhile."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self.available = True
        self._tasks: set[asyncio.Task[Any]] = set()
        self._held: dict[str, Sequence[Slots]] = {}
        self._renewing: asyncio.Task[None] | None = None

    async def take(self, take: Take) -> Taken:
        """Charge all buckets and hold all slots, or none. Raises RedisLostError.

        A cancelled call ends in the background, and returns what it took.
        """
        running = self._begin(self._run("take", take))
        try:
            taken: Taken = await asyncio.shield(running)
        except asyncio.CancelledError:
            running.add_done_callback(lambda done: self._undo(done, take))
            raise
        if taken.fits and take.slots:
            self._hold(take)
        return taken

    def adjust(self, take: Take) -> None:
        """Add units to the buckets, negative ones to return them, and release the slots; in the background."""
        self._held.pop(take.id, None)
        if self.available and (take.charges or take.slots):
            self._begin(self._ignoring(self._run("force", take)))

    async def close(self) -> None:
        """Finish what runs in the background, and close the connections."""
        if self._renewing is not None:
            self._renewing.cancel()
        if self._tasks:
            _, left = await asyncio.wait(self._tasks, timeout=4 * TIMEOUT_SECONDS)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        await self._redis.aclose()

    async def _run(self, mode: str, take: Take) -> Taken:
        charges, slots = take.charges, take.slots
        keys = [PREFIX + bucket.key for bucket, _ in charges] + [PREFIX + each.key for each in slots]
        arguments: list[Any] = [mode, len(charges)]
        for bucket, units in charges:
            arguments += [bucket.limit, bucket.period // 1000, units]
        for each in slots:
            arguments += [each.limit, take.id]
        arguments.append(SLOT_SECONDS * 1_000_000)
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                answer = await self._evaluate(keys, arguments)
        except (RedisError, OSError, TimeoutError) as error:
            self._lost(error)
            raise RedisLostError from None
        fits = bool(answer[0])
        levels = [
            _ticks(charge, text) + (charge[1] * charge[0].period if fits else 0)
            for charge, text in zip(charges, answer[1:], strict=False)
        ]
        return Taken(fits, levels, answer[1 + len(charges) :])

    async def _evaluate(self, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        try:
            return await self._redis.evalsha(DIGEST, len(keys), *keys, *arguments)
        except NoScriptError:
            return await self._redis.eval(SCRIPT, len(keys), *keys, *arguments)

    def _undo(self, done: "asyncio.Task[Taken]", take: Take) -> None:
        if not done.cancelled() and done.exception() is None and done.result().fits:
            returned = [(bucket, -units) for bucket, units in take.charges]
            self.adjust(Take(take.id, returned, take.slots))

    def _hold(self, take: Take) -> None:
        self._held[take.id] = take.slots
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        """Renew the slots of running requests."""
        while True:
            await asyncio.sleep(SLOT_SECONDS / 3)
            for request, slots in list(self._held.items()):
                if self.available and request in self._held:
                    await self._ignoring(self._run("renew", Take(request, (), slots)))

    def _lost(self, error: Exception) -> None:
        """Open the breaker: one log line, and a probe."""
        if self.available:
            self.available = False
            logger.warning("Redis does not count the rate limits (%s)", type(error).__name__)
            self._begin(self._probe())

    async def _probe(self) -> None:
        while True:
            await asyncio.sleep(PROBE_SECONDS)
            try:
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    await self._redis.ping()
            except (RedisError, OSError, TimeoutError):
                continue
            self.available = True
            logger.warning("Redis counts the rate limits again")
            return

    def _begin(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _ignoring(self, work: Coroutine[Any, Any, Any]) -> None:
        with suppress(RedisLostError):
            await work


def _ticks(charge: Charge, microseconds: bytes) -> int:
    """Return a level in the ticks of the local store, rounded to a thousandth of a unit."""
    bucket, _ = charge
    units = float(microseconds) * 1000 * bucket.limit / bucket.period
    return round(units * 1000) * bucket.period // 1000
