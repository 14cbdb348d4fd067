"""Prompts that came as token ids, made text in a thread: a vocabulary may have to be read first."""

import asyncio

from api.exchange.accounting import Accounting
from api.notes import Note
from api.openai.completions.request import CompletionRequest
from api.openai.completions.token_ids import decode_prompts


async def in_text(request: CompletionRequest, accounting: Accounting) -> CompletionRequest:
    """Return the request with its token ids as text, as it is if it came in text. Raises InvalidRequestError."""
    if not request.token_prompts:
        return request
    decoded = await asyncio.to_thread(decode_prompts, request.token_prompts, accounting.public_model)
    if decoded.mended:
        accounting.notes.append(Note("converted", "prompt", "bytes that are not UTF-8 are replaced by U+FFFD"))
    return request.with_texts(decoded.texts)
