"""Throttle of login attempts: some attempts are free, then each waits longer than the previous attempt.

The cache holds two counts: by user name and client address (a stranger elsewhere cannot lock an operator out), and by
client address alone (one address cannot try one password on every name). An attempt is counted before its password is
checked, so of many concurrent attempts only the free ones reach the check. A count expires an hour after its last
attempt.
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
    """One count of attempts and its number of free attempts."""

    key: str
    free: int

    def seconds_to_wait(self, cache: BaseCache) -> int:
        """Return the seconds until the next attempt is allowed, 0 if an attempt is allowed now."""
        until = cache.get(f"{self.key}:until")
        return 0 if until is None else max(round(until - time.time()), 1)

    def count(self, cache: BaseCache) -> int:
        """Count an attempt; return 0 if it is allowed, else the seconds to wait because a concurrent attempt was
        counted first.
        """
        cache.add(self.key, 0, REMEMBERED)
        try:
            attempts = cache.incr(self.key)
            cache.touch(self.key, REMEMBERED)
        except ValueError:  # the count expired in between
            attempts = 1
            cache.set(self.key, attempts, REMEMBERED)
        if attempts < self.free:
            return 0
        wait = min(FIRST_WAIT * 2 ** min(attempts - self.free, 10), LONGEST_WAIT)
        return 0 if cache.add(f"{self.key}:until", time.time() + wait, wait) else self.seconds_to_wait(cache)

    def decrement(self, cache: BaseCache) -> None:
        """Subtract one attempt and cancel its wait."""
        try:
            cache.decr(self.key)
        except ValueError:
            return
        cache.delete(f"{self.key}:until")

    def forget(self, cache: BaseCache) -> None:
        """Reset the count."""
        cache.delete_many([self.key, f"{self.key}:until"])


class LoginAttempt:
    """One attempt to log in as `username`, from an address or from a browser with an earlier login as this user.

    Such a browser (`browser`, "" for any other) has a count of its own: other clients at the operator's address cannot
    lock the operator out.
    """

    def __init__(self, username: str, *, address: str, browser: str = "") -> None:
        place = f"browser:{browser}" if browser else f"address:{address}"
        self._by_name = Counter(key=_key(place, username.casefold()), free=FREE_BY_NAME)
        self._counters = [self._by_name]
        if not browser:
            self._counters.append(Counter(key=_key(place), free=FREE_BY_PLACE))

    def begin(self) -> int:
        """Return 0 if the password may be checked, else the seconds to wait."""
        return _with_cache(self._begin)

    def succeeded(self) -> None:
        """Record a correct password: reset the count of the user name, subtract the attempt from the count of the
        address.
        """
        _with_cache(self._succeeded)

    def _begin(self, cache: BaseCache) -> int:
        wait = max(counter.seconds_to_wait(cache) for counter in self._counters)
        return wait or max(counter.count(cache) for counter in self._counters)

    def _succeeded(self, cache: BaseCache) -> int:
        for counter in self._counters:
            if counter is self._by_name:
                counter.forget(cache)
            else:
                counter.decrement(cache)
        return 0


def _key(*parts: str) -> str:
    """Return a cache key of fixed length for any input."""
    return "gateway-login:" + hashlib.sha256("\x00".join(parts).encode()).hexdigest()


def _with_cache(work: Callable[[BaseCache], int]) -> int:
    """Run in the shared cache, or in the cache of this process while Redis is unavailable."""
    try:
        return work(caches["default"])
    except (RedisError, OSError) as fault:
        logger.warning("Redis is not available: failed logins are counted per process (%s)", type(fault).__name__)
        return work(caches["process"])
