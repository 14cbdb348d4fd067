"""Thought signatures hold for the family of the model that made them, and may hold for its account only (rules 34, 35):
what of a stored answer another model, or another account, is sent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from api.gemini.wire import Content
from api.notes import Note
from api.translate.conversation.signatures import unsigned
from sessions_store.transcript.stored_messages import Face


@dataclass(slots=True)
class Fit:
    """Who is asked now: a model of `family` under `account`. What of a stored answer it is not sent goes to `notes`."""

    family: str
    account: str
    family_of: Callable[[str], str]
    notes: list[Note]

    def best(self, faces: Sequence[Face]) -> Face:
        """Return the newest face that can be sent whole, or the newest one."""
        return next((face for face in faces if not self._misfit(face)), faces[0])

    def fitted(self, content: Content, face: Face, path: str) -> Content:
        """Return what of `content`, which `face` holds, may be sent; `path` names the message."""
        reason = self._misfit(face)
        bare = unsigned(content) if reason else content
        if bare is not content:
            self.notes.append(Note("dropped", f"{path}.thought_signature", reason))
        return bare

    def _misfit(self, face: Face) -> str:
        """Return why the signatures of a face do not hold here, or ""."""
        if face.model and self.family_of(face.model) != self.family:
            return "written by another model family"
        if face.account and face.account != self.account:
            return "written under another Gemini account"
        return ""
