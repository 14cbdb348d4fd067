"""Text fields of a history that clients fill with JSON: a call's arguments, a tool's result.

An agent resends its history with every request, so a value or part of another type must not fail the request. The value
becomes text before validation, and a note names its path.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from api.notes import Note, NoteKind

AS_JSON: Final = "not a string: JSON text used"
NOTHING: Final = "null: empty text used"
OTHER_NAME: Final = "part type of OpenAI's other API"
THOUGHT: Final = "reasoning is not sent to Gemini as text"
_THOUGHTS: Final = frozenset({"thinking", "redacted_thinking", "reasoning", "reasoning_text", "summary_text"})
# Media parts are rejected by name where they are not supported: as text they would be base64.
_MEDIA: Final = frozenset({"video_url", "input_audio", "input_file", "file", "image", "audio", "video", "resource"})
_TEXTS: Final = frozenset({"text", "input_text", "output_text"})


@dataclass(slots=True)
class Written:
    """A change: the object, the changed field or part, and the kind of change."""

    owner: dict[str, Any]
    place: str
    reason: str
    kind: NoteKind = "converted"


@dataclass(frozen=True, slots=True)
class AsText:
    """Converts `field` of an object to text if it holds another type.

    `parts` are the part types allowed in a list there. `image` is the type of an image part. Images and texts of the
    other API change their type, thoughts are dropped, and parts unknown to OpenAI's APIs become JSON text. pydantic's
    context must be a list, which collects the changes.
    """

    field: str
    parts: frozenset[str] = frozenset()
    image: str = ""
    values: bool = True  # whether values other than parts are converted; else only null, where null is not allowed
    null_stays: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Convert before the object's own schema validates."""
        return core_schema.with_info_before_validator_function(self._write, handler(source))

    def looks_at(self, value: dict[str, Any]) -> bool:
        """Return whether the field of `value` may be converted."""
        return True

    def _write(self, value: Any, info: core_schema.ValidationInfo) -> Any:
        if type(value) is not dict or not self.looks_at(value):
            return value
        held = value.get(self.field, "")
        if type(held) is str or (held is None and self.null_stays):
            return value
        written: list[Written] = []
        if self.parts and type(held) is list:
            value[self.field] = self._parts(held, value, written)
        elif held is None or self.values:
            value[self.field] = "" if held is None else orjson.dumps(held).decode()
            written.append(Written(value, self.field, NOTHING if held is None else AS_JSON))
        if info.context is not None:
            info.context.extend(written)
        return value

    def _parts(self, parts: list[Any], owner: dict[str, Any], written: list[Written]) -> list[Any] | str:
        """Return the parts in allowed types; a list without parts becomes JSON text."""
        kinds = [_kind(part) for part in parts]
        if all(kind in self.parts for kind in kinds):
            return parts
        if not any(kinds):
            if not self.values:
                return parts
            written.append(Written(owner, self.field, AS_JSON))
            return orjson.dumps(parts).decode()
        taken: list[Any] = []
        for index, (part, kind) in enumerate(zip(parts, kinds, strict=True)):
            place = f"{self.field}[{index}]"
            if kind in _THOUGHTS:
                written.append(Written(owner, place, THOUGHT, "dropped"))
            elif kind in self.parts or kind in _MEDIA:
                taken.append(part)
            else:
                taken.append(self._part(part, Written(owner, place, OTHER_NAME), written))
        return taken

    def _part(self, part: Any, change: Written, written: list[Written]) -> dict[str, Any]:
        written.append(change)
        kind = _kind(part)
        if kind in _TEXTS and type(part.get("text")) is str:
            return {"type": "text", "text": part["text"]}
        if self.image and kind in ("image_url", "input_image") and "image_url" in part:
            return {"type": self.image, "image_url": part["image_url"]}
        change.reason = AS_JSON
        return {"type": "text", "text": part if type(part) is str else orjson.dumps(part).decode()}


def notes_of(written: Sequence[Written], body: Mapping[str, Any]) -> Iterator[Note]:
    """Yield a note for each change of `body`, in the order of their paths."""
    changes: dict[int, list[Written]] = {}
    for one in written:
        changes.setdefault(id(one.owner), []).append(one)
    waiting: list[tuple[str, Any]] = [(name, body[name]) for name in reversed(list(body))]
    while waiting and changes:
        path, node = waiting.pop()
        if type(node) is dict:
            for one in changes.pop(id(node), ()):
                yield Note(one.kind, f"{path}.{one.place}", one.reason)
            waiting += [(f"{path}.{name}", node[name]) for name in reversed(node)]
        elif type(node) is list:
            waiting += [(f"{path}[{index}]", node[index]) for index in reversed(range(len(node)))]


def _kind(part: Any) -> str:
    """Return a part's type; "" without one."""
    kind = part.get("type") if type(part) is dict else None
    return kind if type(kind) is str else ""
