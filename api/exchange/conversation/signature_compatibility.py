"""Compatibility of thought signatures: they are valid for the model family that made them, and maybe for its account
only (rules 34, 35). The policy selects the parts of a stored content that another model or account may receive.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from api.gemini.wire import Content
from api.notes import Note
from api.translate.conversation.signatures import unsigned
from sessions_store.transcript.stored_messages import Face


@dataclass(slots=True)
class Fit:
    """The model `family` and `account` of this request. Signatures that are dropped are added to `notes`."""

    family: str
    account: str
    family_of: Callable[[str], str]
    notes: list[Note]

    def best(self, faces: Sequence[Face]) -> Face:
        """Return the newest variant that can be sent with its signatures, else the newest one."""
        return next((face for face in faces if not self._misfit(face)), faces[0])

    def fitted(self, content: Content, face: Face, path: str) -> Content:
        """Return the part of `content`, the content of `face`, that may be sent; `path` names the message in notes."""
        reason = self._misfit(face)
        bare = unsigned(content) if reason else content
        if bare is not content:
            self.notes.append(Note("dropped", f"{path}.thought_signature", reason))
        return bare

    def _misfit(self, face: Face) -> str:
        """Return the reason why the signatures of a variant are not valid here, "" if they are."""
        if face.model and self.family_of(face.model) != self.family:
            return "written by another model family"
        if face.account and face.account != self.account:
            return "written under another Gemini account"
        return ""
