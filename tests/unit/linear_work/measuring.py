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
BOUND = 3**2  # 3 for each doubling: caches, memory and a busy machine cost more for larger inputs; quadratic work has 4
ENOUGH = 0.003  # seconds of work from which on a comparison means something
FIRST, MOST = 64, 1_000_000
RUNS = 2
ATTEMPTS = 3  # another process may have the caches and the memory to itself during one of them
SCALES = 3  # at how many sizes in a row the work has to grow too fast,
TOO_LONG = 0.5  # unless it takes so many seconds


@dataclass(frozen=True, slots=True)
class Shape:
    """Input of one shape: `prepared` returns the work on an input of a given number of chunks, at most `most`."""

    name: str
    prepared: Callable[[int], Work]
    most: int = MOST


def check_linear(shape: Shape) -> None:
    """Fail if the work on a shape grows faster than its size, in each of ATTEMPTS measurements."""
    for attempt in range(ATTEMPTS):
        growth = _growth(shape)
        if not growth:
            return
        assert attempt < ATTEMPTS - 1, f"{shape.name}: {growth}"


def _growth(shape: Shape) -> str:
    """Return the ratios of a shape whose work grows faster than its size, "" for linear work."""
    size, work, seconds = _large_enough(shape)
    found = []
    for _ in range(SCALES):
        larger = shape.prepared(FACTOR * size)
        times = max(1, round(ENOUGH / seconds))
        seconds = _best(larger, times)
        ratio = seconds / _best(work, times)
        if ratio <= BOUND:
            return ""
        found.append(f"{ratio:.1f} times the work for {FACTOR * size} instead of {size}")
        if seconds > TOO_LONG:
            break
        if FACTOR * FACTOR * size <= shape.most:
            size, work = FACTOR * size, larger
        seconds /= times
    return ", ".join(found)


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
