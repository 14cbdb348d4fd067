"""Gemini's responses to chat completions: the complete object and the chunks, from the same part deltas.

A plain request is one accumulated response and `completion()`; a stream is `feed()` for every chunk, then `finish()`.
Source: https://platform.openai.com/docs/api-reference/chat/streaming.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from api.gemini.wire import GenerateContentResponse
from api.notes import Note
from api.openai.chat.completion import (
    Annotation,
    ChatCompletion,
    ChatCompletionChunk,
    ChatMessage,
    Delta,
    FinishReason,
    ImageOut,
)
from api.translate.candidates.base_accumulator import BaseAccumulator
from api.translate.candidates.choice import Choice, DialectRules, PartDelta
from api.translate.candidates.choices import Candidates
from api.translate.candidates.fingerprint import system_fingerprint
from api.translate.candidates.finish_reason import finish_reason_with_calls, refusal_text
from api.translate.candidates.speech import Speech
from api.translate.chat.calls import (
    called_function,
    function_call_deltas,
    signature_field,
    tool_call,
    tool_call_deltas,
)
from api.translate.config.service_tier import service_tier_to_openai


@dataclass(slots=True, kw_only=True)
class ChatAccumulator(BaseAccumulator):
    """Accumulates the completion of one exchange.

    `choices` is the number of requested choices; `call_ids` yields a fresh id for each tool call; `tool_names` maps
    sent names to the client's names; `custom_tools` has the names of the custom tools. `parallel_tool_calls=False` and
    `legacy_functions` emit and store one call only. With `speech` the choices have audio, and their text is the
    transcript. `show_reasoning` emits thoughts under `reasoning` too; `top_logprobs` and `empty_stop` are as in
    DialectRules. `metadata` belongs to a stored completion.

    `feed`, `finish` and `completion` raise UpstreamError for an unusable or unfinished response.
    """

    id: str
    created: int
    model: str
    choices: int
    call_ids: Iterator[str]
    tool_names: Mapping[str, str]
    include_usage: bool
    custom_tools: frozenset[str] = frozenset()
    parallel_tool_calls: bool = True
    legacy_functions: bool = False
    show_thoughts: bool = True
    show_reasoning: bool = False
    top_logprobs: int | None = None
    metadata: Mapping[str, str] | None = None
    speech: Speech | None = None
    empty_stop: bool = False
    _candidates: Candidates = field(init=False, repr=False)
    _skeleton: dict[str, Any] = field(init=False, repr=False)
    _opened: set[int] = field(init=False, repr=False, default_factory=set)
    _version_and_tier: tuple[str | None, str | None] = field(init=False, repr=False, default=(None, None))
    _messages: list[ChatMessage] | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        limit = 1 if self.legacy_functions or not self.parallel_tool_calls else None
        rules = DialectRules(
            call_ids=self.call_ids,
            tool_names=self.tool_names,
            call_limit=limit,
            audio=self.speech is not None,
            top_logprobs=self.top_logprobs,
            empty_stop=self.empty_stop,
        )
        self._candidates = Candidates(self.choices, rules)
        self._skeleton = {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "system_fingerprint": None,
            "choices": [],
        }
        if self.include_usage:
            self._skeleton["usage"] = None

    def feed(self, response: GenerateContentResponse, *, first_choice: int = 0) -> list[ChatCompletionChunk]:
        """Add one response or chunk of the call with this first choice; return the chunks to send."""
        chunks: list[ChatCompletionChunk] = []
        candidates = self._candidates
        gains = candidates.take(response, first_choice)
        if self._version_and_tier != (version_and_tier := (candidates.model_version, candidates.service_tier)):
            self._version_and_tier = version_and_tier
            self._skeleton.update(_served(candidates))
        for choice, part_deltas in gains:
            for part_delta in part_deltas:
                plain = part_delta.kind == "text" and self.speech is None
                deltas: tuple[Delta, ...] = (
                    ({"content": part_delta.text},) if plain else self._deltas(choice, part_delta)
                )
                for delta in deltas:
                    if choice.index not in self._opened:
                        self._opened.add(choice.index)
                        delta = _opening(delta)  # noqa: PLW2901 - the same delta with the role before it
                    chunks.append(self._chunk(choice, delta, None))
        return chunks

    def finish(self) -> list[ChatCompletionChunk]:
        """Return the last chunks of each choice and, if requested, the usage."""
        self._candidates.close()
        chunks: list[ChatCompletionChunk] = []
        for choice in self._candidates.choices:
            last: Delta = self.speech.last(choice) if self.speech else {}
            if not choice.text and not last and _content(choice) is not None:
                last["content"] = ""
            if refusal := _refusal(choice):
                last["refusal"] = refusal
            if annotations := _annotations(choice):
                last["annotations"] = annotations
            if extra := _extra_content(choice):
                last["extra_content"] = extra
            if choice.index not in self._opened:
                last = _opening(last)
            if last:
                chunks.append(self._chunk(choice, last, None))
            chunks.append(self._chunk(choice, {}, self._finish_reason(choice)))
        if self.include_usage:
            chunks.append({**self._skeleton, "choices": [], "usage": self.usage})  # type: ignore[typeddict-item]
        return chunks

    def completion(self) -> ChatCompletion:
        """Return the complete object."""
        self._candidates.close()
        kept = {} if self.metadata is None else {"metadata": dict(self.metadata)}
        self._messages = self.messages
        return {
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [
                {
                    "index": choice.index,
                    "message": self._shown(choice, message),
                    "logprobs": choice.logprobs.whole() if choice.logprobs else None,
                    "finish_reason": self._finish_reason(choice),
                }
                for choice, message in zip(self._candidates.choices, self._messages, strict=True)
            ],
            "usage": self.usage,
            **_served(self._candidates),  # type: ignore[typeddict-item]
            **kept,
        }

    @property
    def messages(self) -> list[ChatMessage]:
        """OpenAI's assistant message of each choice for storage; partial if the response was cut.

        The messages have no signatures, which `contents` has on their parts.
        """
        return self._messages or [self._message(choice) for choice in self._candidates.choices]

    @property
    def finish_reasons(self) -> list[str]:
        """OpenAI's finish reason of each choice; "" for an unfinished or unusable choice."""
        choices = self._candidates.choices
        return [self._finish_reason(choice) if choice.finished and not choice.fault else "" for choice in choices]

    @property
    def native_finish_reasons(self) -> list[str]:
        """Gemini's finish or block reason of each choice; "" for an unfinished choice."""
        return [choice.native_finish_reason for choice in self._candidates.choices]

    @property
    def notes(self) -> list[Note]:
        """The differences between Gemini's responses and the client's object."""
        return self._candidates.notes

    @property
    def _shows_thoughts(self) -> bool:
        return self.show_thoughts

    def _chunk(self, choice: Choice, delta: Delta, reason: FinishReason | None) -> ChatCompletionChunk:
        """Return a chunk; log probabilities accompany their text, the remaining ones the finish reason."""
        fresh = choice.logprobs.fresh() if choice.logprobs and ("content" in delta or reason) else None
        chunk_choice = {"index": choice.index, "delta": delta, "logprobs": fresh, "finish_reason": reason}
        return {**self._skeleton, "choices": [chunk_choice]}  # type: ignore[typeddict-item]

    def _deltas(self, choice: Choice, part_delta: PartDelta) -> tuple[Delta, ...]:
        """Return the deltas of one part, except plain text without speech."""
        if self.speech is not None and part_delta.kind in {"text", "audio"}:
            return (self.speech.delta(choice, part_delta),)
        if part_delta.kind == "thought":
            return (self._thought(part_delta.text),) if self.show_thoughts else ()
        if part_delta.call is None:
            return ({"images": [_image(part_delta.position, part_delta.text)]},)
        if self.legacy_functions:
            return function_call_deltas(part_delta.call)
        return tool_call_deltas(part_delta.call, self.custom_tools)

    def _thought(self, text: str) -> Delta:
        if self.show_reasoning:
            return {"reasoning_content": text, "reasoning": text}
        return {"reasoning_content": text}

    def _shown(self, choice: Choice, message: ChatMessage) -> ChatMessage:
        """Return the client's message: with thought signatures in `extra_content`, which the client may send back."""
        extra = _extra_content(choice)
        if not (extra or choice.calls or self.show_reasoning):
            return message
        message = self._message(choice)  # a new message: the stored message stays unchanged
        if self.show_reasoning and "reasoning_content" in message:
            message["reasoning"] = message["reasoning_content"]
        if extra:
            message["extra_content"] = extra
        legacy = message.get("function_call")
        carriers: list[Any] = [legacy] if legacy else message.get("tool_calls", [])
        for call, carrier in zip(choice.calls, carriers, strict=False):
            if call.signature:
                carrier["extra_content"] = signature_field(call.signature)
        return message

    def _message(self, choice: Choice) -> ChatMessage:
        audio = self.speech.audio(choice) if self.speech else None
        content = None if audio else _content(choice)
        message: ChatMessage = {"role": "assistant", "content": content, "refusal": _refusal(choice)}
        if audio:
            message["audio"] = audio
        if annotations := _annotations(choice):
            message["annotations"] = annotations
        if choice.thoughts and self.show_thoughts:
            message["reasoning_content"] = "".join(choice.thoughts)
        if choice.images:
            message["images"] = [_image(index, url) for index, url in enumerate(choice.images)]
        if choice.calls and self.legacy_functions:
            message["function_call"] = called_function(choice.calls[0])
        elif choice.calls:
            message["tool_calls"] = [tool_call(call, self.custom_tools) for call in choice.calls]
        return message

    def _finish_reason(self, choice: Choice) -> FinishReason:
        reason = choice.finish_reason
        if not choice.calls:
            return reason
        return finish_reason_with_calls(reason, legacy_functions=self.legacy_functions)


