"""The outcome of an exchange, in the terms of the usage record."""

import asyncio
from dataclasses import dataclass
from typing import Final

from api.errors import (
    GatewayError,
    InternalError,
    KeyRevokedError,
    RateLimitError,
    ShuttingDownError,
    StorageUnavailableError,
    UpstreamError,
    UpstreamTimeoutError,
)
from sessions_store.models import UsageRecord
from sessions_store.writing.store import StoreUnavailableError

Status = UsageRecord.Status
# A module global is faster than an enum member's attribute look-up; each request compares several times.
OK: Final = Status.OK
BLOCKED: Final = Status.BLOCKED
CLIENT_CLOSED: Final = Status.CLIENT_CLOSED

_STATUSES: Final[tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], Status], ...]] = (
    ((asyncio.CancelledError, GeneratorExit), CLIENT_CLOSED),
    (RateLimitError, Status.RATE_LIMITED),
    ((ShuttingDownError, KeyRevokedError), Status.CUT_BY_SERVER),
    (UpstreamTimeoutError, Status.TIMEOUT),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The status of an exchange that has ended, and its error if it failed.

    A client's disconnect is no error of the gateway: `error` is None then.
    """

    status: Status
    error: GatewayError | None = None


SUCCESS: Final = Outcome(OK)


def failure(error: BaseException) -> Outcome:
    """Return the outcome of an exchange that `error` ended."""
    if isinstance(error, StoreUnavailableError):
        error = StorageUnavailableError()
    if not isinstance(error, Exception):
        return Outcome(status_of(error))
    return Outcome(status_of(error), error if isinstance(error, GatewayError) else InternalError("Unexpected error."))


def status_of(error: BaseException) -> Status:
    """Return the status of an exchange that `error` ended."""
    for kinds, status in _STATUSES:
        if isinstance(error, kinds):
            return status
    if isinstance(error, UpstreamError):
        return Status.TRUNCATED if error.code == "upstream_truncated" else Status.UPSTREAM_ERROR
    if isinstance(error, InternalError) or not isinstance(error, GatewayError):
        return Status.INTERNAL_ERROR
    return Status.CLIENT_ERROR
