"""The request's parameters in a response: as parsed, with OpenAI's defaults for absent ones."""

from collections.abc import Mapping
from typing import Any, Final

from api.openai.responses.request import ResponseParameters
from api.openai.responses.response import ResponseParametersEcho

# Keys of a tool that OpenAI adds if absent.
_TOOL_DEFAULTS: Final[dict[str, dict[str, Any]]] = {
    "function": {"description": None, "output_schema": None, "parameters": None, "strict": True},
    "namespace": {"description": ""},
    "code_interpreter": {"container": {"type": "auto"}},
}


def response_echo(request: ResponseParameters, *, model: str) -> ResponseParametersEcho:
    """Return the request's parameters for its response; `model` is the requested model name."""
    echo: ResponseParametersEcho = {
        "background": bool(request.background),
        "frequency_penalty": request.frequency_penalty or 0.0,
        "instructions": request.instructions,
        "max_output_tokens": request.max_output_tokens,
        "max_tool_calls": request.max_tool_calls,
        "model": model,
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "presence_penalty": request.presence_penalty or 0.0,
        "previous_response_id": request.previous_response_id,
        "prompt_cache_key": request.prompt_cache_key,
        "prompt_cache_retention": request.prompt_cache_retention,
        "reasoning": _reasoning(request),
        "safety_identifier": request.safety_identifier,
        "service_tier": request.service_tier or "auto",
        "store": request.stored,
        "temperature": 1.0 if request.temperature is None else request.temperature,
        "text": _text(request),
        "tool_choice": _plain(request.tool_choice) or "auto",
        "tools": [whole_tool(tool) for tool in request.tools or ()],
        "top_logprobs": request.top_logprobs or 0,
        "top_p": 1.0 if request.top_p is None else request.top_p,
        "truncation": request.truncation or "disabled",
        "user": request.user,
        "metadata": dict(request.metadata or {}),
    }
    if request.conversation_id is not None:
        echo["conversation"] = {"id": request.conversation_id}
    return echo


def _reasoning(request: ResponseParameters) -> dict[str, Any]:
    given = request.reasoning or {}
    return {
        "context": given.get("context"),
        "effort": request.effort,
        "mode": given.get("mode") or "standard",
        "summary": request.summary,
    }


def _text(request: ResponseParameters) -> dict[str, Any]:
    given: Mapping[str, Any] = request.text or {}
    text_format = dict(given.get("format") or {"type": "text"})
    if text_format["type"] == "json_schema":
        text_format = {"description": None, "strict": False, **_present(text_format)}
    return {"format": text_format, "verbosity": given.get("verbosity") or "medium"}


def whole_tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """Return a tool with OpenAI's default keys, including the tools of a namespace."""
    whole = {"type": tool["type"], **_TOOL_DEFAULTS.get(tool["type"], {}), **_present(tool)}
    if tool["type"] == "namespace":
        whole["tools"] = [whole_tool(inner) for inner in tool["tools"]]
    return whole


def _present(given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if value is not None}


def _plain(choice: Any) -> Any:
    return dict(choice) if isinstance(choice, Mapping) else choice
