"""The OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1), for client generators, API explorers and the fuzzing
tests. It is generated from the URLconf, the operations of the views (`api.views.operation`) and the types that parse
requests and describe responses.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import orjson
from django.urls import URLPattern

from api.http.view import GatewayView
from api.openai.shared.error_body import ErrorBody
from api.openapi.schemas import Schemas
from api.urls import urlpatterns
from api.views.operation import Operation, operation_of
from api.views.unknown import UnknownView

METHODS: Final = ("get", "post", "delete")
_PLACEHOLDER: Final = re.compile(r"<(?:\w+:)?(\w+)>")
_NAMES: Final = re.compile(r"{(\w+)}")
_REQUEST_ID: Final = {"x-request-id": {"$ref": "#/components/headers/x-request-id"}}
_ERROR: Final = {"$ref": "#/components/responses/Error"}


def document() -> dict[str, Any]:
    """Return the document as a JSON object; raises LookupError for an endpoint without an operation."""
    operations = [operation_of(view, method) for _, view, method in endpoints()]
    schemas = Schemas(
        requests=list({operation.body: None for operation in operations if operation.body}),
        responses=[
            ErrorBody,
            *(operation.response for operation in operations),
            *(operation.events for operation in operations if operation.events),
        ],
    )
    paths: dict[str, dict[str, Any]] = {}
    for path, view, method in endpoints():
        paths.setdefault(path, {})[method] = _operation(path, view, method, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Gemini Gateway",
            "version": "v1",
            "description": "OpenAI's API on Google Gemini. docs/compatibility.md lists the differences.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "http://127.0.0.1:8080"}],
        "paths": paths,
        "components": {
            "headers": {
                "x-request-id": {
                    "description": "Id of the request in the log and in the usage record.",
                    "required": True,
                    "schema": {"type": "string", "pattern": "^req_"},
                }
            },
            "responses": {
                "Error": {
                    "description": "Error in OpenAI's format.",
                    "headers": _REQUEST_ID,
                    "content": {"application/json": {"schema": schemas.of(ErrorBody)}},
                }
            },
            "schemas": schemas.components,
        },
    }


def text() -> str:
    """Return the document as JSON text with each endpoint and each schema on a line of its own."""
    return _laid_out(document(), levels=3) + "\n"


def _laid_out(value: Any, *, levels: int, indent: str = "") -> str:
    """Return JSON with the objects of the outer levels spread over lines."""
    if not levels or not isinstance(value, dict):
        return orjson.dumps(value).decode()
    inner = indent + "  "
    entries = (
        f"{inner}{orjson.dumps(key).decode()}: {_laid_out(entry, levels=levels - 1, indent=inner)}"
        for key, entry in value.items()
    )
    return "{\n" + ",\n".join(entries) + f"\n{indent}}}"


def endpoints() -> Iterator[tuple[str, type[GatewayView], str]]:
    """Yield the path (`/v1/models/{model}`), the view and the method of each endpoint, in the URLconf's order."""
    for pattern in urlpatterns:
        view = getattr(pattern.callback, "view_class", None) if isinstance(pattern, URLPattern) else None
        if view is None or view is UnknownView:
            continue
        path = "/" + _PLACEHOLDER.sub(r"{\1}", str(pattern.pattern))
        yield from ((path, view, method) for method in METHODS if hasattr(view, method))


def _operation(path: str, view: type[GatewayView], method: str, schemas: Schemas) -> dict[str, Any]:
    operation = operation_of(view, method)
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.what,
        "parameters": [*_in_path(path), *_around(operation)],
        "responses": {"200": _success(operation, schemas), "4XX": _ERROR, "5XX": _ERROR},
    }
    if operation.gives is not None:
        described["responses"]["200"]["links"] = _links(path, *operation.gives)
    if view.public:
        described["responses"] = {status: _success(operation, schemas) for status in ("200", "503")}
    if operation.body is not None:
        content = {"application/json": {"schema": schemas.of(operation.body)}}
        described["requestBody"] = {"required": not operation.optional, "content": content}
    return described


def _in_path(path: str) -> list[dict[str, Any]]:
    """Return the parameters of a path; an id may contain slashes, sent as `%2F`."""
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _NAMES.findall(path)
    ]


def _links(path: str, parameter: str, pointer: str) -> dict[str, Any]:
    """Return the OpenAPI links: operations whose path needs only `parameter` and the parameters of this path."""
    known = {name: f"$request.path.{name}" for name in _NAMES.findall(path)}
    known[parameter] = f"$response.body#{pointer}"
    links = {}
    for other, view, method in endpoints():
        names = _NAMES.findall(other)
        if parameter in names and known.keys() >= set(names):
            name = operation_of(view, method).name
            links[name] = {"operationId": name, "parameters": {taken: known[taken] for taken in names}}
    return links


def _around(operation: Operation) -> list[dict[str, Any]]:
    """Return the query and header parameters; an empty query parameter counts as missing."""
    described = []
    for parameter in operation.parameters:
        entry: dict[str, Any] = {"name": parameter.name, "in": parameter.place, "description": parameter.what}
        if parameter.schema["type"] == "object":
            entry |= {"style": "deepObject", "explode": True}
        elif parameter.place == "query":
            entry["allowEmptyValue"] = True
        described.append(entry | {"schema": dict(parameter.schema)})
    return described


def _success(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": schemas.of(operation.response)}}
    if operation.events is not None:
        content["text/event-stream"] = {"schema": _event(operation, schemas)}
    return {"description": "Success.", "headers": _REQUEST_ID, "content": content}


def _event(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    """Return the schema of a stream's events: an object of SSE fields, whose `data` is JSON text."""
    event = {"anyOf": [schemas.of(operation.events), schemas.of(ErrorBody)]}
    data: dict[str, Any] = {"type": "string", "contentMediaType": "application/json", "contentSchema": event}
    if operation.done:
        data = {"anyOf": [{"const": "[DONE]"}, data]}
    return {"type": "object", "required": ["data"], "properties": {"data": data, "event": {"type": "string"}}}
