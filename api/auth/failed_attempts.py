"""The throttle of failed attempts with keys: counted per client address in this process; nothing is written.

A valid key is never delayed: only a request with an invalid key reads the count of its address.
"""

import hashlib
from typing import Final

from django.core.cache import caches

from api.errors import AuthenticationError, RateLimitError
from sessions_store.accounts.login_throttle import Counter

# Many programs may share an address, and a program retries an expired key for a while.
FREE: Final = 30
TOO_MANY: Final = "Too many requests with an incorrect API key from your network address. Please try again later."


def refused_attempt(error: AuthenticationError, address: str) -> AuthenticationError | RateLimitError:
    """Count a failed attempt; return its error, or RateLimitError while the address has to wait.

    The error does not say whether the key was unknown, revoked or expired.
    """
    cache = caches["process"]
    name = hashlib.sha256(address.encode()).hexdigest()
    counter = Counter(key=f"gateway-key:{name}", free=FREE)
    wait = counter.seconds_to_wait(cache) or counter.count(cache)
    return RateLimitError(TOO_MANY, retry_after=wait, retryable=False) if wait else error
