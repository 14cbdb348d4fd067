"""The base class of request models: nulls count as absent, unknown names are listed, errors have OpenAI's form."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.json_schema import SkipJsonSchema

from api.errors import InternalError
from api.notes import Note
from api.openai.shared.json_body import parse_json
from api.openai.shared.nested_names import Names, names_within, unknown_names
from api.openai.shared.text_fields import Written, notes_of
from api.openai.shared.validation import invalid_request, printable_name

MAX_UNKNOWN_LISTED = 32


class RequestModel(BaseModel):
    """A parsed, immutable request body.

    `unknown` lists parameters that OpenAI does not have, nested options (`reasoning.depth`) included. `notes` name the
    changes made while reading the body.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    unknown: tuple[str, ...] = ()
    notes: SkipJsonSchema[tuple[Note, ...]] = ()

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Decode and validate a body; raises InvalidRequestError."""
        fields, notes = parse_json(body)
        return cls.parse(fields, notes=notes)

    @classmethod
    def parse(cls, body: dict[str, Any], *, notes: Sequence[Note] = ()) -> Self:
        """Validate a decoded body; an explicit null counts as absent.

        Raises InvalidRequestError with the first invalid parameter.
        """
        known = cls.parameters()
        given = {name: value for name, value in body.items() if value is not None and name in known}
        unknown = [printable_name(name) for name in body if name not in known] if len(given) < len(body) else []
        for name, names in cls.options().items():
            if name in given and type(given[name]) is dict:
                unknown += unknown_names(given[name], names, name)
        if unknown:
            given["unknown"] = _listed(unknown)
        if notes:
            given["notes"] = tuple(notes)
        written: list[Written] = []
        try:
            parsed = cls.model_validate(given, context=written)
        except ValidationError as error:
            raise invalid_request(error) from None
        return parsed.model_copy(update={"notes": (*notes, *notes_of(written, given))}) if written else parsed

    @classmethod
    def parameters(cls) -> frozenset[str]:
        """Return the names of the model's parameters."""
        names = _PARAMETERS.get(cls)
        return names if names is not None else _PARAMETERS.setdefault(cls, _names(cls))

    @classmethod
    def options(cls) -> Mapping[str, Names]:
        """Return the parameters with an object type of fixed fields, and the names of those fields."""
        options = _OPTIONS.get(cls)
        return options if options is not None else _OPTIONS.setdefault(cls, _closed_objects(cls))

    def lacks(self, parameter: str) -> bool:
        """Whether the client omitted `parameter`."""
        return getattr(self, parameter) is None

    def with_defaults(self, defaults: Mapping[str, Any]) -> tuple[Self, tuple[str, ...]]:
        """Return the request with an operator's defaults for omitted parameters, and the names of the defaults applied.

        Names unknown to the model are ignored. Raises InternalError for an invalid default, because the client cannot
        correct it.
        """
        known = self.parameters()
        missing = {name: value for name, value in defaults.items() if name in known and self.lacks(name)}
        if not missing:
            return self, ()
        # Not model_dump: it drops undeclared keys of nested objects.
        given = {name: getattr(self, name) for name in self.model_fields_set}
        try:
            return type(self).model_validate(given | missing), tuple(missing)
        except ValidationError as error:
            text = f"A default parameter of the model mapping is invalid. {invalid_request(error).message}"
            raise InternalError(text, code="invalid_model_default", retryable=False) from None


_PARAMETERS: dict[type[RequestModel], frozenset[str]] = {}
_OPTIONS: dict[type[RequestModel], Mapping[str, Names]] = {}


def _names(model: type[RequestModel]) -> frozenset[str]:
    return frozenset(model.model_fields) - {"unknown", "notes"}


def _closed_objects(model: type[RequestModel]) -> Mapping[str, Names]:
    found = {name: names_within(field.annotation) for name, field in model.model_fields.items()}
    return {name: names for name, names in found.items() if names is not None}


def _listed(names: list[str]) -> tuple[str, ...]:
    """Return the names in a form for a header; a long list is cut and its length stated."""
    listed = tuple(names[:MAX_UNKNOWN_LISTED])
    hidden = len(names) - len(listed)
    return (*listed, f"{hidden} more") if hidden else listed
