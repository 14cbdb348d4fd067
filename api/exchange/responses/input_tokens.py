"""Counting the input tokens of a response without generating it."""

from collections.abc import Mapping
from typing import Any

import orjson

from api.auth.key_settings import refuse_losses
from api.errors import InvalidRequestError
from api.exchange.exchange import Exchange
from api.exchange.planning.plan import resolve_model
from api.exchange.responses.plan import read_input, translate
from api.openai.responses.request import InputTokensRequest


async def count_input_tokens(exchange: Exchange, request: InputTokensRequest) -> int:
    """Return the number of tokens that Gemini counts in the input with its history. The exchange is not recorded:
    counting is free.

    Raises InvalidRequestError without a model, and the errors of planning a response.
    """
    if request.model is None:
        raise InvalidRequestError(
            "Missing required parameter: 'model'.", param="model", code="missing_required_parameter"
        )
    request, profile = resolve_model(request, exchange)
    await exchange.reserve()
    conversation_input = await read_input(exchange, request, profile)
    upstream = await translate(exchange, request, conversation_input)
    refuse_losses(exchange.accounting.caller.policy, (*exchange.accounting.notes, *upstream.notes))
    return await counted(exchange, upstream.body)


async def counted(exchange: Exchange, upstream: Mapping[str, Any]) -> int:
    """Return the number of tokens that Gemini counts in an upstream body (https://ai.google.dev/api/tokens)."""
    accounting = exchange.accounting
    body: dict[str, Any] = {name: value for name, value in upstream.items() if name in _COUNTED}
    if not exchange.services.deployment.vertex:
        body = {"generateContentRequest": {"model": f"models/{accounting.upstream_model}", **body}}
    exchange.admit()
    return await exchange.services.client.count_tokens(
        accounting.upstream_model, lambda: orjson.dumps(body), public_model=accounting.public_model
    )


_COUNTED = frozenset({"contents", "systemInstruction", "tools", "toolConfig", "generationConfig"})
