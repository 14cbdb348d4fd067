"""The retry without thought signatures: Gemini now and then calls a valid signature corrupted
(https://ai.google.dev/gemini-api/docs/thought-signatures), which must not end the client's conversation.
"""

from collections.abc import Awaitable, Callable, Sequence
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
    generation: Generation, call: CallFunction[Result], numbers: Sequence[int] | None = None
) -> Result:
    """Make the upstream calls of a generation, all or those in `numbers`; retry once without signatures if Gemini calls
    one corrupted.

    Raises GatewayError; an error of the Responses API names the parameter by its path in the client's request.
    """
    try:
        try:
            return await _call(generation, call, numbers)
        except InvalidRequestError as error:
            if not is_corrupted_signature(error):
                raise
        _drop_signatures(generation)
        return await _call(generation, call, numbers)
    except GatewayError as error:
        if generation.accounting.endpoint.startswith("responses"):
            Places().rename(error)
        raise


def _call(generation: Generation, call: CallFunction[Result], numbers: Sequence[int] | None) -> Awaitable[Result]:
    calls = generation.calls if numbers is None else [generation.calls[number] for number in numbers]
    generation.accounting.attempts += len(calls)
    return call(calls)


def _drop_signatures(generation: Generation) -> None:
    generation.unsigned = True
    generation.calls = [
        PlannedCall(without_signatures(call.body), call.first_choice, call.choices) for call in generation.calls
    ]
    generation.accounting.notes.append(
        Note(
            "dropped",
            "thought_signature",
            "Gemini rejected the signature as corrupted: request repeated without signatures",
        )
    )
