"""How often a password may be tried: some attempts are free, then each must wait longer than the one before.

Attempts are counted in the cache, by user name together with the place they come from (so that nobody can keep an
operator out from elsewhere) and by the place alone (so that it cannot try one password on every name). An attempt is
counted before the password is looked at: of many at once only the free ones get that far. What was counted is forgotten
an hour after the last attempt.
"""

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

FREE_BY_NAME = 5
FREE_BY_PLACE = 30
FIRST_WAIT = 10
LONGEST_WAIT = 15 * 60
REMEMBERED = 60 * 60
"""Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """One count of attempts, and how many of them are free."""

    key: str
    free: int

    def seconds_to_wait(self, cache: BaseCache) -> int:
        """Return how long no attempt is allowed from now on, 0 when one is."""
        until = cache.get(f"{self.key}:until")
        return 0 if until is None else max(round(until - time.time()), 1)

    def count(self, cache: BaseCache) -> int:
        """Count an attempt; return 0 when it may go ahead, else the seconds to wait: another one came first."""
        cache.add(self.key, 0, REMEMBERED)
        try:
            attempts = cache.incr(self.key)
            cache.touch(self.key, REMEMBERED)
        except ValueError:  # it was forgotten in between
            attempts = 1
            cache.set(self.key, attempts, REMEMBERED)
        if attempts < self.free:
            return 0
        wait = min(FIRST_WAIT * 2 ** min(attempts - self.free, 10), LONGEST_WAIT)
        return 0 if cache.add(f"{self.key}:until", time.time() + wait, wait) else self.seconds_to_wait(cache)

    def take_back(self, cache: BaseCache) -> None:
        """Count one attempt less, with the wait that it caused."""
        try:
            cache.decr(self.key)
        except ValueError:
            return
        cache.delete(f"{self.key}:until")

    def forget(self, cache: BaseCache) -> None:
        """Begin anew."""
        cache.delete_many([self.key, f"{self.key}:until"])


class LoginAttempt:
    """One attempt to log in as `username`, from an address or from a browser that has logged in as this user before.

    Such a browser (`browser`, "" for any other) is counted by itself: whoever shares the operator's address cannot keep
    the operator out.
    """

    def __init__(self, username: str, *, address: str, browser: str = "") -> None:
        place = f"browser:{browser}" if browser else f"address:{address}"
        self._by_name = Counter(key=_key(place, username.casefold()), free=FREE_BY_NAME)
        self._counters = [self._by_name]
        if not browser:
            self._counters.append(Counter(key=_key(place), free=FREE_BY_PLACE))

    def begin(self) -> int:
        """Return 0 when the password may be looked at, else the seconds to wait until it may."""
        return _with_cache(self._begin)

    def succeeded(self) -> None:
        """The password was right: the user's count begins anew, and the place's is as before."""
        _with_cache(self._succeeded)

    def _begin(self, cache: BaseCache) -> int:
        wait = max(counter.seconds_to_wait(cache) for counter in self._counters)
        return wait or max(counter.count(cache) for counter in self._counters)

    def _succeeded(self, cache: BaseCache) -> int:
        for counter in self._counters:
            if counter is self._by_name:
                counter.forget(cache)
            else:
                counter.take_back(cache)
        return 0


def _key(*parts: str) -> str:
    """Return a key of fixed length, whatever a stranger typed."""
    return "gateway-login:" + hashlib.sha256("\x00".join(parts).encode()).hexdigest()


def _with_cache(work: Callable[[BaseCache], int]) -> int:
    """Do it in the shared cache, or in this process alone while Redis is away: never not at all."""
    try:
        return work(caches["default"])
    except (RedisError, OSError) as fault:
        logger.warning("Redis is not available: failed logins are counted per process (%s)", type(fault).__name__)
        return work(caches["process"])
