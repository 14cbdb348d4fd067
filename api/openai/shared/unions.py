"""Discriminators for the unions in OpenAI's requests, by a field (`role`, `type`) or by JSON type.

Tags stand in angle brackets, so that `api.openai.shared.validation` can separate a tag from a field's name in an
error's location. Errors carry the allowed values. Two markers bound the cost of hostile lists and objects.
"""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import (
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

FIELD_ERROR = "union_field:"
KIND_ERROR = "union_kind"

# Stops at the first bad item: a hostile list must not cost one error object per item. Spelt as a Field because
# pydantic's own marker is not hashable, and members of a union are hashed.
STOP_AT_FIRST = Field(fail_fast=True)

_KINDS: dict[type, str] = {str: "<string>", list: "<array>", dict: "<object>"}
_ARTICLES = {"string": "a string", "array": "an array", "object": "an object"}


def by_field(field: str, *values: str, other: bool = False) -> Discriminator:
    """Choose the member tagged `<value>` by the string in `field`; `other` maps unlisted strings to `<other>`."""
    tags = {value: f"<{value}>" for value in values}
    fallback = "<other>" if other else None

    def tag(value: Any) -> str | None:
        if type(value) is not dict:
            return None
        name = value.get(field)
        return tags.get(name, fallback) if type(name) is str else None

    supported = ", ".join(f"'{value}'" for value in values)
    return Discriminator(tag, custom_error_type=f"{FIELD_ERROR}{field}", custom_error_message=supported)


def by_kind(*kinds: Literal["string", "array", "object"]) -> Discriminator:
    """Choose the member tagged `<string>`, `<array>` or `<object>` by the value's JSON type."""
    tags = {python: tag for python, tag in _KINDS.items() if tag.strip("<>") in kinds}

    def tag(value: Any) -> str | None:
        return tags.get(type(value))

    expected = " or ".join(_ARTICLES[kind] for kind in kinds)
    return Discriminator(tag, custom_error_type=KIND_ERROR, custom_error_message=expected)


@dataclass(frozen=True, slots=True)
class AtMost:
    """Rejects an object with too many entries before validating any, so that it causes one error only."""

    entries: int

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check the size before the object's own schema validates."""
        return core_schema.no_info_before_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """State the limit in the JSON Schema."""
        return {**handler(schema), "maxProperties": self.entries}

    def _check(self, value: Any) -> Any:
        if type(value) is dict and len(value) > self.entries:
            context = {"field_type": "Dictionary", "max_length": self.entries, "actual_length": len(value)}
            raise PydanticKnownError("too_long", context)
        return value


def _keep(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    check(value)
    return value


# Validates, then returns the client's own object: key order and undeclared keys are preserved.
AS_SENT = WrapValidator(_keep)
