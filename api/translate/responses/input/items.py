"""The items of a request to messages, the form of the transcript tree and of the shared translations.

Consecutive texts, thoughts and calls of the assistant become one message; a user message, an instruction or a result
ends it. The items of a response become the same message that was stored with it, so that the tree finds the message.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from api.errors import InvalidRequestError, NotFoundError
from api.notes import Note
from api.openai.responses.items import item_type
from api.openai.shared.validation import printable_name
from api.translate.conversation.tool_item_text import item_text
from api.translate.responses.carried_state import StateSigner, unpack_conversation
from api.translate.responses.input.assistant_message import AssistantMessageBuilder
from api.translate.responses.input.content import content_to_chat, is_text
from api.translate.responses.input.expand_compaction import SETTINGS, expanded
from api.translate.responses.input.item_fields import unread_fields
from api.translate.responses.input.tool_items import IN_MESSAGE, OF_USER, call_of, result_of
from api.translate.responses.param_paths import Places
from api.translate.responses.tools.client_tools import CALL_ITEMS
from api.translate.responses.tools.names import flat_name

Item = Mapping[str, Any]
Message = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemMessages:
    """The messages of a list of items, with their paths and notes.

    `settings` are the items with settings of the response, each with its path.
    """

    messages: list[Message]
    places: Places
    notes: tuple[Note, ...]
    settings: list[tuple[Item, str]]


def items_to_messages(
    items: Sequence[Item],
    *,
    signer: StateSigner,
    family: str = "",
    text_input: bool = False,
    earlier: Sequence[Item] = (),
) -> ItemMessages:
    """Return the messages of a request's or a conversation's items.

    `signer` verifies the state that the client carries. `family` is the family of the requested model: signatures of
    another family are dropped. `text_input` tells that the one item came from a string. `earlier` are items of the
    previous conversation whose settings still apply. Raises InvalidRequestError naming the item
    (`input[2].content[0].image_url`), and NotFoundError for an unresolved reference.
        [{"type": "function_call", "call_id": "call_1", "name": "time", "arguments": "{}"},
         {"type": "function_call_output", "call_id": "call_1", "output": "12:00"}]
        [{"role": "assistant", "content": None, "tool_calls": [{"id": "call_1", "type": "function",
          "function": {"name": "time", "arguments": "{}"}}]},
         {"role": "tool", "tool_call_id": "call_1", "content": "12:00"}]
    """
    reader = _Reader(family, signer)
    reader.settings = [(item, "previous_response_id") for item in earlier if item_type(dict(item)) in SETTINGS]
    for item, path in expanded(items, signer):
        reader.take(item, path)
    reader.end_message()
    if text_input:
        reader.places.inner["messages[0].content"] = "input"
    return ItemMessages(
        messages=reader.messages,
        places=reader.places,
        notes=(*reader.notes, *unread_fields(items)),
        settings=reader.settings,
    )


def references(items: Sequence[Item]) -> list[str]:
    """Return the ids of the item references, in order."""
    return [item["id"] for item in items if item_type(dict(item)) == "item_reference"]


def resolved(items: Sequence[Item], found: Mapping[str, Item]) -> list[Item]:
    """Return the items with each reference replaced by its item. Raises NotFoundError for an unknown id."""
    return [_resolved(item, found) if item_type(dict(item)) == "item_reference" else item for item in items]


def _resolved(item: Item, found: Mapping[str, Item]) -> Item:
    if item["id"] in found:
        return found[item["id"]]
    raise _not_found(item)


def _not_found(item: Item) -> NotFoundError:
    return NotFoundError(f"Item with id '{printable_name(item['id'])}' not found.", param="input")


@dataclass(slots=True)
class _Reader:
    """Collects messages; `builder` is the open assistant message."""

    family: str
    signer: StateSigner
    messages: list[Message] = field(default_factory=list)
    places: Places = field(default_factory=Places)
    notes: list[Note] = field(default_factory=list)
    settings: list[tuple[Item, str]] = field(default_factory=list)
    builder: AssistantMessageBuilder | None = None
    call_ids: dict[str, str] = field(default_factory=dict)
    call_signature: str = ""

    def take(self, item: Item, path: str) -> None:
        """Add the next item."""
        kind = item_type(dict(item)) or ""
        if kind == "message" and item["role"] == "assistant":
            self._assistant().add_message(item, path)
        elif kind in _IN_MESSAGE:
            _IN_MESSAGE[kind](self._assistant(), item, path)
        elif kind in IN_MESSAGE:
            self._assistant().add_tool_item(item, path)
        elif kind in OF_USER:
            self.notes.append(Note("converted", path, f"item of type {kind}: sent as text"))
            name = self._add({"role": "user", "content": item_text(item)}, path)
            self.places.inner[f"{name}.content"] = path
        elif kind in _ALONE:
            _ALONE[kind](self, item, path)
        else:
            self._tool(item, path)

    def end_message(self) -> None:
        """End the open assistant message."""
        if self.builder is not None:
            self.messages[-1] = self.builder.message()
            self.notes += self.builder.notes
            self.call_signature = self.builder.call_signature
            self.builder = None

    def _assistant(self) -> AssistantMessageBuilder:
        if self.builder is None:
            self.builder = AssistantMessageBuilder(
                self.family, self.signer, self.places, len(self.messages), call_signature=self.call_signature
            )
            self.messages.append({})
            self.places.messages.append("input")
        return self.builder

    def _add(self, message: Message, path: str) -> str:
        """Add a message of another role; return its path in the shared translations."""
        self.end_message()
        self.messages.append(message)
        self.places.messages.append(path)
        return f"messages[{len(self.messages) - 1}]"

    def _message(self, item: Item, path: str) -> None:
        content = item["content"]
        if item["role"] == "user":
            self._add({"role": "user", "content": content_to_chat(content, path=f"{path}.content")}, path)
            self._file_urls(content, f"{path}.content")
            return
        if not isinstance(content, str):
            for index, part in enumerate(content):
                if not is_text(part):
                    self.notes.append(Note("dropped", f"{path}.content[{index}]", "instructions support text only"))
            content = [part for part in content if is_text(part)]
        self._add({"role": item["role"], "content": content_to_chat(content, path=f"{path}.content")}, path)

    def _tool(self, item: Item, path: str) -> None:
        """Add a call of an OpenAI tool, or a result, or both from one item."""
        call, result = call_of(item), result_of(item)
        if call is not None:
            self._assistant().call_tool(call, item, path)
            if item["type"] not in CALL_ITEMS:
                self.notes.append(Note("converted", path, f"item of type {item['type']}: sent as a function call"))
            if isinstance(item.get("id"), str):
                self.call_ids[item["id"]] = call.id
        if result is not None:
            # A local shell's result has the call's `id`, which clients set to either id of the call.
            call_id = result.call_id if "call_id" in item else self.call_ids.get(result.call_id, result.call_id)
            name = self._add({"role": "tool", "tool_call_id": call_id, "content": result.content}, path)
            self.places.inner[f"{name}.content"] = f"{path}.output"

    def _result(self, item: Item, path: str) -> None:
        content = content_to_chat(item["output"], path=f"{path}.output")
        if item.get("call_id"):
            name = self._add({"role": "tool", "tool_call_id": item["call_id"], "content": content}, path)
        elif item.get("name"):
            called = flat_name(item["name"], item.get("namespace"))
            name = self._add({"role": "function", "name": called, "content": content}, path)
        else:
            raise InvalidRequestError(
                f"Missing required parameter: '{path}.call_id'.",
                param=f"{path}.call_id",
                code="missing_required_parameter",
            )
        self.places.inner[f"{name}.content"] = f"{path}.output"
        self.places.inner[f"{name}.tool_call_id"] = f"{path}.call_id"
        self._file_urls(item["output"], f"{path}.output")

    def _file_urls(self, content: Any, path: str) -> None:
        """Map the paths of files sent as URLs, which become data in chat completions' form."""
        for index, part in enumerate(() if isinstance(content, str) else content):
            if part.get("file_url"):
                name = f"messages[{len(self.messages) - 1}].content[{index}].file.file_data"
                self.places.inner[name] = f"{path}[{index}].file_url"

    def _setting(self, item: Item, path: str) -> None:
        self.settings.append((item, path))

    def _found_tools(self, item: Item, path: str) -> None:
        """Add the tools of a tool search: declare them, and add the result of the search."""
        self.settings.append((item, path))
        if not item.get("call_id") or item.get("execution") == "server":
            return
        names = [tool.get("name") for tool in item["tools"] if isinstance(tool.get("name"), str)]
        content = orjson.dumps({"tools": names}).decode()
        self._add({"role": "tool", "tool_call_id": item["call_id"], "content": content}, path)

    def _compaction(self, item: Item, path: str) -> None:
        carried = unpack_conversation(item["encrypted_content"], self.signer)
        if carried is None:
            self.notes.append(Note("dropped", path, "compaction not signed by this server: cannot be read"))
            return
        text = f"<conversation_summary>\n{carried.summary}\n</conversation_summary>"
        name = self._add({"role": "user", "content": text}, path)
        self.places.inner[f"{name}.content"] = f"{path}.encrypted_content"

    def _reference(self, item: Item, path: str) -> None:
        del path
        raise _not_found(item)

    def _trigger(self, item: Item, path: str) -> None:
        """Ignore the trigger: the caller compacts the conversation."""
        del item, path


_IN_MESSAGE: dict[str, Callable[[AssistantMessageBuilder, Item, str], None]] = {
    "reasoning": AssistantMessageBuilder.add_reasoning,
    "function_call": AssistantMessageBuilder.call_function,
    "custom_tool_call": AssistantMessageBuilder.call_custom,
    "tool_search_call": AssistantMessageBuilder.search_tools,
    "image_generation_call": AssistantMessageBuilder.show_image,
}
_ALONE: dict[str, Callable[[_Reader, Item, str], None]] = {
    "message": _Reader._message,  # noqa: SLF001
    "function_call_output": _Reader._result,  # noqa: SLF001
    "custom_tool_call_output": _Reader._result,  # noqa: SLF001
    "additional_tools": _Reader._setting,  # noqa: SLF001
    "configuration_update": _Reader._setting,  # noqa: SLF001
    "tool_search_output": _Reader._found_tools,  # noqa: SLF001
    "compaction": _Reader._compaction,  # noqa: SLF001
    "compaction_trigger": _Reader._trigger,  # noqa: SLF001
    "item_reference": _Reader._reference,  # noqa: SLF001
}
