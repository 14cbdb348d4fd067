"""A conversation to Gemini's `contents` and `systemInstruction`: order and merging of the messages.

`messages` translates single messages; this module applies the rules between messages: Gemini's roles alternate, results
directly follow their calls in one content, and the last content is the user's (rules 1 to 15).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from api.gemini.wire import Content, Part
from api.translate.conversation.call_id_fields import without_ids
from api.translate.conversation.messages import (
    Message,
    assistant_to_content,
    call_count,
    later_system_to_content,
    loose_result_to_content,
    missing_result_to_content,
    open_calls,
    result_to_content,
    system_to_parts,
    user_to_content,
)
from api.translate.conversation.pairing import Pairing
from api.translate.conversation.parts import BLANK
from api.translate.conversation.signatures import first_unsigned_call, with_skip_value
from api.translate.conversation.speakers import note_speaker, set_apart, speaker, with_speaker
from api.translate.conversation.tool_calls import CallBatch, OpenCall
from api.translate.media.stored import has_same_images, without_speech
from api.translate.media.tool_results import placed_media, separated
from api.translate.request.context import RequestContext
from api.translate.request.upstream_call import OMITTED, SYSTEM, RememberedMessage
from sessions_store.transcript.values import INSTRUCTION_ROLES, RESULT_ROLES

T = TypeVar("T")
Kind = Literal["system", "user", "model", "results", "nothing"]


@dataclass(slots=True, kw_only=True)
class Assembly:
    """The conversation in Gemini's form; `faces` and `placement` are defined in UpstreamCall."""

    contents: list[Content]
    system: list[Part]
    faces: list[Content | None]
    placement: list[int]


@dataclass(slots=True)
class _Turn:
    """One message on its way to `contents`: its kind and its Gemini content, None if omitted.

    `message` is False for an added content; `named` tells that the message has a `name`.
    """

    kind: Kind
    face: Content | None
    path: str = ""
    position: int = 0
    message: bool = True
    named: bool = False


def assemble_contents(
    messages: Sequence[Message],
    *,
    remembered: Sequence[RememberedMessage],
    restored: Mapping[int, Content],
    context: RequestContext,
    one_history: bool = False,
    pairing: Pairing | None = None,
) -> Assembly:
    """Return the conversation of the remembered messages and the request's messages, in this order.

    `restored` maps indices in `messages` to stored contents of assistant messages. The request's own system messages
    replace remembered ones, unless both are `one_history`: then each stays at its position. With a `pairing` of all
    messages, results move behind their calls, and none is rejected. Raises InvalidRequestError naming the invalid
    message.
    """
    conversation = _Conversation(context)
    if pairing is not None:
        _add_paired(conversation, pairing, (remembered, messages), restored)
        return conversation.finish(skip=len(remembered), order=pairing.order if pairing.moved else None)
    roles = {message["role"] for message in messages}
    own_system = not INSTRUCTION_ROLES.isdisjoint(roles)
    for index, item in enumerate(remembered):
        conversation.add_remembered(item, path=f"remembered[{index}]", system=one_history or not own_system)
    conversation.begin_request(leads=not (one_history and remembered))
    if own_system and roles <= INSTRUCTION_ROLES:
        conversation.add_only_system(messages)
    else:
        for index, message in enumerate(messages):
            conversation.add(message, path=f"messages[{index}]", stored=restored.get(index))
    return conversation.finish(skip=len(remembered))


def _add_paired(
    conversation: "_Conversation",
    pairing: Pairing,
    said: tuple[Sequence[RememberedMessage], Sequence[Message]],
    restored: Mapping[int, Content],
) -> None:
    """Add the remembered messages and the request's messages in the order of a pairing."""
    remembered, messages = said
    only_system = bool(messages) and all(message["role"] in INSTRUCTION_ROLES for message in messages)
    if pairing.moved:
        conversation.note_moved()
    for place in pairing.order:
        index = place - len(remembered)
        if index >= 0 and only_system:
            conversation.add_only_system(messages)
            return
        path = f"messages[{index}]" if index >= 0 else f"remembered[{place}]"
        message = messages[index] if index >= 0 else remembered[place].message
        stored = restored.get(index) if index >= 0 else remembered[place].content
        if message["role"] in RESULT_ROLES:
            conversation.add_paired_result(message, path=path, stored=stored, pairing=pairing, place=place)
        elif index >= 0:
            conversation.add(message, path=path, stored=stored)
        else:
            conversation.add_remembered(remembered[place], path=path, system=True)


