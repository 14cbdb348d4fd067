"""The base of every request model: nulls are absent, unknown names are listed, errors are OpenAI's."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from api.errors import InternalError
from api.openai.validation import invalid_request, printable_name

MAX_UNKNOWN_LISTED = 32


class RequestModel(BaseModel):
    """A parsed request body; immutable. `unknown` names the top-level parameters that OpenAI does not have."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    unknown: tuple[str, ...] = ()

    @classmethod
    def parse(cls, body: dict[str, Any]) -> Self:
        """Validate a decoded body; an explicit null counts as absent.

        Raises InvalidRequestError naming the first wrong parameter.
        """
        known = cls.parameters()
        given = {name: value for name, value in body.items() if value is not None and name in known}
        if len(given) < len(body):
            given["unknown"] = _listed([name for name in body if name not in known])
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise invalid_request(error) from None

    @classmethod
    def parameters(cls) -> frozenset[str]:
        """Return the names of all parameters the model knows."""
        names = _PARAMETERS.get(cls)
        return names if names is not None else _PARAMETERS.setdefault(cls, _names(cls))

    def lacks(self, parameter: str) -> bool:
        """Tell whether the client left `parameter` to the server."""
        return getattr(self, parameter) is None

    def with_defaults(self, defaults: Mapping[str, Any]) -> tuple[Self, tuple[str, ...]]:
        """Return the request with an operator's defaults for what the client left out, and the names put in.

        Names the model does not know are ignored. Raises InternalError if a default is not valid: the client cannot
        help it.
        """
        known = self.parameters()
        missing = {name: value for name, value in defaults.items() if name in known and self.lacks(name)}
        if not missing:
            return self, ()
        # Not model_dump: it would drop the keys of nested objects that nobody declared.
        given = {name: getattr(self, name) for name in self.model_fields_set}
        try:
            return type(self).model_validate(given | missing), tuple(missing)
        except ValidationError as error:
            text = f"A default parameter of this model's mapping is not valid. {invalid_request(error).message}"
            raise InternalError(text, code="invalid_model_default", retryable=False) from None


_PARAMETERS: dict[type[RequestModel], frozenset[str]] = {}


def _names(model: type[RequestModel]) -> frozenset[str]:
    return frozenset(model.model_fields) - {"unknown"}


def _listed(names: list[str]) -> tuple[str, ...]:
    """Return the names as they may stand in a header; a flood of them is cut and counted."""
    listed = tuple(printable_name(name) for name in names[:MAX_UNKNOWN_LISTED])
    hidden = len(names) - len(listed)
    return (*listed, f"{hidden} more") if hidden else listed
