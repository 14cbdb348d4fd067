"""OpenAI's `tools` and legacy `functions` to Gemini's function declarations.

A custom tool is declared as a function with one text parameter. Parameters are sent as plain JSON Schema. One Tool
object holds all functions (rule 57 covers Google's own tools).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from api.errors import InvalidRequestError
from api.gemini.wire import FunctionDeclaration
from api.translate.request.context import RequestContext
from api.translate.request.unknown_fields import note_unknown
from api.translate.schema import Schema, schema_to_gemini
from api.translate.tools.custom import custom_to_function

_FUNCTION_FIELDS = ("name", "description", "parameters", "strict")
_CUSTOM_FIELDS = ("name", "description", "format")


def tools_to_declarations(
    tools: Sequence[Mapping[str, Any]] | None,
    functions: Sequence[Mapping[str, Any]] | None,
    *,
    context: RequestContext,
) -> list[FunctionDeclaration]:
    """Return the declarations of all functions and custom tools; `context.names` records their names.

    Raises InvalidRequestError for tools on a model without function calling, for a duplicate name, for parameters that
    are not an object and for a grammar without a definition.
        {"type": "function", "function": {"name": "time", "parameters": {"type": "object", "properties": {}}}}
        {"name": "time", "parametersJsonSchema": {"type": "object", "properties": {}}}
    """
    declarations: list[FunctionDeclaration] = []
    seen: set[str] = set()
    for function, path in _functions(tools, functions, context):
        if not context.profile.functions:
            raise InvalidRequestError(
                f"'{path.partition('[')[0]}' is not supported with this model: it cannot call functions.",
                param=path.partition("[")[0],
                code="unsupported_parameter",
            )
        declaration = _declaration(function, path, context)
        if declaration["name"] in seen:
            raise InvalidRequestError(
                f"Invalid '{path}.name': function names must be unique.", param=f"{path}.name", code="invalid_value"
            )
        seen.add(declaration["name"])
        declarations.append(declaration)
    return declarations


def strict_path(tools: Sequence[Mapping[str, Any]] | None, functions: Sequence[Mapping[str, Any]] | None) -> str | None:
    """Return the path of the first `strict: true`, or None."""
    for index, tool in enumerate(tools or ()):
        if tool["type"] == "function" and tool["function"].get("strict"):
            return f"tools[{index}].function.strict"
    for index, function in enumerate(functions or ()):
        if function.get("strict"):
            return f"functions[{index}].strict"
    return None


def _functions(
    tools: Sequence[Mapping[str, Any]] | None,
    functions: Sequence[Mapping[str, Any]] | None,
    context: RequestContext,
) -> Iterator[tuple[Mapping[str, Any], str]]:
    for index, tool in enumerate(tools or ()):
        if tool["type"] == "function":
            if len(tool) > len(("type", "function")):
                note_unknown(tool, ("type", "function"), path=f"tools[{index}]", context=context)
            yield tool["function"], f"tools[{index}].function"
        elif tool["type"] == "custom":
            yield _custom(tool, f"tools[{index}]", context), f"tools[{index}].custom"
        else:
            context.note("dropped", f"tools[{index}]", "tool type not supported by chat completions")
    for index, function in enumerate(functions or ()):
        yield function, f"functions[{index}]"


def _custom(tool: Mapping[str, Any], path: str, context: RequestContext) -> dict[str, Any]:
    note_unknown(tool, ("type", "custom"), path=path, context=context)
    custom = tool["custom"]
    note_unknown(custom, _CUSTOM_FIELDS, path=f"{path}.custom", context=context)
    return {"name": custom["name"], **custom_to_function(custom, path=f"{path}.custom", context=context)}


def _declaration(function: Mapping[str, Any], path: str, context: RequestContext) -> FunctionDeclaration:
    declaration: FunctionDeclaration = {"name": context.names.sent(function["name"])}
    if declaration["name"] != function["name"]:
        context.note("mapped", f"{path}.name", "renamed for Gemini, restored in the response")
    note_unknown(function, _FUNCTION_FIELDS, path=path, context=context)
    if function.get("description"):
        declaration["description"] = function["description"]
    schema = function.get("parameters")
    if schema:
        param = f"{path}.parameters"
        declaration["parametersJsonSchema"] = schema_to_gemini(
            _object_schema(schema, param), param=param, context=context
        )
    return declaration


def _object_schema(schema: Schema, param: str) -> Schema:
    """Return the schema with `type: object` at its root, which Gemini requires and clients forget.

    Raises InvalidRequestError if the root has another type.
    """
    kind = schema.get("type")
    if isinstance(kind, str):
        kind = kind.lower()  # Gemini's own schemas write types in capitals
    if kind == "object" or "$ref" in schema or "anyOf" in schema or "oneOf" in schema:
        return schema
    if kind is None or (isinstance(kind, list) and "object" in kind):
        return {**schema, "type": "object", "properties": schema.get("properties", {})}
    raise InvalidRequestError(
        f"Invalid schema for '{param}': it must be a JSON Schema of 'type: \"object\"'.",
        param=param,
        code="invalid_function_parameters",
    )
