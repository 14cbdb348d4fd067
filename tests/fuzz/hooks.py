"""What schemathesis is told beside the API's description (SCHEMATHESIS_HOOKS): how a made-up request gets past the
parser, and that no stream may hold a failure of ours.
"""

import json
from typing import Any

import schemathesis

# One that thinks in levels and wants its signatures back, one that gives several candidates, two mapped names.
MODELS = ("gemini-3.8-flash", "gemini-2.5-flash", "gpt-4", "gpt-3.5-turbo")
SAID: Any = {"role": "user", "content": "Say pong"}
# Good only beside others, or beside what exists already.
HARDLY_EVER_RIGHT = {
    "max_tokens",
    "functions",
    "function_call",
    "top_logprobs",
    "previous_response_id",
    "conversation",
    "prompt_template",
}
# What such a message needs, another message has to give: hardly any two that are made up fit together.
NEEDS_ANOTHER = {"tool", "function"}
OURS = {"server_error", "internal_error"}


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """Name a model that exists in a request that is meant to be valid, keep what it makes, and mostly ask nothing that
    the parser refuses for reasons that no schema can say.
    """
    del context, kwargs
    body = case.body
    if not isinstance(body, dict) or case.meta is None or case.meta.generation.mode.is_negative:
        return
    dice = len(json.dumps(body, default=str))
    if "model" in body:
        body["model"] = MODELS[dice % len(MODELS)]
    if not dice % 5:
        return
    for name in HARDLY_EVER_RIGHT & body.keys():
        del body[name]
    if not body.get("stream"):
        body.pop("stream_options", None)
    if isinstance(messages := body.get("messages"), list):
        body["messages"] = [message for message in messages if _stands_alone(message)] or [SAID]
    elif case.operation.path.startswith("/v1/responses"):
        body["input"] = body.get("input") or [SAID]


def _stands_alone(message: Any) -> bool:
    return isinstance(message, dict) and message.get("role") not in NEEDS_ANOTHER and not message.get("tool_calls")


@schemathesis.check
def no_failure_of_ours_in_a_stream(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> bool | None:
    """A stream's status is 200 whatever becomes of it: its events tell."""
    del ctx, case
    if response.headers.get("content-type", [""])[0] != "text/event-stream":
        return None
    for line in response.text.splitlines():
        if line.startswith("data: {"):
            event = json.loads(line.removeprefix("data: "))
            error = event.get("error") or (event.get("response") or {}).get("error") or {}
            failed = {error.get("type"), error.get("code"), event.get("code") if event.get("type") == "error" else None}
            assert not failed & OURS, f"The stream failed: {line}"
    return None
