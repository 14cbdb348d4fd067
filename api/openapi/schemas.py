"""JSON Schemas of requests and responses, generated from the types that parse and describe them, under short names."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode
from pydantic_core import CoreSchema, core_schema

from api.openai.responses.parameters import RESPONSES_PARAMETERS
from api.openai.shared.parameters import CHAT_PARAMETERS, COMPLETION_PARAMETERS, Parameter
from api.openai.shared.request_model import RequestModel

REF: Final = "#/components/schemas/"
# The parameter tables, by the name of the schema.
EXPLAINED: Final[Mapping[str, Sequence[Parameter]]] = {
    "ChatCompletionRequest": CHAT_PARAMETERS,
    "CompletionRequest": COMPLETION_PARAMETERS,
    "ResponsesRequest": RESPONSES_PARAMETERS,
}
# Fields of a history that are converted to text before validation (api/openai/shared/text_fields.py): they take any
# value.
AS_TEXT: Final[Mapping[str, str]] = {
    "AssistantMessage": "content",
    "CustomCall": "input",
    "CustomToolCallOutput": "output",
    "FunctionCallOutput": "output",
    "FunctionMessage": "content",
    "Message": "content",
    "ToolMessage": "content",
    "messages.FunctionCall": "arguments",
    "responses_items.CustomToolCall": "input",
    "responses_items.FunctionCall": "arguments",
}
# Prefixes for types of the same name in two modules. They are public: client generators make class names of them, so a
# prefix stays when its module moves.
PREFIXES: Final[Mapping[str, str]] = {
    "api.openai.chat.completion": "chat",
    "api.openai.chat.messages": "messages",
    "api.openai.shared.options": "options",
    "api.openai.chat.response_format": "response_format",
    "api.openai.responses.response": "responses",
    "api.openai.responses.items": "responses_items",
    "api.openai.responses.options": "responses_options",
    "api.openai.responses.tools": "responses_tools",
    "api.openai.chat.tools": "tools",
}
_LONG_NAME: Final = re.compile(r"\b(api(?:__[a-z_]+?)+)__([A-Z]\w*)")


class Schemas:
    """The named schemas of a set of types: requests in validation mode, responses in serialization mode."""

    def __init__(self, *, requests: Sequence[type[RequestModel]], responses: Sequence[Any]) -> None:
        wanted: list[tuple[int, JsonSchemaMode, TypeAdapter[Any]]] = [
            *((id(model), "validation", TypeAdapter(model)) for model in requests),
            *((id(response), "serialization", TypeAdapter(response)) for response in responses),
        ]
        places, found = TypeAdapter.json_schemas(wanted, ref_template=REF + "{model}", schema_generator=_Generator)
        self._places = {key: _renamed(schema) for (key, _), schema in places.items()}
        components = {_short(name): _renamed(schema) for name, schema in found["$defs"].items()}
        self.components: dict[str, Any] = {name: _component(name, components[name]) for name in sorted(components)}

    def of(self, kind: Any) -> dict[str, Any]:
        """Return the schema of one of the types, usually a reference into `components`."""
        return dict(self._places[id(kind)])


class _Generator(GenerateJsonSchema):
    """Unions as `anyOf`: a value may match several members here (`type` may be missing in a message);
    `api.openai.shared.unions` selects one.
    """

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> dict[str, Any]:
        """Return `anyOf` of the members; the member for unknown types excludes the known ones."""
        members = {str(tag): self.generate_inner(choice) for tag, choice in schema["choices"].items()}
        if other := members.get("<other>"):
            known = [tag.strip("<>") for tag in members if tag != "<other>"]
            members["<other>"] = {"allOf": [other, {"properties": {"type": {"not": {"enum": known}}}}]}
        return {"anyOf": list(members.values())}

    def field_title_should_be_set(self, schema: CoreSchema | core_schema.ModelField | Any) -> bool:
        return False


def _short(name: str) -> str:
    """Return `messages.FunctionCall` for pydantic's long name of a type whose name two modules have."""
    return _LONG_NAME.sub(lambda found: f"{PREFIXES[found[1].replace('__', '.')]}.{found[2]}", name)


def _renamed(schema: Any) -> Any:
    """Return the schema with short names in its references."""
    if isinstance(schema, dict):
        return {key: _short(value) if key == "$ref" else _renamed(value) for key, value in schema.items()}
    return [_renamed(entry) for entry in schema] if isinstance(schema, list) else schema


def _component(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return a named schema without empty keywords, and with the description of each parameter."""
    schema.pop("title", None)
    fields = schema.get("properties", {})
    if fields.pop("unknown", None):  # a request model: later sentences are for readers of the code
        schema["description"] = schema["description"].partition(".")[0] + "."
    for field in fields.values():
        if field.get("default", ...) is None:
            del field["default"]
    if (text := AS_TEXT.get(name)) is not None:
        fields[text] = {"anyOf": [fields[text], {}]}
    for parameter in EXPLAINED.get(name, ()):
        if parameter.name in fields:
            fields[parameter.name]["description"] = f"{parameter.status.capitalize()}. {parameter.what}"
    return schema
