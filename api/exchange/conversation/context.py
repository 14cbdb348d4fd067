"""One request's place in the transcript tree, and what the tree knows of its messages."""

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
    """Which session of which user: the `user` field and `X-Session-Id`, both may be empty but not both."""

    user: str
    name: str


@dataclass(slots=True)
class ConversationContext:
    """The conversation of one request, or of one prompt of several.

    `keys` are those of the request's own messages; `known` of them stand in the tree already. `before` are the
    session's messages that go before them, the system messages in force first (`systems` are their keys); `path`
    is the stored end of the session that they were taken from. `restored` maps an index in the request to the stored
    Gemini content, `makers` to its source variant if that is sent unmodified. `head` is where a response's conversation
    stands: there the request's messages hang. `changed` says that `messages` are not quite what the client sent.
    `in_tree` has the Gemini contents that the tree holds of answers, and of results where the client made the calls, as
    JSON: what is sent may be another spelling of the same. `read_size` is how many bytes of the stored conversation go
    upstream.
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
        """The node that the request's first message hangs under."""
        return self.state.head if self.continued and self.state is not None else self.head

    def drop_content(self) -> None:
        """Drop the texts; how many messages were remembered stays known."""
        self.messages, self.restored, self.makers, self.path = [], {}, {}, ()
        self.before = [_DROPPED] * len(self.before)
