"""A request's contents as the model reads them: merged messages, the current prompt, calls and results."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

# The number of characters read of a text, because parsing time grows faster than the text.
READ_AT_MOST = 4_000

Part = dict[str, Any]
Content = dict[str, Any]


def as_read(text: str) -> str:
    """Return the part of a text that is read: the beginning and the end."""
    half = READ_AT_MOST // 2
    return text if len(text) <= READ_AT_MOST else f"{text[:half]}\n{text[-half:]}"


@dataclass(frozen=True, kw_only=True)
class Message:
    """Consecutive contents of one role, which Google merges; each part with the index of its content."""

    role: str
    placed: list[tuple[int, Part]]

    @cached_property
    def parts(self) -> list[Part]:
        """All parts in their order."""
        return [part for _, part in self.placed]

    @cached_property
    def calls(self) -> list[Part]:
        """The `functionCall` of each part that has one."""
        return [part["functionCall"] for part in self.parts if "functionCall" in part]

    @cached_property
    def results(self) -> list[Part]:
        """The `functionResponse` of each part that has one."""
        return [part["functionResponse"] for part in self.parts if "functionResponse" in part]

    @cached_property
    def text(self) -> str:
        """The text without thoughts."""
        return "".join(part["text"] for part in self.parts if part.get("text") and not part.get("thought"))


def role_of(content: Content) -> str:
    """Return `model` or `user`; Google treats a missing role and the older `function` as the user's."""
    return "model" if content.get("role") == "model" else "user"


def merged_messages(contents: list[Content]) -> list[Message]:
    """Return the contents, with neighbours of one role merged."""
    messages: list[Message] = []
    for index, content in enumerate(contents):
        placed = [(index, part) for part in content.get("parts", [])]
        if messages and messages[-1].role == role_of(content):
            messages[-1].placed.extend(placed)
        else:
            messages.append(Message(role=role_of(content), placed=placed))
    return messages


def current_turn_start(contents: list[Content]) -> int:
    """Return the index of the newest user content beyond function results; signatures are checked from there.

    Media without text directly after results belong to the results.
    """
    for index in range(len(contents) - 1, -1, -1):
        parts = contents[index].get("parts", [])
        if role_of(contents[index]) != "user" or all("functionResponse" in part for part in parts):
            continue
        after_results = index and any("functionResponse" in part for part in contents[index - 1].get("parts", []))
        pictured = any("text" not in part and "functionResponse" not in part for part in parts)
        if not (after_results and pictured) or any(part.get("text", "").strip() for part in parts):
            return index
    return 0


@dataclass(frozen=True)
class Conversation:
    """The whole request; `request` is a validated GenerateContentRequest in camelCase."""

    request: dict[str, Any]

    @cached_property
    def contents(self) -> list[Content]:
        """The contents as they were sent."""
        contents: list[Content] = self.request.get("contents", [])
        return contents

    @cached_property
    def messages(self) -> list[Message]:
        """The contents, joined by role."""
        return merged_messages(self.contents)

    @cached_property
    def system(self) -> str:
        """The system instruction's text, its parts joined by newlines, as far as it is read."""
        parts = self.request.get("systemInstruction", {}).get("parts", [])
        return as_read("\n".join(part["text"] for part in parts if part.get("text")))

    @cached_property
    def config(self) -> dict[str, Any]:
        """The `generationConfig`; empty without one."""
        config: dict[str, Any] = self.request.get("generationConfig", {})
        return config

    @cached_property
    def prompt(self) -> str:
        """The text of the newest user message with text, up to the read limit."""
        texts = (message.text.strip() for message in reversed(self.messages) if message.role == "user")
        return as_read(next(filter(None, texts), ""))

    @cached_property
    def results(self) -> list[Part]:
        """Function results without a model message after them."""
        return self.messages[-1].results if self.messages and self.messages[-1].role == "user" else []

    @cached_property
    def steps(self) -> list[list[Part]]:
        """The calls of each model step since the current prompt."""
        contents = self.contents[current_turn_start(self.contents) :]
        return [message.calls for message in merged_messages(contents) if message.role == "model" and message.calls]

    @cached_property
    def calls_with_results(self) -> list[tuple[Part, Part | None]]:
        """Each call since the current prompt with its result, matched by id, else by position."""
        pairs: list[tuple[Part, Part | None]] = []
        messages = merged_messages(self.contents[current_turn_start(self.contents) :])
        for message, after in zip(messages, [*messages[1:], None], strict=True):
            results = after.results if after else []
            by_id = {result["id"]: result for result in results if result.get("id")}
            placed = [result for result in results if not result.get("id")]
            for call in message.calls if message.role == "model" else []:
                named = next((result for result in placed if result["name"] == call["name"]), None)
                result = by_id.get(call.get("id", ""), named)
                if result is named and named is not None:
                    placed.remove(named)
                pairs.append((call, result))
        return pairs

    @cached_property
    def media(self) -> list[str]:
        """The MIME types of the newest user message."""
        if not self.messages or self.messages[-1].role != "user":
            return []
        blobs = [part.get("inlineData") or part.get("fileData") for part in self.messages[-1].parts]
        return [blob.get("mimeType") or "a file" for blob in blobs if blob]

    @cached_property
    def declarations(self) -> list[dict[str, Any]]:
        """The declared functions."""
        return [entry for tool in self.request.get("tools", []) for entry in tool.get("functionDeclarations", [])]

    @cached_property
    def calling(self) -> dict[str, Any]:
        """The `functionCallingConfig`; empty without one."""
        calling: dict[str, Any] = self.request.get("toolConfig", {}).get("functionCallingConfig", {})
        return calling

    @cached_property
    def response_schema(self) -> Any:
        """The schema of the output in either form, or None."""
        text = self.config.get("responseFormat", {}).get("text", {})
        return self.config.get("responseJsonSchema") or self.config.get("responseSchema") or text.get("schema")

    @cached_property
    def mime_type(self) -> str:
        """The requested MIME type; `responseFormat` is the newer field."""
        text = self.config.get("responseFormat", {}).get("text", {})
        if str(text.get("mimeType", "")).upper().endswith("JSON"):
            return "application/json"
        return self.config.get("responseMimeType") or "text/plain"

    def earlier_user_texts(self) -> Iterator[str]:
        """The texts of the user messages before the newest one, oldest first, up to the read limit."""
        texts = [text for message in self.messages if message.role == "user" and (text := message.text.strip())]
        yield from map(as_read, texts[:-1])
