"""Media that a request names by URL: fetched before the translation, or read from the tree if an earlier request
fetched them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from django.conf import settings

from api.errors import InvalidRequestError
from api.exchange.conversation.context import ConversationContext
from api.exchange.exchange import Exchange
from api.gemini.wire import Blob
from api.media.fetcher import WantedMedia
from api.services import Services
from api.translate.media.references import MediaReference, media_references, stored_media
from sessions_store.transcript.reading import sent_contents

Message = Mapping[str, Any]


async def fetch_media(exchange: Exchange, context: ConversationContext) -> dict[str, Blob]:
    """Return the media of the request's own messages that the gateway has to fetch: URL → content.

    Media of earlier requests of the conversation are read from the tree: their URL may have expired. The exchange is
    admitted before the first download. The hold counts a file as often as the request names it, because it is sent to
    Gemini as often. Raises InvalidRequestError with the parameter, RateLimitError if too many exchanges or downloads
    are open. With MEDIA_FETCH=off or without the policy's `media_fetching` the result is empty, and the translation
    rejects the URL.
    """
    services = exchange.services
    references = list(media_references(context.messages, restored=context.restored))
    if not references or services.media is None or not exchange.accounting.caller.policy.media_fetching:
        return {}
    held = await _stored(services, context, references)
    missing = [
        WantedMedia(reference.url, reference.param, reference.kind)
        for reference in references
        if reference.url not in held
    ]
    if missing:
        exchange.admit()
        held |= await services.media.fetch_all(missing)
    exchange.hold.grow(_size(held, references))
    return held


def _size(held: Mapping[str, Blob], references: Sequence[MediaReference]) -> int:
    """Return the bytes of media sent to Gemini; raises InvalidRequestError if they exceed MAX_BODY_BYTES."""
    size = 0
    for reference in references:
        size += len(held[reference.url].get("data", "")) if reference.url in held else 0
        # Base64 encodes 3 bytes as 4 characters.
        if size > settings.MAX_BODY_BYTES * 4 // 3 + 4 * len(held):
            raise InvalidRequestError(
                "The total size of the files in this request is too large. A file counts once for each reference.",
                param=reference.param,
                code="image_file_too_large",
            )
    return size


async def _stored(
    services: Services, context: ConversationContext, references: list[MediaReference]
) -> dict[str, Blob]:
    """Return the stored media of these messages: URL → content."""
    indexes = dict.fromkeys(reference.message for reference in references)
    keys = {context.keys[index]: context.messages[index] for index in indexes}
    held: dict[str, Blob] = {}
    for key, text in (await services.store.read(sent_contents, context.principal_id, list(keys))).items():
        held |= stored_media(keys[key], orjson.loads(text))
    return held
