"""Bar charts as plain SVG from the server; the Content-Security-Policy allows no scripts."""

from collections.abc import Sequence
from dataclasses import dataclass

from sessions_store.admin.display.usage_totals import Hour

WIDTH, HEIGHT, GAP = 720, 140, 4
ROUND_STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar in SVG units: the whole bar, and the failed part at its bottom."""

    x: float
    width: float
    y: float
    height: float
    failed_y: float
    failed_height: float
    label: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """The chart of `gateway/chart.html`. `ceiling` is the value of the upper grid line."""

    width: int
    height: int
    ceiling: int
    bars: tuple[Bar, ...]
    description: str

    @property
    def empty(self) -> bool:
        """Whether all bars are 0."""
        return not any(bar.height for bar in self.bars)


def hourly_chart(hours: Sequence[Hour]) -> Chart:
    """Return the chart of requests per hour (UTC) with failed requests marked."""
    ceiling = round_up(max((hour.requests for hour in hours), default=0))
    step = WIDTH / max(len(hours), 1)
    bars = []
    for number, hour in enumerate(hours):
        height = HEIGHT * hour.requests / ceiling
        failed = HEIGHT * min(hour.errors, hour.requests) / ceiling
        bars.append(
            Bar(
                x=round(number * step + GAP / 2, 2),
                width=round(step - GAP, 2),
                y=round(HEIGHT - height, 2),
                height=round(height, 2),
                failed_y=round(HEIGHT - failed, 2),
                failed_height=round(failed, 2),
                label=f"{hour.begins:%H}" if hour.begins.hour % 3 == 0 else "",
                title=f"{hour.begins:%d %b %H:00} UTC: {hour.requests:,} requests, {hour.errors:,} errors",
            )
        )
    requests, errors = sum(hour.requests for hour in hours), sum(hour.errors for hour in hours)
    return Chart(
        width=WIDTH,
        height=HEIGHT,
        ceiling=ceiling,
        bars=tuple(bars),
        description=f"Requests per hour: {requests:,} in {len(hours)} hours, thereof {errors:,} errors.",
    )


def round_up(value: int) -> int:
    """Return the next number of the form 1, 2 or 5 times a power of ten, for the label of a grid line."""
    power = 1
    while True:
        for step in ROUND_STEPS:
            if step * power >= value:
                return step * power
        power *= 10
