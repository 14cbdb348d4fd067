"""What every leaf of one request's translation needs: the model's profile, the tools' names, and where to note."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from api.gemini.wire import Blob
from api.notes import Note, NoteKind
from api.translate.tools.names import ToolNames
from sessions_store.catalogue.model_profile import ModelProfile


@dataclass(slots=True, kw_only=True)
class RequestContext:
    """State of one translation. `names` fills as names are seen, `notes` as things are changed.

    `image_details` collects the `detail` of each image for models that have one resolution for all of them. `fetched`
    holds by URL what was fetched of the web for this request.
    """

    profile: ModelProfile
    names: ToolNames = field(default_factory=ToolNames)
    notes: list[Note] = field(default_factory=list)
    image_details: list[str] = field(default_factory=list)
    fetched: Mapping[str, Blob] = field(default_factory=dict)

    def note(self, kind: NoteKind, param: str, reason: str) -> None:
        """Record one change; `reason` never holds text of the client's."""
        self.notes.append(Note(kind, param, reason))
