"""The place of one request in the transcript tree, and the stored contents of its messages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from api.gemini.wire import Content
from api.translate.request.upstream_call import RememberedMessage
from sessions_store.state.chat_sessions import SessionState
from sessions_store.transcript.canonical import Key
from sessions_store.transcript.stored_messages import Face, StoredMessage

JsonDict = dict[str, Any]
_DROPPED: Final = RememberedMessage(message={}, content=None)


@dataclass(slots=True)
class SessionKey:
    """A session of a user: the `user` field and `X-Session-Id`; at least one of them is not empty."""

    user: str
    name: str


@dataclass(slots=True)
class ConversationContext:
    """The conversation of one request, or of one of several prompts.

    - `keys`: the nodes of the request's own messages; the first `known` of them are stored already.
    - `before`: the session's messages in front of them, the system messages in force first (`systems` are their keys);
      `path` is the part of the stored session that they come from.
    - `restored`: message index → stored Gemini content; `makers`: message index → its source variant, if it is sent
      unmodified.
    - `head`: the node that a response's conversation continues from; the request's messages become its descendants.
    - `changed`: `messages` differ from what the client sent.
    - `in_tree`: node key → stored Gemini content as JSON, for assistant messages, and for tool results if the client
      made the calls; the content sent may be another form of it.
    - `read_size`: the bytes of stored conversation that are sent to Gemini.
    """

    principal_id: int
    messages: list[JsonDict]
    keys: list[Key]
    session: SessionKey | None = None
    state: SessionState | None = None
    path: Sequence[StoredMessage] = ()
    public_id: str = ""
    continued: bool = False
    known: int = 0
    before: list[RememberedMessage] = field(default_factory=list)
    systems: list[Key] = field(default_factory=list)
    restored: dict[int, Content] = field(default_factory=dict)
    makers: dict[int, Face] = field(default_factory=dict)
    head: Key | None = None
    changed: bool = False
    in_tree: dict[Key, str] = field(default_factory=dict)
    read_size: int = 0

    @property
    def parent(self) -> Key | None:
        """The parent node of the request's first message."""
        return self.state.head if self.continued and self.state is not None else self.head

    def drop_content(self) -> None:
        """Drop the contents; keep the number of messages in `before`."""
        self.messages, self.restored, self.makers, self.path = [], {}, {}, ()
        self.before = [_DROPPED] * len(self.before)
