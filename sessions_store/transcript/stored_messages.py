"""A stored message of the transcript tree in both forms, OpenAI's and Gemini's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sessions_store.transcript.canonical import NodeId, NodeKey


class StoredContent(NamedTuple):
    """A message in Gemini's form.

    `gemini`: the content as JSON, "" if none. `model`, `account`: the upstream model that generated the content and the
    account that signed it, both "" for a client's message.
    """

    gemini: str
    model: str
    account: str


@dataclass(slots=True, kw_only=True)
class StoredMessage:
    """One stored message: OpenAI's form as JSON, its size in tokens, and its Gemini contents, newest first.

    There are two contents if models of two families generated the same assistant message.
    """

    id: NodeId
    key: NodeKey
    role: str
    openai: str
    tokens: int
    contents: Sequence[StoredContent]

    @property
    def size(self) -> int:
        """The length of its texts in characters."""
        return len(self.openai) + sum(len(content.gemini) for content in self.contents)
