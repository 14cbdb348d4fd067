"""The retry without thought signatures: Gemini now and then calls a valid signature corrupted
(https://ai.google.dev/gemini-api/docs/thought-signatures), which must not end the client's conversation.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from api.errors import GatewayError, InvalidRequestError
from api.exchange.generation import Generation
from api.exchange.running.parallel_calls import PlannedCall
from api.gemini.error_mapping import is_corrupted_signature
from api.notes import Note
from api.translate.conversation.signatures import without_signatures
from api.translate.responses.param_paths import Places

Result = TypeVar("Result")
CallFunction = Callable[[Sequence[PlannedCall]], Awaitable[Result]]


async def call_with_signature_retry(
    generation: Generation, call: CallFunction[Result], calls: Sequence[PlannedCall] | None = None
) -> Result:
    """Make `calls`, all upstream calls of a generation by default; retry once without signatures if Gemini calls one
    corrupted.

    Raises GatewayError; an error of the Responses API names the parameter by its path in the client's request.
    """
    try:
        try:
            return await call(generation.calls if calls is None else calls)
        except InvalidRequestError as error:
            if not is_corrupted_signature(error):
                raise
        _drop_signatures(generation)
        return await call(generation.calls if calls is None else _unsigned(calls))
    except GatewayError as error:
        if generation.accounting.endpoint.startswith("responses"):
            Places().rename(error)
        raise


def _drop_signatures(generation: Generation) -> None:
    generation.unsigned = True
    generation.calls = _unsigned(generation.calls)
    generation.accounting.notes.append(
        Note(
            "dropped",
            "thought_signature",
            "Gemini rejected the signature as corrupted: request repeated without signatures",
        )
    )


def _unsigned(calls: Sequence[PlannedCall]) -> list[PlannedCall]:
    return [replace(call, body=without_signatures(call.body)) for call in calls]
