"""Counting the tokens of a response's input without asking for one."""

from collections.abc import Mapping
from typing import Any

import orjson

from api.errors import InvalidRequestError
from api.exchange.exchange import Exchange
from api.exchange.plan import Asker, resolve_model
from api.exchange.responses.plan import new_exchange, read_turns, translate
from api.openai.responses_request import InputTokensRequest
from api.runtime import Runtime


async def count_input_tokens(runtime: Runtime, request: InputTokensRequest, asker: Asker) -> int:
    """Return how many tokens Gemini counts in the input with all that goes before it. Nothing is recorded: it is free.

    Raises InvalidRequestError without a model, and what planning a response raises.
    """
    if request.model is None:
        raise InvalidRequestError(
            "Missing required parameter: 'model'.", param="model", code="missing_required_parameter"
        )
    exchange = new_exchange(request, asker, "responses.input_tokens")
    request, profile = resolve_model(request, exchange)
    turns = await read_turns(runtime, request, exchange, profile)
    try:
        upstream = await translate(runtime, request, turns)
    finally:
        turns.context.release()
    return await counted(runtime, exchange, upstream.body)


async def counted(runtime: Runtime, exchange: Exchange, upstream: Mapping[str, Any]) -> int:
    """Return how many tokens Gemini counts in the body of an exchange's call."""
    body: dict[str, Any] = {name: value for name, value in upstream.items() if name in _COUNTED}
    if not runtime.deployment.vertex:
        body = {"generateContentRequest": {"model": f"models/{exchange.upstream_model}", **body}}
    runtime.enter()
    try:
        return await runtime.client.count_tokens(
            exchange.upstream_model, lambda: orjson.dumps(body), asked_as=exchange.public_model
        )
    finally:
        runtime.leave()


_COUNTED = frozenset({"contents", "systemInstruction", "tools", "toolConfig", "generationConfig"})
