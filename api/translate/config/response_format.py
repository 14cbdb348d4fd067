"""OpenAI's `response_format` to Gemini's `responseMimeType` and `responseJsonSchema`."""

from collections.abc import Mapping
from typing import Any

from api.gemini.wire import GenerationConfig
from api.translate.request.context import RequestContext
from api.translate.schema import schema_to_gemini
from api.translate.tools.choice import ChosenTools

_JSON = "application/json"


def response_format_to_config(
    response_format: Mapping[str, Any] | None, *, context: RequestContext
) -> GenerationConfig:
    """Return the JSON settings of `generationConfig`; empty for text.

    Gemini always follows the schema exactly, so `strict` has no effect.
        {"type": "json_schema", "json_schema": {"name": "point", "schema": {"type": "object"}}}
        {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}}
    """
    if response_format is None or response_format["type"] == "text":
        return {}
    config: GenerationConfig = {"responseMimeType": _JSON}
    if response_format["type"] == "json_object":
        return config
    named = response_format["json_schema"]
    schema = named.get("schema")
    if named.get("description"):
        context.note("dropped", "response_format.json_schema.description", "not supported by Gemini's response schema")
    if schema is None:
        return config
    param = "response_format.json_schema.schema"
    if context.profile.json_schema:
        config["responseJsonSchema"] = schema_to_gemini(schema, param=param, context=context)
    else:
        context.note("dropped", param, "the model supports JSON output without a schema only")
    return config


def reconcile_with_tools(
    response_format: Mapping[str, Any] | None, chosen: ChosenTools, *, context: RequestContext
) -> tuple[Mapping[str, Any] | None, ChosenTools]:
    """Return response format and tools that the model accepts together (rule 55).

    A forced call excludes a JSON response on every model. Older models exclude any tools: then the tools stay and the
    format is dropped, unless calls are forbidden anyway.
    """
    if response_format is None or response_format["type"] == "text" or not chosen.declarations:
        return response_format, chosen
    if chosen.forced:
        context.note("dropped", "response_format", "tool_choice requires a function call instead of JSON output")
        return None, chosen
    if context.profile.tools_with_json:
        return response_format, chosen
    if chosen.forbidden:
        context.note(
            "dropped",
            "tools",
            "the model does not support tools together with JSON output, and tool_choice forbids calls",
        )
        return response_format, ChosenTools([], None)
    context.note("dropped", "response_format", "the model does not support JSON output together with tools")
    return None, chosen