def _opening(delta: Delta) -> Delta:
    """Return a choice's first delta: the role, and `content` even if null, as in OpenAI's first chunk."""
    return {"role": "assistant", "content": None, "refusal": None, **delta}


def _content(choice: Choice) -> str | None:
    """The message content: null with tool calls or a content filter, "" if the token limit hit before any text."""
    if choice.text:
        return "".join(choice.text)
    return None if choice.calls or choice.finish_reason == "content_filter" else ""


def _refusal(choice: Choice) -> str | None:
    """Return the refusal of a choice that a content filter left empty, else None."""
    if choice.finish_reason != "content_filter" or choice.text or choice.calls or choice.images or choice.audio:
        return None
    return refusal_text(choice.native_finish_reason, blocked=choice.blocked)


def _served(candidates: Candidates) -> dict[str, str | None]:
    """Return fields about the serving model: the fingerprint of its version, and the tier as served."""
    served: dict[str, str | None] = {"system_fingerprint": system_fingerprint(candidates.model_version)}
    if candidates.service_tier:
        served["service_tier"] = service_tier_to_openai(candidates.service_tier)
    return served


def _extra_content(choice: Choice) -> dict[str, Any]:
    """Return fields without a place in OpenAI's message: the signature of the text, and the pages of `urlContext`.

    {"google": {"url_context_metadata": {"url_metadata": [
        {"retrieved_url": "https://a.example/", "url_retrieval_status": "URL_RETRIEVAL_STATUS_SUCCESS"}]}}}
    """
    extra = signature_field(choice.signature, alone=choice.signs_alone) if choice.signature else {}
    if choice.grounding is not None and (pages := choice.grounding.pages):
        read = [{"retrieved_url": page.url, "url_retrieval_status": page.status} for page in pages]
        extra.setdefault("google", {})["url_context_metadata"] = {"url_metadata": read}
    return extra


def _annotations(choice: Choice) -> list[Annotation]:
    return choice.grounding.annotations("".join(choice.text)) if choice.grounding else []


def _image(index: int, url: str) -> ImageOut:
    return {"index": index, "type": "image_url", "image_url": {"url": url}}
