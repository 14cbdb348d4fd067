"""Dataclasses that only the type checker holds frozen: what the others promise, they promise too."""

from dataclasses import field, fields, replace

import pytest

from sessions_store.frozen import frozen


@frozen(kw_only=True)
class Place:
    """An example."""

    name: str
    height: int = 0
    tags: list[str] = field(default_factory=list)


@frozen()
class Pair:
    """Another one, filled by position."""

    left: str
    right: str


def test_it_is_a_dataclass_with_slots() -> None:
    """Defaults, `replace` and `fields` work, and a misspelt field is an error."""
    place = replace(Place(name="K2"), height=8611)

    assert (place.name, place.height, place.tags) == ("K2", 8611, [])
    assert [each.name for each in fields(Place)] == ["name", "height", "tags"]
    with pytest.raises(AttributeError):
        place.hieght = 1  # type: ignore[attr-defined]


def test_it_is_equal_and_hashed_by_its_fields() -> None:
    """Notes are told apart in sets and dicts."""
    assert {Pair("a", "b"), Pair("a", "b"), Pair("b", "a")} == {Pair("a", "b"), Pair("b", "a")}
