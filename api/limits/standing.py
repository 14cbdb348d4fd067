"""What a client learns of its limits: OpenAI's six headers, and the errors of refused requests."""

import math
import random
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from api.errors import GatewayError, RequestLimitError, TokenLimitError
from api.limits.buckets import Bucket, Charge, Slots
from api.limits.durations import go_duration
from api.limits.local_store import Taken, exceeds, too_large

Levels = Collection[tuple[Bucket, int]]
JITTER: Final = 0.1
SLOT_WAIT_MS: Final = 1000


def remaining(bucket: Bucket, level: int, workers: int) -> int:
    """Return the units that the bucket still admits, of all workers."""
    unit = bucket.period * workers
    left = (bucket.period * bucket.limit - level) // unit * workers
    return left if left > 0 else 0


def reset_ms(bucket: Bucket, level: int) -> int:
    """Return the time until the bucket is empty."""
    return -(-level // (max(bucket.limit, 1) * 1_000_000))


def used(bucket: Bucket, level: int) -> int:
    """Return the units that count at present, rounded up."""
    return -(-level // bucket.period)


def wait_ms(charge: Charge, level: int, workers: int = 1) -> int:
    """Return the time after which the bucket admits the request.

    The units used are rounded up first, as OpenAI does: (used + requested - limit) / limit of a period.
    """
    bucket, cost = charge
    room = max(bucket.period * (bucket.limit - cost * workers), 0)
    ticks = used(bucket, level) * bucket.period - room
    return max(1, -(-ticks // (bucket.limit * 1_000_000)))


def headers(levels: Levels, workers: int) -> Iterator[tuple[str, str]]:
    """Yield the headers of the tightest bucket of each kind."""
    tightest: dict[str, tuple[int, int, int]] = {}
    for bucket, level in levels:
        found = (remaining(bucket, level, workers), -reset_ms(bucket, level), bucket.limit)
        if (other := tightest.get(bucket.kind)) is None or found < other:
            tightest[bucket.kind] = found
    for kind, (left, reset, limit) in tightest.items():
        yield f"x-ratelimit-limit-{kind}", str(limit)
        yield f"x-ratelimit-remaining-{kind}", str(left)
        yield f"x-ratelimit-reset-{kind}", go_duration(-reset)


def refusal(charges: Sequence[Charge], taken: Taken, workers: int, model: str = "") -> GatewayError | None:
    """Return the error of the bucket with the longest wait; None if all buckets admit the request."""
    waits = []
    for charge, level in zip(charges, taken.levels, strict=True):
        if too_large(charge):
            return _never(charge, model)
        if exceeds(charge, level, workers):
            waits.append((wait_ms(charge, level, workers), charge, level))
    if not waits:
        return None
    wait, (bucket, cost), level = max(waits)
    kind = TokenLimitError if bucket.kind == "tokens" else RequestLimitError
    return kind(
        f"Rate limit reached for {model or bucket.subject} on {bucket.what}: Limit {bucket.limit}, "
        f"Used {used(bucket, level)}, Requested {cost}. Please try again in {go_duration(wait)}.",
        wait_ms=jittered(wait),
    )


def _never(charge: Charge, model: str) -> GatewayError:
    """Return the error of a request that no wait can admit."""
    bucket, cost = charge
    name = model or bucket.subject
    if bucket.kind == "requests":
        text = f"Rate limit reached for {name} on {bucket.what}: Limit {bucket.limit}, Used 0, Requested {cost}."
        return RequestLimitError(text, wait_ms=None)
    return TokenLimitError(
        f"Request too large for {name} on {bucket.what}: Limit {bucket.limit}, Requested {cost}. "
        "The input or output tokens must be reduced in order to run successfully.",
        wait_ms=None,
    )


def no_slot(slots: Sequence[Slots], held: Sequence[int], model: str = "") -> GatewayError:
    """Return the error of a request beyond a limit of concurrent requests: of the slots that are fullest."""
    each, count = min(zip(slots, held, strict=True), key=lambda found: found[0].limit - found[1])
    text = (
        f"Rate limit reached for {model or each.subject} on concurrent requests: Limit {each.limit}, Used {count}, "
        "Requested 1."
    )
    if not each.limit:
        return RequestLimitError(text, wait_ms=None)
    return RequestLimitError(f"{text} Please try again in {go_duration(SLOT_WAIT_MS)}.", wait_ms=jittered(SLOT_WAIT_MS))


def jittered(milliseconds: int) -> int:
    """Return a wait with up to 10 % added, so that many refused clients do not return together."""
    return math.ceil(milliseconds * (1 + JITTER * random.random()))  # noqa: S311 - no secret
