"""Discriminators for the unions of OpenAI's requests, by a field (`role`, `type`) or by the kind of JSON value.

Their tags stand in angle brackets, so that `api.openai.shared.validation` can tell a tag from a field's name in an
error's location, and their errors carry the allowed values, so that it need not know the unions. Beside them stand the
markers that keep hostile lists and objects cheap.
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
# pydantic's own marker is not hashable and members of a union are hashed.
STOP_AT_FIRST = Field(fail_fast=True)

_KINDS: dict[type, str] = {str: "<string>", list: "<array>", dict: "<object>"}
_ARTICLES = {"string": "a string", "array": "an array", "object": "an object"}


def by_field(field: str, *values: str, other: bool = False) -> Discriminator:
    """Choose the member tagged `<value>` by the string in `field`; `other` sends unlisted strings to `<other>`."""
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
    """Choose the member tagged `<string>`, `<array>` or `<object>` by the JSON kind of the value."""
    tags = {python: tag for python, tag in _KINDS.items() if tag.strip("<>") in kinds}

    def tag(value: Any) -> str | None:
        return tags.get(type(value))

    expected = " or ".join(_ARTICLES[kind] for kind in kinds)
    return Discriminator(tag, custom_error_type=KIND_ERROR, custom_error_message=expected)


@dataclass(frozen=True, slots=True)
class AtMost:
    """Refuses an object with more entries before any is looked at, so that a hostile one makes one error only."""

    entries: int

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Look before the object's own schema does."""
        return core_schema.no_info_before_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Say so in the API's description."""
        return {**handler(schema), "maxProperties": self.entries}

    def _check(self, value: Any) -> Any:
        if type(value) is dict and len(value) > self.entries:
            context = {"field_type": "Dictionary", "max_length": self.entries, "actual_length": len(value)}
            raise PydanticKnownError("too_long", context)
        return value


def _keep(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    check(value)
    return value


# Validates, then hands on the client's own object: its key order and the keys nobody declared survive.
AS_SENT = WrapValidator(_keep)
