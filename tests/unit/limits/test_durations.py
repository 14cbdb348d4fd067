"""Durations in Go's form, read by a parser of the same grammar."""

import re
from random import Random

import pytest

from api.limits.durations import go_duration

UNITS = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)(ms|s))")


def parsed(text: str) -> int:
    """Return the milliseconds of a duration; fails for what Go would not write."""
    found = DURATION.fullmatch(text)
    assert found is not None, text
    hours, minutes, number, unit = found.groups()
    whole, _, fraction = number.partition(".")
    assert not fraction.endswith("0"), text
    value = int(whole) * UNITS[unit] + (int(fraction.ljust(3, "0")) if fraction else 0)
    if unit == "ms":
        assert not fraction, text
        assert hours is None, text
        assert minutes is None, text
        assert value < 1000, text
    elif hours is None and minutes is None and value:
        assert value >= 1000, text
    assert value < 60_000, text
    assert minutes is None or int(minutes) < 60, text
    assert hours is None or minutes is not None, text
    return int(hours or 0) * UNITS["h"] + int(minutes or 0) * UNITS["m"] + value


def test_g21_ten_thousand_durations_are_read_back() -> None:
    random = Random(21)  # noqa: S311 - no secret
    for _ in range(10_000):
        milliseconds = random.randrange(10 ** random.randint(1, 9))
        assert parsed(go_duration(milliseconds)) == milliseconds


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        *(
            (12, "12ms"),
            (1574, "1.574s"),
            (360_000, "6m0s"),
            (8640, "8.64s"),
            (432_000, "7m12s"),
            (0, "0s"),
            (-1, "0s"),
        ),
        *((3_600_000, "1h0m0s"), (86_399_999, "23h59m59.999s"), (60_010, "1m0.01s")),
    ],
)
def test_g21_durations_of_openai(milliseconds: int, text: str) -> None:
    assert go_duration(milliseconds) == text
