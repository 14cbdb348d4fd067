"""Rules of tools: declarations, the calling config, and what cannot be combined."""

import re
from typing import Any

from api.emulator.conversation import Conversation
from api.emulator.errors import GoogleError, InvalidField
from api.emulator.models import Model
from api.emulator.rules.schemas import check_json_schema, check_schema

FUNCTION_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")
MAX_DECLARATIONS = 512
INVALID_NAME = (
    "[FIELD_INVALID] Invalid function name. Must start with a letter or an underscore. Must be alphameric "
    "(a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 128."
)
INVOCATIONS = "tool_config.include_server_side_tool_invocations"
BUILT_IN = {"googleSearch", "googleSearchRetrieval", "codeExecution", "urlContext", "fileSearch", "googleMaps"}


def check_tools(conversation: Conversation, model: Model, *, vertex: bool = False) -> None:
    """Raises GoogleError for the first rule that tools or toolConfig break; Vertex AI combines tools by itself."""
    names: set[str] = set()
    for number, tool in enumerate(conversation.request.get("tools", [])):
        if len(tool.get("functionDeclarations", [])) > MAX_DECLARATIONS:
            raise GoogleError(
                f"The GenerateContentRequest proto is invalid:\n  * tools[{number}].function_declarations: "
                f"[FIELD_INVALID] At most {MAX_DECLARATIONS} function declarations can be specified."
            )
        for index, declaration in enumerate(tool.get("functionDeclarations", [])):
            _check_declaration(declaration, f"tools[{number}].function_declarations[{index}]")
            if declaration["name"] in names:
                raise GoogleError(f"Duplicate function declaration found: {declaration['name']}")
            names.add(declaration["name"])
    if names and not model.functions:
        raise GoogleError(f"Function calling is not enabled for models/{model.name}")
    _check_calling(conversation, names)
    _check_combination(conversation, model, vertex=vertex)


def _check_declaration(declaration: dict[str, Any], path: str) -> None:
    if not FUNCTION_NAME.fullmatch(declaration.get("name", "")):
        raise InvalidField(f"{path}.name", INVALID_NAME)
    for openapi, json_schema in (("parameters", "parametersJsonSchema"), ("response", "responseJsonSchema")):
        if openapi in declaration and json_schema in declaration:
            raise InvalidField(path, f"only one of `{openapi}` and `{openapi}_json_schema` can be set.")
        if openapi in declaration:
            check_schema(declaration[openapi], f"{path}.{openapi}")
        if json_schema in declaration:
            check_json_schema(declaration[json_schema])


def _check_calling(conversation: Conversation, names: set[str]) -> None:
    calling = conversation.calling
    if not calling:
        return
    if not names:
        raise GoogleError("Function calling config is set without function_declarations.")
    allowed = calling.get("allowedFunctionNames", [])
    mode = calling.get("mode", "AUTO")
    if allowed and mode not in {"ANY", "VALIDATED"}:
        raise InvalidField(
            "tool_config.function_calling_config.allowed_function_names",
            "allowed_function_names should be set only when the function calling mode is ANY or VALIDATED.",
        )
    unknown = [name for name in allowed if name not in names]
    if unknown:
        raise InvalidField(
            "tool_config.function_calling_config.allowed_function_names",
            f"{unknown[0]} is not one of the function declarations.",
        )


def _check_combination(conversation: Conversation, model: Model, *, vertex: bool) -> None:
    """Forced calls never go with JSON; before Gemini 3 functions go neither with JSON nor with built-in tools."""
    is_json = conversation.mime_type == "application/json"
    functions = bool(conversation.declarations)
    built_in = any(BUILT_IN & tool.keys() for tool in conversation.request.get("tools", []))
    if functions and is_json and conversation.calling.get("mode") == "ANY":
        raise GoogleError(
            "Forced function calling (ANY mode) with a response mime type: 'application/json' is unsupported"
        )
    if functions and is_json and not model.tools_with_json:
        raise GoogleError("Function calling with a response mime type: 'application/json' is unsupported")
    if built_in and is_json and not model.tools_with_json:
        raise GoogleError("Tool use with a response mime type: 'application/json' is unsupported")
    if functions and built_in and not model.tools_with_builtin:
        raise GoogleError("Tool use with function calling is unsupported")
    invocations = conversation.request.get("toolConfig", {}).get("includeServerSideToolInvocations")
    if functions and built_in and not invocations and not vertex:
        raise GoogleError(f"Please enable {INVOCATIONS} to use Built-in tools with Function calling.")
