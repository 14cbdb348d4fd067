"""A clock that a test moves, and limits without a database."""

from typing import Any

from api.limits.buckets import DAY, MINUTE, Bucket
from sessions_store.accounts.limits import Limit, Limits


class Clock:
    """Nanoseconds, from any start."""

    def __init__(self) -> None:
        self.now = 10**15

    def __call__(self) -> int:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        """Move on."""
        self.now += round(seconds * 1e9)


def tokens(limit: int, *, key: str = "1:tpm", daily: bool = False) -> Bucket:
    """A limit of tokens per minute, or per day."""
    what = "tokens per day (TPD)" if daily else "tokens per min (TPM)"
    return Bucket(key, "tokens", limit, DAY if daily else MINUTE, what, "this API key")


def requests(limit: int, *, key: str = "1:rpm") -> Bucket:
    """A limit of requests per minute."""
    return Bucket(key, "requests", limit, MINUTE, "requests per min (RPM)", "this API key")


def gateway_limits(workers: int = 1, **values: Any) -> Limits:
    """Limits of the whole gateway."""
    return Limits(by_subject={("gateway", None): (Limit(id=1, scope="gateway", **values),)}, workers=workers)
