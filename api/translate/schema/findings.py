"""The findings of one schema rewrite: converted and dropped keywords, the expansion budget and the 400."""

from typing import Final

from api.errors import InvalidRequestError
from api.openai.shared.validation import printable_name
from api.translate.request.context import RequestContext

# The path of a node: the parent's path and the last step. A linked tuple avoids one copied string per level.
Path = tuple["Path | None", str] | None

_MAX_NAMED: Final = 20
# Limit of the expanded references, besides the schema itself: a multiple of its size in bytes of JSON, with bounds.
_EXPANSION_FACTOR: Final = 4
_EXPANSION_LEAST: Final = 64 * 1024
_EXPANSION_MOST: Final = 4 * 1024 * 1024


def rejection(param: str, reason: str) -> InvalidRequestError:
    """Return the 400 for a schema that cannot be sent; `reason` is a clause."""
    return InvalidRequestError(
        f"Invalid schema for '{param}': {reason}.",
        param=param,
        code="invalid_function_parameters" if param.endswith("parameters") else "invalid_json_schema",
    )


class Findings:
    """The notes of one schema, in order of first occurrence; dropped keywords are named with their path."""

    def __init__(self, param: str) -> None:
        self.param = param
        self._converted: dict[str, None] = {}
        self._dropped: dict[str, None] = {}
        self._more = 0

    def converted(self, keyword: str) -> None:
        """Record that a keyword was replaced by others of the same meaning."""
        self._converted[keyword] = None

    def dropped(self, keyword: str, path: Path) -> None:
        """Record that a keyword of the node at `path` was left out, wholly or in part."""
        if len(self._dropped) >= _MAX_NAMED:
            self._more += 1
        else:
            self._dropped[_joined((path, keyword))] = None

    def note(self, context: RequestContext) -> None:
        """Add the notes to the context."""
        # A keyword that was dropped in one place and converted in another is noted as dropped only.
        lost = {place.rpartition(".")[2] for place in self._dropped}
        converted = [keyword for keyword in self._converted if keyword not in lost]
        if converted:
            context.note("converted", self.param, f"schema keywords rewritten: {', '.join(converted)}")
        if self._dropped:
            more = f", and {self._more} more" if self._more else ""
            context.note("dropped", self.param, f"schema keywords removed: {', '.join(self._dropped)}{more}")


class Budget:
    """The number of JSON bytes that may still be read: each node of the schema once, and its expansions."""

    def __init__(self, size: int, param: str) -> None:
        self._param = param
        self._left = 2 * size + min(max(_EXPANSION_LEAST, _EXPANSION_FACTOR * size), _EXPANSION_MOST)

    def charge(self, size: int) -> None:
        """Subtract `size` bytes. Raises InvalidRequestError when the budget is exceeded."""
        self._left -= size
        if self._left < 0:
            raise rejection(self._param, "the schema is too large after expansion of references and combined branches")


def _joined(path: Path) -> str:
    steps = []
    while path is not None:
        path, step = path
        steps.append(printable_name(step))
    return ".".join(reversed(steps))
