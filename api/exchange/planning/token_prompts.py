"""Prompts sent as token ids, decoded to text in a thread: the vocabulary may have to be loaded first."""

import asyncio

from api.exchange.accounting import Accounting
from api.notes import Note
from api.openai.completions.request import CompletionRequest
from api.openai.completions.token_ids import decode_prompts


async def in_text(request: CompletionRequest, accounting: Accounting) -> CompletionRequest:
    """Return the request with token ids decoded to text; a request with text is returned unchanged.

    Raises InvalidRequestError for ids that are not in the vocabulary.
    """
    if not request.token_prompts:
        return request
    decoded = await asyncio.to_thread(decode_prompts, request.token_prompts, accounting.public_model)
    if decoded.mended:
        accounting.notes.append(Note("converted", "prompt", "bytes that are not UTF-8 are replaced by U+FFFD"))
    return request.with_texts(decoded.texts)
