"""The response settings: the request's parameters, updated by its `configuration_update` items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.errors import InvalidRequestError
from api.openai.responses.request import ResponseParameters
from api.openai.shared.options import Effort

EFFORTS: tuple[Effort, ...] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseSettings:
    """The settings in force; `summary` requests a summary of the thoughts."""

    effort: str | None
    summary: bool
    text_format: Mapping[str, Any] | None
    verbosity: str | None


def settings_in_force(
    request: ResponseParameters, settings: Sequence[tuple[Mapping[str, Any], str]]
) -> ResponseSettings:
    """Return the request's settings, updated by its items; the last value of each setting applies.

    Raises InvalidRequestError for an invalid value.
    """
    effort: str | None = request.effort
    text: dict[str, Any] = dict(request.text or {})
    for item, path in settings:
        if item["type"] != "configuration_update":
            continue
        effort = _effort(item, path) or effort
        text |= {name: value for name, value in (item.get("text") or {}).items() if value is not None}
    return ResponseSettings(
        effort=effort,
        summary=request.summary is not None,
        text_format=_format(text),
        verbosity=text.get("verbosity"),
    )


def format_to_chat(text_format: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return `text.format` in the form of chat completions' `response_format`.

    {"type": "json_schema", "name": "point", "schema": {"type": "object"}}
    {"type": "json_schema", "json_schema": {"name": "point", "schema": {"type": "object"}}}
    """
    if text_format is None or text_format["type"] != "json_schema":
        return text_format
    return {"type": "json_schema", "json_schema": {key: text_format[key] for key in text_format if key != "type"}}


def _effort(item: Mapping[str, Any], path: str) -> str | None:
    effort = (item.get("reasoning") or {}).get("effort")
    if effort is not None and effort not in EFFORTS:
        raise InvalidRequestError(
            f"Invalid value for '{path}.reasoning.effort': supported values are {', '.join(EFFORTS)}.",
            param=f"{path}.reasoning.effort",
            code="invalid_value",
        )
    return effort if isinstance(effort, str) else None


def _format(text: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return a valid format. Raises InvalidRequestError otherwise, because an item's format was not parsed before."""
    given = text.get("format")
    if given is None:
        return None
    kind = given.get("type") if isinstance(given, Mapping) else None
    if kind in ("text", "json_object") or (kind == "json_schema" and isinstance(given.get("schema"), dict)):
        return given  # type: ignore[no-any-return]
    raise InvalidRequestError("Invalid value for 'text.format'.", param="text.format", code="invalid_value")
