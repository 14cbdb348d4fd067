"""What schemathesis is told beside the API's description (SCHEMATHESIS_HOOKS): how a made-up request gets past the
parser, and that no stream may hold a failure of ours.
"""

import json
from typing import Any

import schemathesis

from tests.hostile_values import HOSTILE, places

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
}
# What such a message needs, another message has to give: hardly any two that are made up fit together.
NEEDS_ANOTHER = {"tool", "function"}
# Where half of the requests ask for a stream, which hardly any would among so many parameters.
STREAMED = {"/v1/chat/completions", "/v1/completions", "/v1/responses"}
OURS = {"server_error", "internal_error"}
# Of so many requests one has a value in some place that no schema would make up.
HOSTILE_EACH = 4
# schemathesis itself stumbles over a broken URL that an answer repeats.
PLACED = [value for name, value in HOSTILE.items() if name != "a broken URL"]


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """Give a request that is meant to be valid what no schema can say, and some a value that nobody sends in good
    faith: endless digits, long names, deep nesting, other types.
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
    """Name a model that exists, and mostly ask nothing that the parser refuses for reasons that no schema can say."""
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
    """Put one of the hostile values at one place below the model's name, whatever stood there."""
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
    """The status of a stream, and of a response made in the background, is 200 whatever becomes of it."""
    del ctx, case
    kind = response.headers.get("content-type", [""])[0]
    if kind == "text/event-stream":
        lines = response.text.split("\n")  # splitlines would also split at U+2028 and its like inside JSON
        sent = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
    else:
        sent = [json.loads(response.content)] if response.status_code == 200 and kind == "application/json" else []
    for event in sent:
        assert not _faults(event) & OURS, f"Failed inside a success: {event}"
    return None


def _faults(event: dict[str, Any]) -> set[str]:
    """The types and codes of the errors that an answer or an event holds."""
    holders = [event, event.get("error"), (event.get("response") or {}).get("error")]
    found = [holder.get(name) for holder in holders if isinstance(holder, dict) for name in ("type", "code")]
    return {name for name in found if isinstance(name, str)}
