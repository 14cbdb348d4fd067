"""Comparison of the work for an input with the work for an input four times as large.

The measure is processor time, the best of several runs. Linear work takes four times as long, quadratic work
sixteen times.
"""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass

Work = Callable[[], object]

FACTOR = 4
BOUND = 2.5**2  # 2.5 for each doubling: caches and memory cost more for larger inputs
ENOUGH = 0.003  # the minimum of seconds for a meaningful comparison
FIRST, MOST = 64, 1_000_000
RUNS = 2
SCALES = 3  # the number of consecutive sizes with too fast growth that fail a test,
TOO_LONG = 0.5  # and the seconds of work that fail a test at once


@dataclass(frozen=True, slots=True)
class Shape:
    """Input of one shape: `prepared` returns the work on an input of a given number of chunks, at most `most`."""

    name: str
    prepared: Callable[[int], Work]
    most: int = MOST


def check_linear(shape: Shape) -> None:
    """Fail if the work on a shape grows faster than its size."""
    size, work, seconds = _large_enough(shape)
    found = []
    for _ in range(SCALES):
        larger = shape.prepared(FACTOR * size)
        times = max(1, round(ENOUGH / seconds))
        seconds = _best(larger, times)
        ratio = seconds / _best(work, times)
        if ratio <= BOUND:
            return
        found.append(f"{ratio:.1f} times the work for {FACTOR * size} instead of {size}")
        if seconds > TOO_LONG:
            break
        if FACTOR * FACTOR * size <= shape.most:
            size, work = FACTOR * size, larger
        seconds /= times
    raise AssertionError(f"{shape.name}: {', '.join(found)}")


def _large_enough(shape: Shape) -> tuple[int, Work, float]:
    """Return a size with measurable work, the work, and its duration."""
    size = min(FIRST, shape.most // FACTOR)
    while True:
        work = shape.prepared(size)
        begun = time.process_time()
        work()
        seconds = max(time.process_time() - begun, 1e-6)
        if seconds >= ENOUGH or 2 * size * FACTOR > shape.most:
            return size, work, seconds
        size *= 2


def _best(work: Work, times: int) -> float:
    """Return the minimal processor time of the repetitions."""
    found = []
    gc.disable()
    try:
        for _ in range(RUNS):
            begun = time.process_time()
            for _ in range(times):
                work()
            found.append(time.process_time() - begun)
    finally:
        gc.enable()
    return min(found)
