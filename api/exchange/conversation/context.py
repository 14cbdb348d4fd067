"""The place of one request in the transcript tree, and the stored contents of its messages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from api.gemini.wire import Content
from api.translate.request.upstream_call import HistoryMessage
from sessions_store.state.chat_sessions import SessionState
from sessions_store.transcript.canonical import NodeKey
from sessions_store.transcript.stored_messages import StoredContent, StoredMessage

JsonDict = dict[str, Any]
_DROPPED: Final = HistoryMessage(message={}, content=None)


@dataclass(slots=True)
class SessionKey:
    """A session of a user: the `user` field and `X-Session-Id`; at least one of them is not empty."""

    user: str
    name: str


@dataclass(slots=True)
class ConversationContext:
    """The conversation of one request, or of one of several prompts.

    - `keys`: the nodes of the request's own messages; the first `stored_count` of them are stored already.
    - `history`: the session's messages in front of them, the system messages in force first (`systems` are their keys);
      `path` is the part of the stored session that they come from.
    - `restored`: message index → stored Gemini content; `provenance`: message index → its source variant, if it is sent
      unmodified.
    - `head`: the node that a response's conversation continues from; the request's messages become its descendants.
    - `changed`: `messages` differ from what the client sent.
    - `in_tree`: node key → stored Gemini content as JSON, for assistant messages, and for tool results if the client
      made the calls; the content sent may be another form of it.
    - `read_size`: the bytes of stored conversation that are sent to Gemini.
    """

    principal_id: int
    messages: list[JsonDict]
    keys: list[NodeKey]
    session: SessionKey | None = None
    state: SessionState | None = None
    path: Sequence[StoredMessage] = ()
    public_id: str = ""
    continued: bool = False
    stored_count: int = 0
    history: list[HistoryMessage] = field(default_factory=list)
    systems: list[NodeKey] = field(default_factory=list)
    restored: dict[int, Content] = field(default_factory=dict)
    provenance: dict[int, StoredContent] = field(default_factory=dict)
    head: NodeKey | None = None
    changed: bool = False
    in_tree: dict[NodeKey, str] = field(default_factory=dict)
    read_size: int = 0

    @property
    def parent(self) -> NodeKey | None:
        """The parent node of the request's first message."""
        return self.state.head if self.continued and self.state is not None else self.head

    def drop_content(self) -> None:
        """Drop the contents; keep the number of messages in `history`."""
        self.messages, self.restored, self.provenance, self.path = [], {}, {}, ()
        self.history = [_DROPPED] * len(self.history)
