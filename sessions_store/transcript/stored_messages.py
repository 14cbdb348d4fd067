"""A message as the transcript tree stores it: OpenAI's form of it, and Gemini's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sessions_store.transcript.canonical import Key, NodeId


class Face(NamedTuple):
    """A message in Gemini's form: the content as JSON ("" if there is none), the upstream model that made it and the
    account that signed it, both "" for what a client sent.
    """

    gemini: str
    model: str
    account: str


@dataclass(slots=True, kw_only=True)
class StoredMessage:
    """One stored turn: OpenAI's message as JSON, its size in tokens, and its Gemini faces, the newest first. There are
    two where models of two families gave the same answer.
    """

    id: NodeId
    key: Key
    role: str
    openai: str
    tokens: int
    faces: Sequence[Face]

    @property
    def size(self) -> int:
        """The length of its texts."""
        return len(self.openai) + sum(len(face.gemini) for face in self.faces)
