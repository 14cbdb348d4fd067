"""What a request names by URL: fetched before the translation, or taken from the tree if it was fetched before."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from django.conf import settings

from api.errors import InvalidRequestError
from api.exchange.conversation.context import ConversationContext
from api.exchange.exchange import Exchange
from api.gemini.wire import Blob
from api.media.fetcher import WantedMedia
from api.services import Runtime
from api.translate.media.references import MediaReference, media_references, stored_media
from sessions_store.transcript.reading import sent_contents

Message = Mapping[str, Any]


async def fetch_media(exchange: Exchange, memory: ConversationContext) -> dict[str, Blob]:
    """Return by URL the media of the request's own messages that somebody has to fetch; empty if there are none.

    What an earlier request of the conversation fetched is not fetched again: the URL may have expired since. The
    exchange is counted in before anything is fetched. The bytes are held for it as often as they are named, because so
    often they go upstream. Raises InvalidRequestError naming the part, RateLimitError when the gateway is full. Where
    fetching is off nothing is returned, and the translation says so.
    """
    runtime = exchange.runtime
    references = list(media_references(memory.messages, restored=memory.restored))
    if not references or runtime.media is None:
        return {}
    held = await _stored(runtime, memory, references)
    missing = [
        WantedMedia(reference.url, reference.param, reference.kind)
        for reference in references
        if reference.url not in held
    ]
    if missing:
        exchange.admit()
        held |= await runtime.media.fetch_all(missing)
    exchange.hold_bytes(_size(held, references))
    return held


def _size(held: Mapping[str, Blob], references: Sequence[MediaReference]) -> int:
    """Return how many bytes of media go upstream; raises InvalidRequestError if they are too many."""
    size = 0
    for reference in references:
        size += len(held[reference.url].get("data", "")) if reference.url in held else 0
        # Base64 has 4 characters for 3 bytes.
        if size > settings.MAX_BODY_BYTES * 4 // 3 + 4 * len(held):
            raise InvalidRequestError(
                "The total size of the files in this request is too large. A file counts once for each reference.",
                param=reference.param,
                code="image_file_too_large",
            )
    return size


async def _stored(runtime: Runtime, memory: ConversationContext, references: list[MediaReference]) -> dict[str, Blob]:
    """Return by URL what the tree holds of these very messages."""
    indexes = dict.fromkeys(reference.message for reference in references)
    keys = {memory.keys[index]: memory.messages[index] for index in indexes}
    held: dict[str, Blob] = {}
    for key, text in (await runtime.store.read(sent_contents, memory.principal_id, list(keys))).items():
        held |= stored_media(keys[key], orjson.loads(text))
    return held
