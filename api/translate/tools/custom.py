"""Custom tools with free text: to functions with one text parameter, and back. Chat and Responses share this module.

Gemini has functions only and enforces no grammar, so the tool's description includes the grammar.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from api.errors import InvalidRequestError
from api.translate.request.context import RequestContext

_PARAMETERS: Final = {
    "type": "object",
    "properties": {"input": {"type": "string", "description": "The whole input of the tool, as plain text."}},
    "required": ["input"],
}


def custom_to_function(custom: Mapping[str, Any], *, path: str, context: RequestContext) -> dict[str, Any]:
    """Return `description` and `parameters` of the function for a custom tool; the caller adds the name.

    `path` is the position of `custom` in the request. Raises InvalidRequestError for a grammar without a definition.
        {"description": "Runs it.", "format": {"type": "grammar", "syntax": "regex", "definition": "[0-9]+"}}
        {"description": "Runs it.\\n\\nThe input must match this regex grammar:\\n[0-9]+", "parameters": {...}}
    """
    description = custom.get("description") or ""
    form = custom.get("format") or {}
    if form.get("type") == "grammar":
        description += f"\n\n{_grammar(form, f'{path}.format', context)}"
    description = description.strip()
    return {"parameters": _PARAMETERS} | ({"description": description} if description else {})


def custom_input(arguments: str) -> str:
    """Return the input text in the JSON arguments of a custom tool's call; other arguments are returned as text."""
    given = orjson.loads(arguments)
    if given == {}:
        return ""
    text = given.get("input") if isinstance(given, dict) and len(given) == 1 else None
    return text if isinstance(text, str) else arguments


def _grammar(form: Mapping[str, Any], path: str, context: RequestContext) -> str:
    """Return the description of a grammar, which chat nests one level deeper than the Responses API."""
    grammar = form.get("grammar") or form
    definition = grammar.get("definition")
    if not definition:
        param = f"{path}.grammar.definition" if form.get("grammar") else f"{path}.definition"
        raise InvalidRequestError(
            f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter"
        )
    context.note("converted", path, "grammar added to the description (Gemini does not enforce grammars)")
    return f"The input must match this {grammar.get('syntax') or 'lark'} grammar:\n{definition}"
