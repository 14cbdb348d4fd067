"""Formats for operators: money, counts, durations, sizes, JSON."""

import json
from decimal import Decimal
from typing import Any

NOTHING = "\N{EN DASH}"
NANO_PER_USD = 1_000_000_000
LONGEST_STRING = 20_000
EMBEDDED = frozenset({"data", "file_data", "b64_json"})
EMBEDDED_FROM = 256


def usd(nano: int) -> str:
    """Return nano-USD as dollars, rounded by magnitude.

    Example: 1_250_000_000 -> "$1.25", 12_340_000 -> "$0.0123", 1_234 -> "$0.000001".
    """
    amount = nano / NANO_PER_USD
    if nano == 0 or abs(amount) >= 0.1:
        return f"${amount:,.2f}"
    if abs(amount) >= 0.001:
        return f"${amount:.4f}"
    return f"${amount:.6f}" if abs(amount) >= 0.000001 else "< $0.000001"


def usd4(nano: int) -> str:
    """Return nano-USD as dollars with four decimals, for a column of amounts: 1_250_000_000 -> "$1.2500"."""
    if 0 < abs(nano) < NANO_PER_USD // 10_000:
        return "< $0.0001"
    return f"${nano / NANO_PER_USD:,.4f}"


def exact_usd(nano: int) -> str:
    """Return nano-USD as dollars without rounding: 5_423_400 -> "$0.0054234"."""
    whole, rest = divmod(abs(nano), NANO_PER_USD)
    places = f"{rest:09d}".rstrip("0").ljust(2, "0")
    return f"{'-' if nano < 0 else ''}${whole:,}.{places}"


def usd_per_million(price: Decimal) -> str:
    """Return a price with at least two decimals, unrounded: 0.75 -> "$0.75", 0.075 -> "$0.075"."""
    whole, _, places = f"{price.normalize():f}".partition(".")
    return f"${whole}.{places:0<2}"


def count(number: int) -> str:
    """Return a count with three or four digits: 1234 -> "1,234", 12_345 -> "12.3 k", 3_400_000 -> "3.40 M"."""
    for limit, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (10_000, "k")):
        if abs(number) >= limit:
            scale = 1_000 if unit == "k" else limit
            shown = number / scale
            return f"{shown:.{1 if shown >= 10 else 2}f} {unit}"
    return f"{number:,}"


def milliseconds(duration: int | None) -> str:
    """Return a duration: "340 ms", "2.1 s", "3 min 20 s"; a dash for None."""
    if duration is None:
        return NOTHING
    if duration < 1_000:
        return f"{duration} ms"
    if duration < 100_000:
        return f"{duration / 1_000:.1f} s"
    return f"{duration // 60_000} min {duration % 60_000 // 1_000} s"


def size(octets: int) -> str:
    """Return a size in bytes: "312 B", "4.2 kB", "1.3 MB"."""
    if octets < 1_000:
        return f"{octets} B"
    if octets < 1_000_000:
        return f"{octets / 1_000:.1f} kB"
    return f"{octets / 1_000_000:.1f} MB"


def share(part: int, whole: int) -> str:
    """Return a percentage with one decimal: "0.4 %"; "0 %" for a zero `part` or `whole`."""
    return f"{100 * part / whole:.1f} %" if whole and part else "0 %"


def base64_size(text: str) -> int:
    """Return the size in bytes of the decoded base64 text."""
    return len(text.rstrip("=")) * 3 // 4


def pretty_json(value: Any) -> str:
    """Return indented JSON, with embedded files replaced by their size and very long texts shortened."""
    return json.dumps(shortened(value), indent=2, ensure_ascii=False)


def shortened(value: Any, *, key: str = "") -> Any:
    """Return `value` with base64 files replaced by their size and very long texts shortened."""
    if isinstance(value, dict):
        return {name: shortened(item, key=str(name)) for name, item in value.items()}
    if isinstance(value, list):
        return [shortened(item) for item in value]
    return _shortened_text(value, key) if isinstance(value, str) and len(value) > EMBEDDED_FROM else value


def _shortened_text(text: str, key: str) -> str:
    if text.startswith("data:") and "," in text[:EMBEDDED_FROM]:
        head, _, encoded = text.partition(",")
        return f"{head},({size(base64_size(encoded))}, not shown)"
    if key in EMBEDDED:
        return f"({size(base64_size(text))}, not shown)"
    return text if len(text) <= LONGEST_STRING else f"{text[:LONGEST_STRING]}… ({len(text):,} characters in all)"
