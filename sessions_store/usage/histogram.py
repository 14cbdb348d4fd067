"""The latency histogram of the roll-ups: 32 fixed buckets on a logarithmic scale, additive across rows."""

from bisect import bisect_left
from collections.abc import Sequence

# Upper bounds of the first 31 buckets in ms, each about 1.5 times the previous one; the last bucket is open.
UPPER_BOUNDS_MS = (
    *(1, 2, 4, 6, 9, 14, 23, 35, 55, 86, 135, 210, 328, 512, 800, 1250, 1951, 3047, 4758, 7430),
    *(11602, 18116, 28289, 44173, 68978, 107711, 168192, 262636, 410113, 640400, 1000000),
)


def bucket_of(latency_ms: int) -> int:
    """Return the bucket, 0 to 31, of a latency in milliseconds."""
    return bisect_left(UPPER_BOUNDS_MS, latency_ms)


def percentile(histogram: Sequence[int], share: float) -> int | None:
    """Return the upper bound in ms of the bucket with the percentile (`share` 0 to 1); None for an empty histogram.

    For the open bucket, the result is the last bound, a lower bound of its latencies.
    """
    wanted, seen = share * sum(histogram), 0
    for bucket, count in enumerate(histogram):
        seen += count
        if count and seen >= wanted:
            return UPPER_BOUNDS_MS[min(bucket, len(UPPER_BOUNDS_MS) - 1)]
    return None
