"""The hooks of schemathesis (SCHEMATHESIS_HOOKS): generated requests that the parser accepts, and a check for server
errors in streams.
"""

import json
from typing import Any

import schemathesis

from tests.hostile_values import HOSTILE, places

# A model with thinking levels and required signatures, a model with several candidates, and two mapped names.
MODELS = ("gemini-3.8-flash", "gemini-2.5-flash", "gpt-4", "gpt-3.5-turbo")
SAID: Any = {"role": "user", "content": "Say pong"}
# Valid only beside other parameters, or with existing objects.
HARDLY_EVER_RIGHT = {
    "max_tokens",
    "functions",
    "function_call",
    "top_logprobs",
    "previous_response_id",
    "conversation",
}
# These messages require other messages: generated messages hardly ever match.
NEEDS_ANOTHER = {"tool", "function"}
# Endpoints for which half of the requests are streams; random parameters rarely include `stream`.
STREAMED = {"/v1/chat/completions", "/v1/completions", "/v1/responses"}
OURS = {"server_error", "internal_error"}
# One of this many requests has a hostile value in some field.
HOSTILE_EACH = 4
# schemathesis fails on an invalid URL in a response.
PLACED = [value for name, value in HOSTILE.items() if name != "a broken URL"]


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """Adapt a valid request to rules without a schema, and put hostile values into some requests: endless digits, long
    names, deep nesting, other types.
    """
    del context, kwargs
    body = case.body
    if not isinstance(body, dict) or case.meta is None or case.meta.generation.mode.is_negative:
        return
    dice = len(json.dumps(body, default=str))
    _make_answerable(case, body, dice)
    if not dice % HOSTILE_EACH:
        _make_hostile(body, dice // HOSTILE_EACH)


def _make_answerable(case: schemathesis.Case[Any], body: dict[str, Any], dice: int) -> None:
    """Set an existing model, and remove most parameters that the parser rejects for reasons without a schema."""
    if "model" in body:
        body["model"] = MODELS[dice % len(MODELS)]
    if not dice % 5:
        return
    for name in HARDLY_EVER_RIGHT & body.keys():
        del body[name]
    if case.operation.path in STREAMED and dice % 2:
        body["stream"] = True
    if not body.get("stream"):
        body.pop("stream_options", None)
    if isinstance(messages := body.get("messages"), list):
        body["messages"] = [message for message in messages if _stands_alone(message)] or [SAID]
    elif case.operation.path.startswith("/v1/responses"):
        body["input"] = body.get("input") or [SAID]


def _make_hostile(body: dict[str, Any], dice: int) -> None:
    """Replace one value of the body, except the model, by a hostile value."""
    found = [place for place in places(body) if place != ("model",)]
    if not found:
        return
    *way, last = found[dice % len(found)]
    holder: Any = body
    for step in way:
        holder = holder[step]
    holder[last] = PLACED[dice % len(PLACED)]


def _stands_alone(message: Any) -> bool:
    return isinstance(message, dict) and message.get("role") not in NEEDS_ANOTHER and not message.get("tool_calls")


@schemathesis.check
def no_failure_of_ours_in_a_success(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> bool | None:
    """Check streams and background responses for server errors, because their status is always 200."""
    del ctx, case
    kind = response.headers.get("content-type", [""])[0]
    if kind == "text/event-stream":
        lines = response.text.split("\n")  # splitlines also splits at U+2028 and similar characters inside JSON
        sent = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
    else:
        sent = [json.loads(response.content)] if response.status_code == 200 and kind == "application/json" else []
    for event in sent:
        assert not _faults(event) & OURS, f"Failed inside a success: {event}"
    return None


def _faults(event: dict[str, Any]) -> set[str]:
    """Return the types and codes of the errors in a response or an event."""
    holders = [event, event.get("error"), (event.get("response") or {}).get("error")]
    found = [holder.get(name) for holder in holders if isinstance(holder, dict) for name in ("type", "code")]
    return {name for name in found if isinstance(name, str)}
