"""Query strings of the Administration API: an unknown, repeated or wrong parameter is a 400 that names it.

SDKs send arrays as `name[]=a&name[]=b`; the bare name is accepted as well. An empty value counts as absent.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast

from api.errors import InvalidRequestError
from api.openai.shared.validation import printable_name

DEFAULT_LIMIT: Final = 20
MAX_LIMIT: Final = 100
MAX_VALUES: Final = 200
# The last second before 31 December 9999: the end of its day is still a time that databases compare.
LAST_SECOND: Final = 253_402_214_399
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")

Pairs = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """The parameters of a query string: one value by name, and the values of arrays by name."""

    one: Mapping[str, str]
    several: Mapping[str, tuple[str, ...]]

    def integer(self, name: str, *, least: int, most: int, default: int) -> int:
        """Return a number; raises InvalidRequestError outside of the bounds."""
        value = self.one.get(name)
        if value is None:
            return default
        if _INTEGER.fullmatch(value) is None or not least <= int(value) <= most:
            raise invalid(name, f"expected an integer between {least} and {most}")
        return int(value)

    def flag(self, name: str) -> bool | None:
        """Return a boolean; None if absent."""
        value = self.one.get(name)
        if value is not None and value not in ("true", "false"):
            raise invalid(name, "expected 'true' or 'false'")
        return None if value is None else value == "true"

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        """Return one of the choices."""
        value = self.one.get(name, default)
        if value not in choices:
            raise invalid(name, f"supported values are {_listed(choices)}")
        return value

    def choices(self, name: str, choices: Sequence[str]) -> tuple[str, ...]:
        """Return the values of an array, each once, all of them among the choices."""
        values = tuple(dict.fromkeys(self.several.get(name, ())))
        if any(value not in choices for value in values):
            raise invalid(name, f"supported values are {_listed(choices)}")
        return values


@dataclass(frozen=True, slots=True, kw_only=True)
class PageQuery:
    """A requested page of a list: at most `limit` objects after the object `after`, or before the object `before`."""

    limit: int
    order: Literal["asc", "desc"]
    after: str | None = None
    before: str | None = None


def read_query(pairs: Pairs, *, one: Collection[str] = (), several: Collection[str] = ()) -> Query:
    """Parse the pairs of a query string, for parameters with one value and for arrays. Raises InvalidRequestError."""
    single: dict[str, str] = {}
    arrays: dict[str, tuple[str, ...]] = {}
    for sent, value in pairs:
        name = sent.removesuffix("[]")
        if name in several:
            arrays[name] = (*arrays.get(name, ()), *([value] if value else ()))
            if len(arrays[name]) > MAX_VALUES:
                raise invalid(name, f"expected at most {MAX_VALUES} values")
        elif sent not in one:
            shown = printable_name(sent)
            raise InvalidRequestError(f"Unknown parameter: '{shown}'.", param=shown, code="unknown_parameter")
        elif sent in single:
            raise invalid(sent, "expected one value")
        elif value:
            single[sent] = value
    return Query(one=single, several=arrays)


PAGE_NAMES: Final = ("after", "limit")


def page_of(query: Query, *, order: Literal["asc", "desc"] = "asc", default: int = DEFAULT_LIMIT) -> PageQuery:
    """Return the requested page; `order` and `default` are the endpoint's defaults. Raises InvalidRequestError."""
    if "after" in query.one and "before" in query.one:
        raise invalid("before", "expected either 'after' or 'before'")
    return PageQuery(
        limit=query.integer("limit", least=1, most=MAX_LIMIT, default=default),
        order=cast("Literal['asc', 'desc']", query.choice("order", ("asc", "desc"), order)),
        after=query.one.get("after"),
        before=query.one.get("before"),
    )


def invalid(param: str, expected: str) -> InvalidRequestError:
    """Return the error for a parameter with a wrong value."""
    return InvalidRequestError(f"Invalid value for '{param}': {expected}.", param=param, code="invalid_value")


def _listed(choices: Sequence[str]) -> str:
    return ", ".join(f"'{choice}'" for choice in choices)
