"""The format of numbers in the admin."""

from decimal import Decimal

import pytest

from sessions_store.admin.display import formats


@pytest.mark.parametrize(
    ("nano", "glance", "exact"),
    [
        (0, "$0.00", "$0.00"),
        (1_250_000_000, "$1.25", "$1.25"),
        (1_234_567_890_000, "$1,234.57", "$1,234.56789"),
        (12_340_000, "$0.0123", "$0.01234"),
        (5_422_500, "$0.0054", "$0.0054225"),
        (1_234, "$0.000001", "$0.000001234"),
        (7, "< $0.000001", "$0.000000007"),
    ],
)
def test_amounts_of_money_are_formatted(nano: int, glance: str, exact: str) -> None:
    assert formats.usd(nano) == glance
    assert formats.exact_usd(nano) == exact


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (9_999, "9,999"),
        (12_345, "12.3 k"),
        (999_499, "999.5 k"),
        (3_400_000, "3.40 M"),
        (2 * 10**9, "2.00 G"),
    ],
)
def test_counts_are_formatted(number: int, text: str) -> None:
    assert formats.count(number) == text


@pytest.mark.parametrize(
    ("duration", "text"),
    [(None, "\N{EN DASH}"), (0, "0 ms"), (999, "999 ms"), (2_140, "2.1 s"), (200_500, "3 min 20 s")],
)
def test_durations_are_formatted(duration: int | None, text: str) -> None:
    assert formats.milliseconds(duration) == text


@pytest.mark.parametrize(
    ("price", "text"), [("0.750000", "$0.75"), ("0.075", "$0.075"), ("10", "$10.00"), ("0", "$0.00")]
)
def test_prices_are_formatted(price: str, text: str) -> None:
    assert formats.usd_per_million(Decimal(price)) == text


def test_a_share_of_zero_is_empty() -> None:
    assert formats.share(0, 0) == "0 %"
    assert formats.share(1, 3) == "33.3 %"


def test_embedded_files_are_left_out_of_json() -> None:
    value = {
        "data": "A" * 4_000,
        "inline": ["data:audio/wav;base64," + "B" * 4_000],
        "text": "x" * 30_000,
        "short": {"data": "kept"},
        "number": 3,
    }
    assert formats.shortened(value) == {
        "data": "(3.0 kB, not shown)",
        "inline": ["data:audio/wav;base64,(3.0 kB, not shown)"],
        "text": "x" * 20_000 + "… (30,000 characters in all)",
        "short": {"data": "kept"},
        "number": 3,
    }