class _Conversation:
    """Collects the entries of a conversation.

    `_leading` is True while only system messages have been added, `_batch` has the calls without a result, `_called`
    tells whether there were any calls.
    """

    def __init__(self, context: RequestContext) -> None:
        self._context = context
        self._turns: list[_Turn] = []
        self._batch = CallBatch()
        self._leading = True
        self._called = False
        self._restored = 0

    def begin_request(self, *, leads: bool) -> None:
        """Begin the request's messages; its first system messages become `systemInstruction` if `leads`."""
        self._leading = self._leading or leads

    def add_remembered(self, item: RememberedMessage, *, path: str, system: bool) -> None:
        """Add a stored message; a stored system message only if `system`."""
        message = item.message
        if message["role"] not in INSTRUCTION_ROLES:
            restored = self._restored
            self.add(message, path=path, stored=item.content)
            self._restored = restored  # counts the request's messages only
        elif not system:
            self._turns.append(_Turn("nothing", None))
        elif item.content is not None:
            kind: Kind = "system" if item.content.get("role") == "system" else "user"
            self._turns.append(_Turn(kind, item.content))
        else:
            self._add_system(message, path)

    def add_only_system(self, messages: Sequence[Message]) -> None:
        """Add a request with system messages only: they become the user's content (rule 3)."""
        self._close_batch()
        self._context.note("converted", "messages", "only system messages: sent as user text")
        for index, message in enumerate(messages):
            parts = system_to_parts(message, path=f"messages[{index}]", context=self._context)
            self._say("user", {"role": "user", "parts": parts} if parts else None, message, "")

    def add(self, message: Message, *, path: str, stored: Content | None) -> None:
        """Add one message; `stored` is its stored Gemini content, if any."""
        role = message["role"]
        if role in INSTRUCTION_ROLES:
            self._add_system(message, path)
            return
        self._leading = False
        if role == "user":
            self._close_batch()
            face = stored or user_to_content(message, path=path, context=self._context)
            if stored is None:
                self._say("user", face, message, path)
            else:
                self._turns.append(_Turn("user", face, path, named=bool(speaker(message))))
        elif role == "assistant":
            self._add_assistant(message, path, stored)
        else:
            self._add_result(message, path, stored)

    def _add_system(self, message: Message, path: str) -> None:
        if self._leading:
            parts = system_to_parts(message, path=path, context=self._context)
            self._say("system", {"role": "system", "parts": parts} if parts else None, message, path)
            return
        self._close_batch()
        face = later_system_to_content(message, path=path, context=self._context)
        self._turns.append(_Turn("user" if face else "nothing", face, path))

    def _say(self, kind: Kind, face: Content | None, message: Message, path: str, *, fresh: bool = True) -> None:
        """Add an entry.

        A line break separates it from its neighbour if one of them has a name (not for an unnamed stored content).
        """
        named = "name" in message and bool(speaker(message))
        before = self._turns[-1] if self._turns else None
        if face and before and before.kind == kind and (named or (fresh and before.named)):
            face = set_apart(face)
        self._turns.append(_Turn(kind if face else "nothing", face, path, named=named))

    def _add_assistant(self, message: Message, path: str, stored: Content | None) -> None:
        """Add an assistant message; a message without calls leaves earlier calls open (rule 15)."""
        calls = call_count(message)
        if calls or self._batch.begun:
            self._close_batch()
        face = self._stored_face(message, stored, calls, path)
        fresh = face is None
        if face is None:
            face = assistant_to_content(message, path=path, context=self._context)
        else:
            self._restored += 1
        face = self._silent(face, path) if face else None
        if face and message.get("name"):
            note_speaker(message, path=path, context=self._context)
            face = with_speaker(message, face)
        self._say("model", face, message, path, fresh=fresh)
        if face and calls:
            self._called = True
            self._batch.open(open_calls(message, face))

    def _stored_face(self, message: Message, stored: Content | None, calls: int, path: str) -> Content | None:
        """Return the stored content if it matches the message, with ids only where the model accepts them (rule 19)."""
        if stored is None or not stored.get("parts"):
            return None
        if sum("functionCall" in part for part in stored["parts"]) != calls:
            self._context.note("dropped", path, "stored Gemini content has different tool calls: not used")
            return None
        if not has_same_images(message, stored):
            self._context.note("dropped", path, "stored Gemini content has different images: not used")
            return None
        return stored if self._context.profile.function_call_ids else without_ids(stored)

    def _silent(self, face: Content, path: str) -> Content | None:
        """Return a model content without its audio, None if no part is left."""
        silent = without_speech(face)
        if silent is not face:
            self._context.note("dropped", f"{path}.audio", "audio of earlier messages is not sent to Gemini")
        return silent if silent["parts"] else None

    def _add_result(self, message: Message, path: str, stored: Content | None) -> None:
        if message["role"] == "tool":
            call = self._batch.answer(message["tool_call_id"], path=path)
        else:
            call = self._batch.answer_by_name(message["name"], path=path)
        self._answer(message, call, path, stored)

    def add_paired_result(
        self, message: Message, *, path: str, stored: Content | None, pairing: Pairing, place: int
    ) -> None:
        """Add a result with known pairing; a result without a call becomes text."""
        self._leading = False
        if place in pairing.answers:
            if stored is not None and not any("functionResponse" in part for part in stored["parts"]):
                stored = None  # sent without a call before
            self._answer(message, self._batch.answer_at(pairing.answers[place]), path, stored)
            return
        if pairing.repeats.get(place):
            self._context.note("dropped", path, "repeated result of the same tool call")
            self._turns.append(_Turn("nothing", None))
            return
        self._close_batch()
        why = "second result of a tool call" if place in pairing.repeats else "result without a tool call"
        self._context.note("converted", path, f"{why}: sent as marked user text")
        face = loose_result_to_content(message, path=path, context=self._context)
        self._turns.append(_Turn("user", face, path))

    def note_moved(self) -> None:
        """Note that results were moved."""
        self._context.note("converted", "messages", "results moved to their tool calls")

    def _answer(self, message: Message, call: OpenCall, path: str, stored: Content | None) -> None:
        if stored is None:
            face = result_to_content(message, call, path=path, context=self._context)
        else:
            face = stored if self._context.profile.function_call_ids else without_ids(stored)
            face = placed_media(face, path=path, context=self._context)
        self._turns.append(_Turn("results", face, path, call.position))

    def _close_batch(self) -> None:
        """End the open batch: a call without a result gets an error result."""
        missing = self._batch.close()
        if not missing:
            return
        self._context.note("added", "messages", f"placeholder results for {len(missing)} tool calls without a result")
        self._turns += [
            _Turn("results", missing_result_to_content(call), position=call.position, message=False) for call in missing
        ]

    def finish(self, *, skip: int, order: Sequence[int] | None = None) -> Assembly:
        """Return the assembled conversation, without the contents of the first `skip` messages, the remembered ones.

        `order` lists the positions of the messages in the order of addition, if it differs from their own.
        """
        if self._batch.begun:
            self._close_batch()
        self._drop_trailing_model_turns()
        if self._called and self._context.profile.signatures:
            self._add_skip_values()
        if self._restored:
            self._context.note(
                "restored", "messages", f"{self._restored} assistant messages replaced by the stored Gemini content"
            )
        contents, system, placement = self._merge()
        faces = [turn.face for turn in self._turns if turn.message]
        if order is not None:
            faces, placement = _in_place(faces, order), _in_place(placement, order)
        return Assembly(contents=contents, system=system, faces=faces[skip:], placement=placement)

    def _drop_trailing_model_turns(self) -> None:
        """Drop trailing model contents, because current models do not continue one (rule 6)."""
        for turn in reversed(self._turns):
            if turn.kind in {"user", "results"}:
                return
            if turn.kind == "model":
                turn.kind, turn.face = "nothing", None
                self._context.note("dropped", turn.path, "Gemini does not support continuing an assistant message")

    def _add_skip_values(self) -> None:
        """Add the skip value to the first call of each unsigned model content since the last user text (rules 28, 30).

        A user content without text is no user text: directly after results it counts as a part of them.
        """
        for turn in reversed(self._turns):
            if turn.kind == "user" and turn.face and any(part.get("text", "").strip() for part in turn.face["parts"]):
                return
            index = first_unsigned_call(turn.face) if turn.kind == "model" and turn.face else None
            if index is not None and turn.face:
                turn.face = with_skip_value(turn.face, index)
                self._context.note(
                    "added", turn.path, "placeholder signature for tool calls without a thought signature"
                )

    def _merge(self) -> tuple[list[Content], list[Part], list[int]]:
        """Return contents, system parts and placement; adjacent entries of one kind are merged (rules 5 and 12)."""
        system: list[Part] = []
        placement: list[int] = []
        groups: list[list[_Turn]] = []
        for turn in self._turns:
            place = OMITTED
            if turn.kind == "system" and turn.face:
                system += turn.face["parts"]
                place = SYSTEM
            elif turn.face:
                if not groups or groups[-1][0].kind != turn.kind:
                    groups.append([])
                groups[-1].append(turn)
                place = len(groups) - 1
            if turn.message:
                placement.append(place)
        contents, starts = _joined_groups(groups)
        placement = [starts[place] if place >= 0 else place for place in placement]
        if not contents or _begins_with_call(contents[0]):
            self._context.note("added", "messages", "blank user content: Gemini requires user content first")
            contents.insert(0, {"role": "user", "parts": [BLANK]})
            placement = [place + 1 if place >= 0 else place for place in placement]
        return contents, system, placement


def _in_place(values: Sequence[T], order: Sequence[int]) -> list[T]:
    """Return the values, given in another order, by position."""
    by_place = dict(zip(order, values, strict=True))
    return [by_place[place] for place in range(len(values))]


def _joined_groups(groups: list[list[_Turn]]) -> tuple[list[Content], list[int]]:
    """Return the contents, and the first index of each group: results with media become two contents."""
    contents: list[Content] = []
    starts: list[int] = []
    for group in groups:
        starts.append(len(contents))
        joined = _joined(group)
        contents += separated(joined) if group[0].kind == "results" else [joined]
    return contents, starts


def _joined(group: list[_Turn]) -> Content:
    """Return one content of adjacent entries; results in the order of their calls (rule 13)."""
    faces = [turn.face for turn in group if turn.face]
    if len(faces) == 1:
        return faces[0]
    if group[0].kind == "results":
        in_order = sorted(group, key=lambda turn: turn.position)
        faces = [turn.face for turn in in_order if turn.face]
    return {"role": faces[0]["role"], "parts": [part for face in faces for part in face["parts"]]}


def _begins_with_call(content: Content) -> bool:
    return content["role"] == "model" and any("functionCall" in part for part in content["parts"])
