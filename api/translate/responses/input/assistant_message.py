"""Builds one assistant message from a client's items: text, thoughts, calls, images, signatures."""

from collections.abc import Mapping
from typing import Any

import orjson

from api.notes import Note
from api.translate.conversation.tool_item_text import is_picture
from api.translate.responses.carried_state import StateSigner, unpack_signature
from api.translate.responses.input.content import content_to_chat
from api.translate.responses.input.item_fields import CARRIERS
from api.translate.responses.input.tool_items import MadeCall
from api.translate.responses.param_paths import Places
from api.translate.responses.tools.names import TOOL_SEARCH, flat_name

Item = Mapping[str, Any]


class AssistantMessageBuilder:
    """Collects the items of one message; `index` is its position among the messages.

    `family` is the family of the requested model; `signer` verifies the state that the client carries. `call_signature`
    is a signature carried for the next call by an item before an earlier message.
    """

    def __init__(
        self, family: str, signer: StateSigner, places: Places, index: int, *, call_signature: str = ""
    ) -> None:
        self.notes: list[Note] = []
        self._family = family
        self._signer = signer
        self._places = places
        self._name = f"messages[{index}]"
        self._texts: list[str] = []
        self._refusals: list[str] = []
        self._thoughts: list[str] = []
        self._calls: list[dict[str, Any]] = []
        self._images: list[dict[str, Any]] = []
        self._tool_items: list[dict[str, Any]] = []
        self._text_signature = ""
        self._call_signature = call_signature

    def add_message(self, item: Item, path: str) -> None:
        """Add an assistant message item."""
        self._place(path)
        content = content_to_chat(item["content"], path=f"{path}.content")
        if isinstance(content, str):
            self._texts.append(content)
            return
        for index, part in enumerate(content):
            if part["type"] == "text":
                self._texts.append(part["text"])
            elif part["type"] == "refusal":
                self._refusals.append(part["refusal"])
            elif part["type"] == "image_url":
                self._images.append(part)
            else:
                note = Note("dropped", f"{path}.content[{index}]", "not allowed in an assistant message")
                self.notes.append(note)

    def add_reasoning(self, item: Item, path: str) -> None:
        """Add a reasoning item: its summary, and its signatures of the next call and of the text."""
        self._place(path)
        texts = [part["text"] for part in item.get("summary") or ()] or [
            part["text"] for part in item.get("content") or () if isinstance(part, dict) and _is_text(part.get("text"))
        ]
        self._thoughts += [text for text in texts if text]
        state = item.get("encrypted_content")
        if not state:
            return
        carried = unpack_signature(state, self._signer)
        if carried is None:
            self._drop(path, "not signed by this server")
        elif carried.value and self._family and carried.family != self._family:
            self._drop(path, "written by another model family")
        elif carried.owner == "call":
            self._call_signature = carried.value
            self._text_signature = carried.text or self._text_signature
        else:
            self._text_signature = carried.value or self._text_signature

    def call_function(self, item: Item, path: str) -> None:
        """Add a function call."""
        name = flat_name(item["name"], item.get("namespace"))
        call = {"id": item["call_id"], "type": "function", "function": {"name": name, "arguments": item["arguments"]}}
        self._call(call, item, path)

    def call_custom(self, item: Item, path: str) -> None:
        """Add a custom tool call."""
        name = flat_name(item["name"], item.get("namespace"))
        self._call(
            {"id": item["call_id"], "type": "custom", "custom": {"name": name, "input": item["input"]}}, item, path
        )

    def search_tools(self, item: Item, path: str) -> None:
        """Add a tool search; a search run by the server is no call of the client."""
        self._place(path)
        if not item.get("call_id") or item.get("execution") == "server":
            return
        arguments = item["arguments"]
        text = arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()
        function = {"name": TOOL_SEARCH, "arguments": text}
        self._call({"id": item["call_id"], "type": "function", "function": function}, item, path)

    def show_image(self, item: Item, path: str) -> None:
        """Add a generated image."""
        self._place(path)
        result = item.get("result")
        if not result:
            return
        url = result if result[:5] == "data:" else f"data:image/{item.get('output_format') or 'png'};base64,{result}"
        if not is_picture(url):
            self.add_tool_item({name: value for name, value in item.items() if name != "result"}, path)
        else:
            self._places.inner[f"{self._name}.images[{len(self._images)}]"] = path
            self._images.append({"type": "image_url", "image_url": {"url": url}})

    def call_tool(self, call: MadeCall, item: Item, path: str) -> None:
        """Add a call of an OpenAI tool as a function call."""
        function = {"name": call.name, "arguments": orjson.dumps(call.arguments).decode()}
        self._call({"id": call.id, "type": "function", "function": function}, item, path)

    def add_tool_item(self, item: Item, path: str) -> None:
        """Store an item of a server-side tool, sent as text unless the stored Gemini content is sent."""
        self._place(path)
        self._places.inner[f"{self._name}.tool_items[{len(self._tool_items)}]"] = path
        self._tool_items.append({name: value for name, value in item.items() if value is not None})

    @property
    def call_signature(self) -> str:
        """The signature for the next call."""
        return self._call_signature

    def message(self) -> dict[str, Any]:
        """Return the message."""
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self._texts) if self._texts else None}
        if self._refusals:
            message["refusal"] = "".join(self._refusals)
        if self._thoughts:
            message["reasoning_content"] = "\n\n".join(self._thoughts)
        if self._images:
            message["images"] = self._images
        if self._tool_items:
            message["tool_items"] = self._tool_items
        if self._calls:
            message["tool_calls"] = self._calls
        if self._text_signature:
            message["extra_content"] = _extra_content(self._text_signature)
        return message

    def _call(self, call: dict[str, Any], item: Item, path: str) -> None:
        self._place(path)
        name = f"{self._name}.tool_calls[{len(self._calls)}]"
        self._places.inner[name] = path
        self._places.inner[f"{name}.function"] = path
        call |= {carrier: item[carrier] for carrier in CARRIERS if item.get(carrier)}
        if self._call_signature:
            call["extra_content"] = _extra_content(self._call_signature)
            self._call_signature = ""
        self._calls.append(call)

    def _place(self, path: str) -> None:
        """Use the path of the first item for the message."""
        if self._places.messages[-1] == "input":
            self._places.messages[-1] = path

    def _drop(self, path: str, why: str) -> None:
        self.notes.append(Note("dropped", f"{path}.encrypted_content", why))


def _extra_content(signature: str) -> dict[str, Any]:
    return {"google": {"thought_signature": signature}}


def _is_text(value: object) -> bool:
    return isinstance(value, str)
