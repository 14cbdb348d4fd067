"""Google's own options (`google`, also inside `extra_body`): their names and the form of their values.

The list is closed: an unknown option is rejected by name, because it must not be dropped silently. Both spellings are
accepted, as in Google's own endpoint.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from api.errors import InvalidRequestError
from api.openai.shared.validation import printable_name

_CACHE_NAME = re.compile(r"(?:projects/[\w.:-]+/locations/[\w-]+/)?cachedContents/[\w-]+")
_RESOLUTIONS = {"LOW", "MEDIUM", "HIGH"}
_RESOLUTION_PREFIX = "MEDIA_RESOLUTION_"
_MODALITIES = ("TEXT", "IMAGE", "AUDIO")


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleOptions:
    """The options of one request in Gemini's own words.

    `thinking_config` and `safety_settings` are unparsed client values. `cached_content` and `media_resolution` are ""
    if absent; the three tools are Google's own, which run at Google.
    """

    thinking_config: object = None
    safety_settings: object = None
    cached_content: str = ""
    media_resolution: str = ""
    response_modalities: tuple[str, ...] = ()
    google_search: bool = False
    code_execution: bool = False
    url_context: bool = False


NO_OPTIONS = GoogleOptions()


def google_options(given: Mapping[str, Any]) -> GoogleOptions:
    """Return the client's options; null counts as absent.

    Raises InvalidRequestError naming an unknown option, or an option with an invalid value.
    """
    if not given:
        return NO_OPTIONS
    parsed: dict[str, Any] = {}
    for key, value in given.items():
        name = _NAMES.get(key)
        if name is None:
            shown = f"google.{printable_name(key)}"
            raise InvalidRequestError(
                f"Unknown parameter: '{shown}'. Known options of 'google' are {', '.join(OPTIONS)}.",
                param=shown,
                code="unknown_parameter",
            )
        if value is not None:
            parsed[name] = _READERS[name](value) if name in _READERS else value
    return GoogleOptions(**parsed)


def _switch(name: str) -> Callable[[Any], bool]:
    """Return the parser of a tool option: a boolean, or the empty object of Google's own tools."""

    def read(value: Any) -> bool:
        if isinstance(value, bool):
            return value
        if value == {}:
            return True
        raise _invalid(name, "true, false or an empty object")

    return read


def _cached_content(value: Any) -> str:
    if isinstance(value, str) and _CACHE_NAME.fullmatch(value):
        return value
    raise _invalid("cached_content", "the name of cached content, such as 'cachedContents/abc123'")


def _media_resolution(value: Any) -> str:
    bare = value.upper().removeprefix(_RESOLUTION_PREFIX) if isinstance(value, str) else ""
    if bare in _RESOLUTIONS:
        return f"{_RESOLUTION_PREFIX}{bare}"
    raise _invalid("media_resolution", "one of low, medium and high")


def _response_modalities(value: Any) -> tuple[str, ...]:
    words = [word.upper() if isinstance(word, str) else "" for word in value] if isinstance(value, list) else []
    if words and all(word in _MODALITIES for word in words):
        return tuple(dict.fromkeys(words))
    raise _invalid("response_modalities", f"a list of {', '.join(_MODALITIES)}")


def _invalid(name: str, expected: str) -> InvalidRequestError:
    param = f"google.{name}"
    return InvalidRequestError(f"Invalid value for '{param}': expected {expected}.", param=param, code="invalid_value")


OPTIONS = tuple(field.name for field in fields(GoogleOptions))
_READERS: dict[str, Callable[[Any], Any]] = {
    "cached_content": _cached_content,
    "media_resolution": _media_resolution,
    "response_modalities": _response_modalities,
    **{name: _switch(name) for name in ("google_search", "code_execution", "url_context")},
}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


_NAMES = {spelling: name for name in OPTIONS for spelling in (name, _camel(name))}
