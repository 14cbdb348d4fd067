"""Hostile values, and the paths of a JSON value."""

from collections.abc import Iterator
from typing import Any, Final

Path = tuple[Any, ...]
DIGITS: Final = "9" * 5000
LONG: Final = "x" * 5000


def deep(levels: int) -> Any:
    """Return a value with this depth of nesting."""
    value: Any = "end"
    for level in range(levels):
        value = {"a": value} if level % 2 else [value]
    return value


HOSTILE: Final[dict[str, Any]] = {
    "digits": DIGITS,
    "an index of endless digits": {"$ref": f"#/{DIGITS}"},
    "a reference into a list": {"$ref": f"#/anyOf/{DIGITS}/-1/01"},
    "a long name": LONG,
    "a long key": {LONG: 1},
    "a key of digits": {DIGITS: DIGITS},
    "a large number": 2**63,
    "the least number": -(2**63),
    "a huge number": 10**30,
    "a huge decimal": 1e300,
    "minus zero": -0.0,
    "a truth": True,
    "nothing": {},
    "an empty list": [],
    "an empty text": "",
    "depth": deep(60),
    "a lot": ["x"] * 3000,
    "a separator": "a\u2028b\x85c\x7f",
    "a NUL": "a\x00b",
    "signs": "%s{0}${a}\\u0000'\";--<script>",
    "a data URL": "data:;base64,",
    "a broken URL": "http://[::1",
    "digits beyond ASCII": "²³٣",
}


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of every value inside a JSON value."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))
