"""Buckets and slots in this process: GCRA, the generic cell rate algorithm, in integers.

The state of a bucket is its theoretical arrival time (tat): the time at which it is empty again. All times are in
ticks. A nanosecond has as many ticks as the bucket's limit has units, so a unit is exactly one period (in nanoseconds)
of ticks, and nothing is rounded. With several workers, each enforces its share: a unit counts as often as there are
workers.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from api.limits.buckets import Bucket, Charge, Slots

MIN_SWEPT: Final = 4096


class Taken(NamedTuple):
    """Whether all buckets and slots admitted a request.

    `levels`: the fill of each bucket in ticks, with the request if it is charged; `held`: the number of requests that
    hold each slot.
    """

    fits: bool
    levels: Sequence[int]
    held: Sequence[int] = ()


NOTHING: Final = Taken(True, ())


def too_large(charge: Charge) -> bool:
    """Whether a bucket can never admit a request, because the request is larger than the limit."""
    bucket, cost = charge
    return cost > bucket.limit


def exceeds(charge: Charge, level: int, workers: int) -> bool:
    """Whether a bucket with this level does not admit a request now.

    A request larger than the worker's share is admitted by an unused bucket; the debt delays the next requests.
    """
    bucket, cost = charge
    if not cost:
        return False
    added = cost * bucket.period * workers
    return cost > bucket.limit or (level > 0 and level + added > bucket.period * bucket.limit)


class LocalStore:
    """The state of the buckets and slots of one process. `clock` gives nanoseconds and never goes back."""

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock = clock
        self._start = clock()
        self._states: dict[str, tuple[int, int]] = {}  # key of a bucket -> (tat, limit that its ticks belong to)
        self._held: dict[str, int] = {}
        self._sweep_at = MIN_SWEPT

    def take(self, charges: Sequence[Charge], workers: int = 1, *, force: bool = False) -> Taken:
        """Charge all buckets or, unless `force`, none; a cost of 0 only reads."""
        if not charges:
            return NOTHING
        now = self._clock() - self._start
        before, after = [], []
        fits = True
        for charge in charges:
            bucket, cost = charge
            level = self._tat(bucket) - now * bucket.limit
            level = max(level, 0)
            before.append(level)
            if cost:
                fits = fits and not exceeds(charge, level, workers)
                level += cost * bucket.period * workers
            after.append(level)
        if not (fits or force):
            return Taken(False, before)
        for (bucket, cost), level in zip(charges, after, strict=True):
            if cost:
                self._states[bucket.key] = now * bucket.limit + level, bucket.limit
        if len(self._states) > self._sweep_at:
            self._sweep(now)
        return Taken(fits, after)

    def adjust(self, charge: Charge, workers: int = 1) -> None:
        """Add a number of units to a bucket, negative to return them; the bucket may get into debt."""
        bucket, units = charge
        now = self._clock() - self._start
        tat = self._tat(bucket)
        if units > 0:
            tat = max(tat, now * bucket.limit)
        self._states[bucket.key] = tat + units * bucket.period * workers, bucket.limit

    def enter(self, slots: Sequence[Slots], workers: int = 1) -> Taken:
        """Hold one slot of each, or none."""
        if not slots:
            return NOTHING
        held = [self._held.get(each.key, 0) for each in slots]
        fits = all(count < share(each.limit, workers) for each, count in zip(slots, held, strict=True))
        if fits:
            for each, count in zip(slots, held, strict=True):
                self._held[each.key] = count + 1
        return Taken(fits, (), held)

    def has_room(self, slots: Sequence[Slots], workers: int = 1) -> bool:
        """Whether one slot of each is free."""
        return all(self._held.get(each.key, 0) < share(each.limit, workers) for each in slots)

    def leave(self, slots: Sequence[Slots]) -> None:
        """Release one slot of each."""
        for each in slots:
            left = self._held[each.key] - 1
            if left:
                self._held[each.key] = left
            else:
                del self._held[each.key]

    @property
    def held(self) -> int:
        """The number of slots that are held."""
        return sum(self._held.values())

    def _tat(self, bucket: Bucket) -> int:
        state = self._states.get(bucket.key)
        if state is None:
            return 0
        tat, limit = state
        # An edited limit keeps the time at which the bucket is empty.
        return tat if limit == bucket.limit else tat * bucket.limit // max(limit, 1)

    def _sweep(self, now: int) -> None:
        self._states = {key: state for key, state in self._states.items() if state[0] > now * state[1]}
        self._sweep_at = max(MIN_SWEPT, 2 * len(self._states))


def share(limit: int, workers: int) -> int:
    """Return a worker's share of the slots: at least one, if there are any."""
    return max(1, limit // workers) if limit else 0
