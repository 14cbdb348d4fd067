"""The stores of a process: its own, and Redis if REDIS_URL is set."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from django.conf import settings

from api.errors import LimiterUnavailableError
from api.limits.buckets import Slots
from api.limits.local_store import LocalStore
from api.limits.redis_store import RedisStore


@dataclass(frozen=True, slots=True)
class LimiterSettings:
    """REDIS_URL, RATE_LIMIT_ON_REDIS_LOSS and QUEUE_SECONDS."""

    redis_url: str = ""
    on_redis_loss: str = "share"
    queue_seconds: float = 0.0


def limiter_settings() -> LimiterSettings:
    """Return the values of the settings."""
    return LimiterSettings(settings.REDIS_URL, settings.RATE_LIMIT_ON_REDIS_LOSS, settings.QUEUE_SECONDS)


class Stores:
    """The state of all buckets and slots that this process knows."""

    def __init__(self, configured: LimiterSettings, local: LocalStore) -> None:
        self.local = local
        self.queue_seconds = configured.queue_seconds
        self.redis = RedisStore(configured.redis_url) if configured.redis_url else None
        self._refuse = configured.on_redis_loss == "refuse"
        self._freed: asyncio.Event | None = None

    def shared(self) -> RedisStore | None:
        """Return the store that all workers share; None if each enforces its share of the limits.

        Raises LimiterUnavailableError if Redis is lost and RATE_LIMIT_ON_REDIS_LOSS is `refuse`.
        """
        if self.redis is None or self.redis.available:
            return self.redis
        if self._refuse:
            raise LimiterUnavailableError
        return None

    async def wait_for_slot(self, slots: Sequence[Slots], workers: int) -> None:
        """Wait until this process has a free slot of each, at most QUEUE_SECONDS."""
        if not self.queue_seconds or self.local.has_room(slots, workers):
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self.queue_seconds):
                while not self.local.has_room(slots, workers):
                    if self._freed is None:
                        self._freed = asyncio.Event()
                    await self._freed.wait()

    def leave(self, slots: Sequence[Slots]) -> None:
        """Release slots of this process, and wake the requests that wait for one."""
        self.local.leave(slots)
        if self._freed is not None:
            self._freed.set()
            self._freed = None

    async def close(self) -> None:
        """Finish the settlements in Redis and close its connections."""
        if self.redis is not None:
            await self.redis.close()
