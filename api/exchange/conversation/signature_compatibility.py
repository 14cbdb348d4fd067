"""Compatibility of thought signatures: they are valid for the model family that made them, and maybe for its account
only (rules 34, 35). The policy selects the parts of a stored content that another model or account may receive.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from api.gemini.wire import Content
from api.notes import Note
from api.translate.conversation.signatures import unsigned
from sessions_store.transcript.stored_messages import StoredContent


@dataclass(slots=True)
class SignaturePolicy:
    """The model `family` and `account` of this request. Signatures that are dropped are added to `notes`."""

    family: str
    account: str
    family_of: Callable[[str], str]
    notes: list[Note]

    def best(self, contents: Sequence[StoredContent]) -> StoredContent:
        """Return the newest variant that can be sent with its signatures, else the newest one."""
        return next((source for source in contents if not self._mismatch(source.model, source.account)), contents[0])

    def apply(self, content: Content, source: StoredContent, path: str) -> Content:
        """Return the part of `content`, the content of `source`, that may be sent; `path` names the message in
        notes.
        """
        reason = self._mismatch(source.model, source.account)
        bare = unsigned(content) if reason else content
        if bare is not content:
            self.notes.append(Note("dropped", f"{path}.thought_signature", reason))
        return bare

    def accepts(self, *, model: str, account: str, path: str) -> bool:
        """Whether a signature of that model and account may be sent; a refused one is noted for `path`."""
        reason = self._mismatch(model, account)
        if reason:
            self.notes.append(Note("dropped", f"{path}.thought_signature", reason))
        return not reason

    def _mismatch(self, model: str, account: str) -> str:
        """Return the reason why the signatures of a model and account are not valid here, "" if they are."""
        if model and self.family_of(model) != self.family:
            return "written by another model family"
        if account and account != self.account:
            return "written under another Gemini account"
        return ""
