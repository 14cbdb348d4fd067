"""The context of one request's translation: the model's profile, the tool names, and the notes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from api.gemini.wire import Blob
from api.notes import Note, NoteKind
from api.translate.tools.names import ToolNames
from sessions_store.catalogue.model_profile import ModelProfile


@dataclass(slots=True, kw_only=True)
class RequestContext:
    """State of one translation: `names` and `notes` are filled on the way.

    `image_details` collects the `detail` of each image for models with one resolution for all images. `fetched` maps a
    URL to its fetched content.
    """

    profile: ModelProfile
    names: ToolNames = field(default_factory=ToolNames)
    notes: list[Note] = field(default_factory=list)
    image_details: list[str] = field(default_factory=list)
    fetched: Mapping[str, Blob] = field(default_factory=dict)

    def note(self, kind: NoteKind, param: str, reason: str) -> None:
        """Record one change; `reason` never contains text of the client."""
        self.notes.append(Note(kind, param, reason))
