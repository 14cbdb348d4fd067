"""The description of an endpoint beside its method: a decorator that `api.openapi` reads. Paths and methods come from
the URLconf.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

from api.openai.shared.list_query import DEFAULT_LIMIT, MAX_LIMIT
from api.openai.shared.request_model import RequestModel

Handler = TypeVar("Handler", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationParameter:
    """A query or header parameter. The entries of an object are sent as `name[key]=value`."""

    name: str
    schema: Mapping[str, Any]
    what: str
    place: Literal["query", "header"] = "query"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path: its `operationId`, and in `what` one sentence on its effect.

    `response` is the type of the JSON response, `events` the type of a stream's events (`done` if OpenAI's `[DONE]`
    ends it), `body` the class that parses the request; an `optional` body may be empty. `gives` is the name of a path
    parameter of other operations and the JSON pointer of its value in the response.

    An instance is a decorator: it marks a view's method and returns the method itself.
    """

    name: str
    what: str
    response: Any
    body: type[RequestModel] | None = None
    optional: bool = False
    events: Any = None
    done: bool = False
    parameters: tuple[OperationParameter, ...] = ()
    gives: tuple[str, str] | None = None

    def __call__(self, handler: Handler) -> Handler:
        """Attach the description to a view's method."""
        handler.operation = self  # type: ignore[attr-defined]  # functions take attributes
        return handler


def operation_of(view: type, method: str) -> Operation:
    """Return the operation of a view's method ("get"); raises LookupError without a description."""
    described: Operation | None = getattr(getattr(view, method), "operation", None)
    if described is None:
        raise LookupError(f"{view.__name__}.{method} has no @Operation.")
    return described


SESSION: Final = OperationParameter(
    name="X-Session-Id",
    schema={"type": "string", "pattern": "^[\\x21-\\x7e]{0,200}$"},
    what="Selects one of several sessions of a user; requests of the same session are served in order.",
    place="header",
)
_LIMIT: Final = OperationParameter(
    name="limit",
    schema={"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    what="Maximum number of objects per page.",
)
_AFTER: Final = OperationParameter(
    name="after", schema={"type": "string"}, what="Id of the last object of the previous page."
)


def page_parameters(order: Literal["asc", "desc"]) -> tuple[OperationParameter, ...]:
    """Return the parameters of a list with the default order `order`."""
    schema = {"type": "string", "enum": ["asc", "desc"], "default": order}
    return (_LIMIT, _AFTER, OperationParameter(name="order", schema=schema, what="Order by time of creation."))
