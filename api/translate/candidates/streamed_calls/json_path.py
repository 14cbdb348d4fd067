"""JSON paths of single values in a call's arguments: `$.place['first name'][0]`.

Only paths of single values are supported (https://www.rfc-editor.org/rfc/rfc9535#name-normalized-paths): no wildcards,
slices, filters or negative indices. A member name after a dot may have more characters than RFC 9535 allows there.
"""

import re
from functools import lru_cache
from typing import Final

from api.translate.candidates.upstream_json import unexpected_shape

Steps = tuple[str | int, ...]

_STEP: Final = re.compile(
    r"""\s*(?:
        \.\s*(?P<member>[^.\[\]]+)
      | \[\s*(?P<index>\d{1,4})\s*\]
      | \[\s*'(?P<single>(?:[^'\\]|\\.)*)'\s*\]
      | \[\s*"(?P<double>(?:[^"\\]|\\.)*)"\s*\]
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"} | {char: char for char in "/\\'\""}


@lru_cache(maxsize=256)
def json_path_to_steps(path: str) -> Steps:
    """Return the member names and array indices of a path, at least one. Raises UpstreamError for an invalid path."""
    steps: list[str | int] = []
    position = 1
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise unexpected_shape()
        steps.append(_step(match))
        position = match.end()
    if not steps or not path.startswith("$"):
        raise unexpected_shape()
    return tuple(steps)


def _step(match: re.Match[str]) -> str | int:
    member, index = match["member"], match["index"]
    if index is not None:
        return int(index)
    if member is None:
        return _unescaped(match["single"] if match["single"] is not None else match["double"])
    if member == "*" or member != member.strip():
        raise unexpected_shape()
    return member


def _unescaped(name: str) -> str:
    if "\\" not in name:
        return name
    try:
        text = _ESCAPE.sub(lambda match: chr(int(match[1], 16)) if match[1] else _ESCAPED[match[2]], name)
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except (KeyError, UnicodeDecodeError):
        raise unexpected_shape() from None
