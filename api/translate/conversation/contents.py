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
from api.translate.request.upstream_call import OMITTED, SYSTEM, HistoryMessage
from sessions_store.transcript.values import INSTRUCTION_ROLES, RESULT_ROLES

T = TypeVar("T")
Kind = Literal["system", "user", "model", "results", "nothing"]


@dataclass(slots=True, kw_only=True)
class Assembly:
    """The conversation in Gemini's form; `gemini_contents` and `placement` are defined in UpstreamCall."""

    contents: list[Content]
    system: list[Part]
    gemini_contents: list[Content | None]
    placement: list[int]


@dataclass(slots=True)
class _Entry:
    """One message on its way to `contents`: its kind and its Gemini content, None if omitted.

    `message` is False for an added content; `named` tells that the message has a `name`.
    """

    kind: Kind
    content: Content | None
    path: str = ""
    position: int = 0
    message: bool = True
    named: bool = False


def assemble_contents(
    messages: Sequence[Message],
    *,
    history: Sequence[HistoryMessage],
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
        _add_paired(conversation, pairing, (history, messages), restored)
        return conversation.finish(skip=len(history), order=pairing.order if pairing.moved else None)
    roles = {message["role"] for message in messages}
    own_system = not INSTRUCTION_ROLES.isdisjoint(roles)
    for index, item in enumerate(history):
        conversation.add_history(item, path=f"remembered[{index}]", system=one_history or not own_system)
    conversation.begin_request(leads=not (one_history and history))
    if own_system and roles <= INSTRUCTION_ROLES:
        conversation.add_only_system(messages)
    else:
        for index, message in enumerate(messages):
            conversation.add(message, path=f"messages[{index}]", stored=restored.get(index))
    return conversation.finish(skip=len(history))


def _add_paired(
    conversation: "_Conversation",
    pairing: Pairing,
    sources: tuple[Sequence[HistoryMessage], Sequence[Message]],
    restored: Mapping[int, Content],
) -> None:
    """Add the remembered messages and the request's messages in the order of a pairing."""
    history, messages = sources
    only_system = bool(messages) and all(message["role"] in INSTRUCTION_ROLES for message in messages)
    if pairing.moved:
        conversation.note_moved()
    for place in pairing.order:
        index = place - len(history)
        if index >= 0 and only_system:
            conversation.add_only_system(messages)
            return
        path = f"messages[{index}]" if index >= 0 else f"remembered[{place}]"
        message = messages[index] if index >= 0 else history[place].message
        stored = restored.get(index) if index >= 0 else history[place].content
        if message["role"] in RESULT_ROLES:
            conversation.add_paired_result(message, path=path, stored=stored, pairing=pairing, place=place)
        elif index >= 0:
            conversation.add(message, path=path, stored=stored)
        else:
            conversation.add_history(history[place], path=path, system=True)


class _Conversation:
    """Collects the entries of a conversation.

    `_leading` is True while only system messages have been added, `_batch` has the calls without a result, `_has_calls`
    tells whether there were any calls.
    """

    def __init__(self, context: RequestContext) -> None:
        self._context = context
        self._entries: list[_Entry] = []
        self._batch = CallBatch()
        self._leading = True
        self._has_calls = False
        self._restored = 0

    def begin_request(self, *, leads: bool) -> None:
        """Begin the request's messages; its first system messages become `systemInstruction` if `leads`."""
        self._leading = self._leading or leads

    def add_history(self, item: HistoryMessage, *, path: str, system: bool) -> None:
        """Add a stored message; a stored system message only if `system`."""
        message = item.message
        if message["role"] not in INSTRUCTION_ROLES:
            restored = self._restored
            self.add(message, path=path, stored=item.content)
            self._restored = restored  # counts the request's messages only
        elif not system:
            self._entries.append(_Entry("nothing", None))
        elif item.content is not None:
            kind: Kind = "system" if item.content.get("role") == "system" else "user"
            self._entries.append(_Entry(kind, item.content))
        else:
            self._add_system(message, path)

    def add_only_system(self, messages: Sequence[Message]) -> None:
        """Add a request with system messages only: they become the user's content (rule 3)."""
        self._close_batch()
        self._context.note("converted", "messages", "only system messages: sent as user text")
        for index, message in enumerate(messages):
            parts = system_to_parts(message, path=f"messages[{index}]", context=self._context)
            self._append("user", {"role": "user", "parts": parts} if parts else None, message, "")

    def add(self, message: Message, *, path: str, stored: Content | None) -> None:
        """Add one message; `stored` is its stored Gemini content, if any."""
        role = message["role"]
        if role in INSTRUCTION_ROLES:
            self._add_system(message, path)
            return
        self._leading = False
        if role == "user":
            self._close_batch()
            content = stored or user_to_content(message, path=path, context=self._context)
            if stored is None:
                self._append("user", content, message, path)
            else:
                self._entries.append(_Entry("user", content, path, named=bool(speaker(message))))
        elif role == "assistant":
            self._add_assistant(message, path, stored)
        else:
            self._add_result(message, path, stored)

    def _add_system(self, message: Message, path: str) -> None:
        if self._leading:
            parts = system_to_parts(message, path=path, context=self._context)
            self._append("system", {"role": "system", "parts": parts} if parts else None, message, path)
            return
        self._close_batch()
        content = later_system_to_content(message, path=path, context=self._context)
        self._entries.append(_Entry("user" if content else "nothing", content, path))

    def _append(self, kind: Kind, content: Content | None, message: Message, path: str, *, fresh: bool = True) -> None:
        """Add an entry.

        A line break separates it from its neighbour if one of them has a name (not for an unnamed stored content).
        """
        named = "name" in message and bool(speaker(message))
        before = self._entries[-1] if self._entries else None
        if content and before and before.kind == kind and (named or (fresh and before.named)):
            content = set_apart(content)
        self._entries.append(_Entry(kind if content else "nothing", content, path, named=named))

    def _add_assistant(self, message: Message, path: str, stored: Content | None) -> None:
        """Add an assistant message; a message without calls leaves earlier calls open (rule 15)."""
        calls = call_count(message)
        if calls or self._batch.begun:
            self._close_batch()
        content = self._stored_content(message, stored, calls, path)
        fresh = content is None
        if content is None:
            content = assistant_to_content(message, path=path, context=self._context)
        else:
            self._restored += 1
        content = self._without_speech(content, path) if content else None
        if content and message.get("name"):
            note_speaker(message, path=path, context=self._context)
            content = with_speaker(message, content)
        self._append("model", content, message, path, fresh=fresh)
        if content and calls:
            self._has_calls = True
            self._batch.open(open_calls(message, content))

    def _stored_content(self, message: Message, stored: Content | None, calls: int, path: str) -> Content | None:
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

    def _without_speech(self, content: Content, path: str) -> Content | None:
        """Return a model content without its audio, None if no part is left."""
        silent = without_speech(content)
        if silent is not content:
            self._context.note("dropped", f"{path}.audio", "audio of earlier messages is not sent to Gemini")
        return silent if silent["parts"] else None

    def _add_result(self, message: Message, path: str, stored: Content | None) -> None:
        if message["role"] == "tool":
            call = self._batch.resolve(message["tool_call_id"], path=path)
        else:
            call = self._batch.resolve_by_name(message["name"], path=path)
        self._append_result(message, call, path, stored)

    def add_paired_result(
        self, message: Message, *, path: str, stored: Content | None, pairing: Pairing, place: int
    ) -> None:
        """Add a result with known pairing; a result without a call becomes text."""
        self._leading = False
        if place in pairing.call_positions:
            if stored is not None and not any("functionResponse" in part for part in stored["parts"]):
                stored = None  # sent without a call before
            self._append_result(message, self._batch.resolve_at(pairing.call_positions[place]), path, stored)
            return
        if pairing.repeats.get(place):
            self._context.note("dropped", path, "repeated result of the same tool call")
            self._entries.append(_Entry("nothing", None))
            return
        self._close_batch()
        why = "second result of a tool call" if place in pairing.repeats else "result without a tool call"
        self._context.note("converted", path, f"{why}: sent as marked user text")
        content = loose_result_to_content(message, path=path, context=self._context)
        self._entries.append(_Entry("user", content, path))

    def note_moved(self) -> None:
        """Note that results were moved."""
        self._context.note("converted", "messages", "results moved to their tool calls")

    def _append_result(self, message: Message, call: OpenCall, path: str, stored: Content | None) -> None:
        if stored is None:
            content = result_to_content(message, call, path=path, context=self._context)
        else:
            content = stored if self._context.profile.function_call_ids else without_ids(stored)
            content = placed_media(content, path=path, context=self._context)
        self._entries.append(_Entry("results", content, path, call.position))

    def _close_batch(self) -> None:
        """End the open batch: a call without a result gets an error result."""
        missing = self._batch.close()
        if not missing:
            return
        self._context.note("added", "messages", f"placeholder results for {len(missing)} tool calls without a result")
        self._entries += [
            _Entry("results", missing_result_to_content(call), position=call.position, message=False)
            for call in missing
        ]

    def finish(self, *, skip: int, order: Sequence[int] | None = None) -> Assembly:
        """Return the assembled conversation, without the contents of the first `skip` messages, the remembered ones.

        `order` lists the positions of the messages in the order of addition, if it differs from their own.
        """
        if self._batch.begun:
            self._close_batch()
        self._drop_trailing_model_entries()
        if self._has_calls and self._context.profile.signatures:
            self._add_skip_values()
        if self._restored:
            self._context.note(
                "restored", "messages", f"{self._restored} assistant messages replaced by the stored Gemini content"
            )
        contents, system, placement = self._merge()
        gemini_contents = [entry.content for entry in self._entries if entry.message]
        if order is not None:
            gemini_contents, placement = _in_place(gemini_contents, order), _in_place(placement, order)
        return Assembly(contents=contents, system=system, gemini_contents=gemini_contents[skip:], placement=placement)

    def _drop_trailing_model_entries(self) -> None:
        """Drop trailing model contents, because current models do not continue one (rule 6)."""
        for entry in reversed(self._entries):
            if entry.kind in {"user", "results"}:
                return
            if entry.kind == "model":
                entry.kind, entry.content = "nothing", None
                self._context.note("dropped", entry.path, "Gemini does not support continuing an assistant message")

    def _add_skip_values(self) -> None:
        """Add the skip value to the first call of each unsigned model content since the last user text (rules 28, 30).

        A user content without text is no user text: directly after results it counts as a part of them.
        """
        for entry in reversed(self._entries):
            if (
                entry.kind == "user"
                and entry.content
                and any(part.get("text", "").strip() for part in entry.content["parts"])
            ):
                return
            index = first_unsigned_call(entry.content) if entry.kind == "model" and entry.content else None
            if index is not None and entry.content:
                entry.content = with_skip_value(entry.content, index)
                self._context.note(
                    "added", entry.path, "placeholder signature for tool calls without a thought signature"
                )

    def _merge(self) -> tuple[list[Content], list[Part], list[int]]:
        """Return contents, system parts and placement; adjacent entries of one kind are merged (rules 5 and 12)."""
        system: list[Part] = []
        placement: list[int] = []
        groups: list[list[_Entry]] = []
        for entry in self._entries:
            place = OMITTED
            if entry.kind == "system" and entry.content:
                system += entry.content["parts"]
                place = SYSTEM
            elif entry.content:
                if not groups or groups[-1][0].kind != entry.kind:
                    groups.append([])
                groups[-1].append(entry)
                place = len(groups) - 1
            if entry.message:
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


def _joined_groups(groups: list[list[_Entry]]) -> tuple[list[Content], list[int]]:
    """Return the contents, and the first index of each group: results with media become two contents."""
    contents: list[Content] = []
    starts: list[int] = []
    for group in groups:
        starts.append(len(contents))
        joined = _joined(group)
        contents += separated(joined) if group[0].kind == "results" else [joined]
    return contents, starts


def _joined(group: list[_Entry]) -> Content:
    """Return one content of adjacent entries; results in the order of their calls (rule 13)."""
    contents = [entry.content for entry in group if entry.content]
    if len(contents) == 1:
        return contents[0]
    if group[0].kind == "results":
        in_order = sorted(group, key=lambda entry: entry.position)
        contents = [entry.content for entry in in_order if entry.content]
    return {"role": contents[0]["role"], "parts": [part for content in contents for part in content["parts"]]}


def _begins_with_call(content: Content) -> bool:
    return content["role"] == "model" and any("functionCall" in part for part in content["parts"])
