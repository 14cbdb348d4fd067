"""The parsed bodies of the conversation endpoints and of updates of stored objects
(https://platform.openai.com/docs/api-reference/conversations).
"""

from typing import Annotated

from pydantic import ConfigDict, Field

from api.openai.responses.items import Item
from api.openai.responses.options import Include
from api.openai.shared.json_body import parse_json
from api.openai.shared.options import Metadata
from api.openai.shared.request_model import RequestModel
from api.openai.shared.unions import AS_SENT, STOP_AT_FIRST
from api.openai.shared.validation import missing

# OpenAI's limit of items per request.
MAX_CREATED = 20


class ConversationCreate(RequestModel):
    """A new conversation, optionally with its first items."""

    items: Annotated[list[Item], Field(max_length=MAX_CREATED), STOP_AT_FIRST, AS_SENT] | None = None
    metadata: Metadata | None = None


class ItemsCreate(RequestModel):
    """Items to append to a conversation."""

    items: Annotated[list[Item], Field(min_length=1, max_length=MAX_CREATED), STOP_AT_FIRST, AS_SENT]
    include: Include | None = None


class MetadataUpdate(RequestModel):
    """New metadata of a conversation or of a stored chat completion; null removes all metadata."""

    model_config = ConfigDict(json_schema_extra={"required": ["metadata"]})

    metadata: Metadata | None = None


def parse_conversation_create(body: bytes) -> ConversationCreate:
    """Parse the body of a new conversation; an empty body means `{}`. Raises InvalidRequestError."""
    return ConversationCreate.read(body) if body.strip() else ConversationCreate()


def parse_items_create(body: bytes) -> ItemsCreate:
    """Parse the items to append to a conversation. Raises InvalidRequestError."""
    return ItemsCreate.read(body)


def parse_metadata_update(body: bytes) -> MetadataUpdate:
    """Parse new metadata. Raises InvalidRequestError, also without the key `metadata`."""
    given, notes = parse_json(body)
    if "metadata" not in given:
        raise missing("metadata")
    return MetadataUpdate.parse(given, notes=notes)
