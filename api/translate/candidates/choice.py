"""One choice: accumulates Gemini's candidate, chunk by chunk, for every dialect and for storage.

Every part is stored twice: as client-visible text, thoughts, calls and images, and unchanged, so that the content can
be sent back with its thought signatures. The dialects render the visible form.
"""

import binascii
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from api.errors import UpstreamError
from api.gemini.wire import Content, Part
from api.notes import Note
from api.translate.candidates.annotations import Grounding
from api.translate.candidates.empty_response import empty_response, invisible_response, malformed_response, unplaced
from api.translate.candidates.finish_reason import LOST_CALL, UNSPECIFIED, finish_reason_note, finish_reason_to_openai
from api.translate.candidates.logprobs import TokenLogprobs
from api.translate.candidates.streamed_calls.open_calls import OpenCalls, is_whole
from api.translate.candidates.upstream_json import expect, label, to_json, unexpected_shape
from api.translate.conversation.code_blocks import code_output, code_result_to_text, executable_code_to_text

if TYPE_CHECKING:
    from api.openai.completions.completion import CompletionFinishReason

# Gemini sends 16-bit samples without a container format.
RAW_SOUND: Final = ("audio/l16", "audio/pcm")
WEB_SEARCH: Final = "GOOGLE_SEARCH_WEB"
_SOURCES: Final = frozenset({"groundingMetadata", "citationMetadata", "urlContextMetadata"})
LONGEST_REASON: Final = 50


class Call(NamedTuple):
    """A function call in client form: the client's own function name, the arguments as JSON text.

    `position` counts the calls of the choice over all chunks; `signature` is the thought signature of the call's part.
    """

    position: int
    id: str
    name: str
    arguments: str
    signature: str | None = None


@dataclass(slots=True)
class PartDelta:
    """The visible content that one part adds to a choice.

    `text` of an image is its data URL, of audio its base64; `call` is set for calls. The last four kinds occur only
    with `DialectRules.own_tools`: code that Gemini ran, its output, the queries of a web search (one per line), and the
    signature of the preceding text. `position` counts the images of the choice; `run` is Gemini's id that joins code
    and its output,
    "" without one.
    """

    kind: Literal["text", "thought", "image", "audio", "call", "code", "code_result", "search", "signature"]
    text: str
    call: Call | None = None
    position: int = 0
    run: str = ""


@dataclass(slots=True, kw_only=True)
class DialectRules:
    """The features of a dialect: `call_limit` is the maximum of calls per choice (None: no limit).

    `call_ids` yields a fresh id for each call; `tool_names` maps sent names to the client's names. `top_logprobs` is
    the number of alternative tokens per position, None without log probabilities. `own_tools` enables separate items
    for code, searches and signatures; otherwise code becomes text, and searches and signatures are omitted.
    `empty_stop` allows an empty completion, because the client has named stop sequences.
    """

    call_ids: Iterator[str]
    tool_names: Mapping[str, str]
    call_limit: int | None = None
    images: bool = True
    audio: bool = False
    top_logprobs: int | None = None
    own_tools: bool = False
    empty_stop: bool = False


class Choice:
    """Accumulates the candidates of one index: client-visible `text`, `thoughts`, `images` and `calls`, in order."""

    __slots__ = (
        "_omitted",
        "_open_calls",
        "_parts",
        "_ran_code",
        "_rules",
        "_run",
        "_run_is_thought",
        "_searched",
        "audio",
        "audio_type",
        "blocked",
        "calls",
        "finish_reason",
        "grounding",
        "images",
        "index",
        "logprobs",
        "native_finish_reason",
        "signature",
        "signs_alone",
        "text",
        "thoughts",
    )

    def __init__(self, index: int, rules: DialectRules) -> None:
        self.index = index
        self.text: list[str] = []
        self.thoughts: list[str] = []
        self.images: list[str] = []
        self.audio: list[bytes] = []  # Gemini's samples, of the type `audio_type`
        self.audio_type = ""
        self.calls: list[Call] = []
        self.native_finish_reason = ""
        self.finish_reason: CompletionFinishReason = "stop"  # OpenAI's reason, before calls are considered
        self.blocked = False
        self.grounding: Grounding | None = None
        self._searched: list[str] = []  # queries of Google's own calls, which may lack grounding metadata
        self.logprobs = None if rules.top_logprobs is None else TokenLogprobs(rules.top_logprobs)
        self.signature: str | None = None  # the last one on a text part
        self.signs_alone = False  # the last signature is on a part without text, the end of a stream (rule 26)
        self._rules = rules
        self._parts: list[Part] = []
        self._run: list[str] = []  # unsigned text since the last other part: stored as one part
        self._run_is_thought = False
        self._open_calls: OpenCalls | None = None
        self._ran_code = False  # visible to the client, as an item
        self._omitted: dict[str, Note] = {}

    @property
    def finished(self) -> bool:
        """Whether Gemini has sent a finish reason, or blocked the prompt."""
        return bool(self.native_finish_reason)

    @property
    def holds_nothing(self) -> bool:
        """Whether the choice has no visible content: no text, call, image, audio or executed code."""
        return not (self.text or self.calls or self.images or self.audio or self._ran_code)

    @property
    def fault(self) -> UpstreamError | None:
        """The error if the choice has no usable content although Gemini ended it normally; None otherwise."""
        native = self.native_finish_reason
        if self.blocked or self.finish_reason != "stop":
            return None
        if not self.holds_nothing:
            return malformed_response(native) if native in LOST_CALL and not self.calls else None
        if self._omitted:
            return invisible_response()
        return None if native == "STOP" and self._rules.empty_stop else empty_response(native)

    @property
    def content(self) -> Content:
        """Gemini's content for storage: unchanged parts, except that adjacent unsigned texts are joined."""
        parts = [*self._parts, _text_part(self._run, thought=self._run_is_thought)] if self._run else list(self._parts)
        return {"role": "model", "parts": parts}

    @property
    def search_queries(self) -> set[str]:
        """The non-empty queries of Google Search; Gemini lists empty ones too, which are not billed (rule 98)."""
        return {query for query in (*self._searched, *(self.grounding.queries if self.grounding else ())) if query}

    @property
    def notes(self) -> list[Note]:
        """The differences between Gemini's candidate and the visible choice."""
        native = self.native_finish_reason
        if native == "STOP" and not (self._omitted or self.blocked or self.grounding):
            return []
        reason = finish_reason_note(native, blocked=self.blocked) if native else None
        ended = [Note("converted", f"choices[{self.index}].finish_reason", reason)] if reason else []
        return [*self._omitted.values(), *self._sources_notes(), *ended]

    def take(self, candidate: Mapping[str, Any]) -> list[PartDelta]:
        """Add the next candidate of this choice; return its part deltas. Raises UpstreamError for a wrong shape."""
        deltas: list[PartDelta] = []
        content = candidate.get("content")
        if content is not None:
            parts = content.get("parts") or [] if isinstance(content, dict) else None
            if not isinstance(parts, list):
                raise unexpected_shape()
            for part in parts:
                if not isinstance(part, dict):
                    raise unexpected_shape()
                self._take_part(part, deltas)  # type: ignore[arg-type]
        native = candidate.get("finishReason")
        if native and native != UNSPECIFIED:
            if self._open_calls:
                self._emit_calls(self._open_calls.close(), deltas)
            self.native_finish_reason = label(expect(native, str), LONGEST_REASON)
            self.finish_reason = finish_reason_to_openai(self.native_finish_reason)
        if not _SOURCES.isdisjoint(candidate):
            self.grounding = self.grounding or Grounding()
            self.grounding.take(candidate)
        if self.logprobs is not None and "logprobsResult" in candidate:
            self.logprobs.take(candidate["logprobsResult"])
        return deltas

    def close(self) -> None:
        """End the choice. Raises UpstreamError for a part of a call received after the finish reason."""
        if self._open_calls:
            raise unplaced()

    def block(self, reason: str) -> None:
        """End the choice with the block reason of the prompt."""
        self.native_finish_reason = reason
        self.finish_reason = finish_reason_to_openai(reason, blocked=True)
        self.blocked = True

    def _take_part(self, part: Part, deltas: list[PartDelta]) -> None:
        text = part.get("text")
        if self._open_calls and (text or (text is None and "functionCall" not in part)):
            self._emit_calls(self._open_calls.pause(), deltas)
        if text is None:
            self._close_run()
            self._take_other(part, deltas)
            return
        if not isinstance(text, str):
            raise unexpected_shape()
        thought, bare = False, True
        if len(part) > 1:
            thought, bare = part.get("thought") is True, len(part) == 2 and "thought" in part
        if not bare:
            self._close_run()
            self._store(part)
            self._keep_signature(part)
        elif thought is not self._run_is_thought:
            self._close_run()
            self._run_is_thought = thought
        if text:
            if bare:
                self._run.append(text)
            (self.thoughts if thought else self.text).append(text)
            deltas.append(PartDelta("thought" if thought else "text", text))
        if not bare:
            self._show_signature(part, deltas)

    def _take_other(self, part: Part, deltas: list[PartDelta]) -> None:
        if "functionCall" in part:
            self._take_call(part, deltas)
            return
        if part.keys() <= {"thoughtSignature", "thought"}:
            part = {"text": "", **part}  # Gemini rejects a part without data in a request
            self._keep_signature(part)
            self._show_signature(part, deltas)
        self._store(part)
        if part.get("thought") is True:
            return
        for kind, reader in _READERS.items():
            if kind in part:
                reader(self, expect(part.get(kind), dict), deltas)
                return
        if "thoughtSignature" not in part:
            self._omit("content", "part of a kind that this API does not support")

    def _take_call(self, part: Part, deltas: list[PartDelta]) -> None:
        call = expect(part.get("functionCall"), dict)
        if not self._open_calls:
            if is_whole(call):
                self._emit_call(part, deltas)
                return
            self._open_calls = self._open_calls or OpenCalls()
        self._emit_calls(self._open_calls.take(part, call), deltas)

    def _emit_calls(self, complete: list[Part], deltas: list[PartDelta]) -> None:
        if self._open_calls is not None and self._open_calls.cut:
            self._note("dropped", "tool_calls", "incomplete arguments of a tool call: Gemini did not send the rest")
        for part in complete:
            self._emit_call(part, deltas)

    def _emit_call(self, part: Part, deltas: list[PartDelta]) -> None:
        """Store and emit one call; a call above the limit is neither stored nor emitted, so that both sides agree."""
        rules = self._rules
        called: Mapping[str, Any] = part["functionCall"]
        name, args = expect(called["name"], str), called["args"]
        if rules.call_limit is not None and len(self.calls) >= rules.call_limit:
            self._omit(
                "tool_calls",
                "parallel tool calls are off" if rules.call_limit else "this API does not support function calls",
            )
            return
        client_name = rules.tool_names.get(name, name)
        call = Call(len(self.calls), next(rules.call_ids), client_name, to_json(args), _signature(part))
        self._store(part)
        self.calls.append(call)
        deltas.append(PartDelta("call", "", call))

    def _keep_signature(self, part: Part) -> None:
        if signature := _signature(part):
            self.signature, self.signs_alone = signature, not part.get("text")

    def _show_signature(self, part: Part, deltas: list[PartDelta]) -> None:
        if self._rules.own_tools and (signature := _signature(part)):
            deltas.append(PartDelta("signature", signature))

    def _take_code(self, code: dict[str, Any], deltas: list[PartDelta]) -> None:
        if self._rules.own_tools:
            self._ran_code = True
            deltas.append(PartDelta("code", expect(code.get("code") or "", str), run=expect(code.get("id") or "", str)))
        else:
            self._show_block(executable_code_to_text(code), deltas)

    def _take_code_result(self, outcome: dict[str, Any], deltas: list[PartDelta]) -> None:
        if self._rules.own_tools:
            deltas.append(PartDelta("code_result", code_output(outcome), run=expect(outcome.get("id") or "", str)))
        else:
            self._show_block(code_result_to_text(outcome), deltas)

    def _show_block(self, block: str, deltas: list[PartDelta]) -> None:
        """Emit a fenced code block as visible text; the stored content has the original part instead."""
        if not block:
            return
        if self.text and not self.text[-1].endswith("\n"):
            block = f"\n{block}"
        self.text.append(block)
        deltas.append(PartDelta("text", block))
        self._note("converted", "content", "code execution shown as fenced code blocks")

    def _take_inline_data(self, blob: dict[str, Any], deltas: list[PartDelta]) -> None:
        mime_type, base64 = expect(blob.get("mimeType") or "", str), expect(blob.get("data") or "", str)
        if mime_type.startswith("image/") and base64 and self._rules.images:
            url = f"data:{mime_type};base64,{base64}"
            self.images.append(url)
            deltas.append(PartDelta("image", url, position=len(self.images) - 1))
        elif mime_type.lower().startswith(RAW_SOUND) and self._rules.audio:
            self._take_speech(mime_type, base64, deltas)
        else:
            self._omit("content", "media of a kind that this API does not support")

    def _take_speech(self, mime_type: str, base64: str, deltas: list[PartDelta]) -> None:
        try:
            samples = b64decode(base64, validate=True)
        except binascii.Error:
            raise unexpected_shape() from None
        self.audio_type = mime_type
        if samples:
            self.audio.append(samples)
            deltas.append(PartDelta("audio", base64))

    def _take_own_call(self, tool: dict[str, Any], deltas: list[PartDelta]) -> None:
        """Read a call of Google's own tools, stored with its signature (rules 25, 39); a web search may be visible."""
        queries = expect(tool.get("args") or {}, dict).get("queries")
        if tool.get("toolType") != WEB_SEARCH or not isinstance(queries, list):
            return
        self._searched += [query for query in queries if isinstance(query, str)]
        if self._rules.own_tools:
            deltas.append(PartDelta("search", "\n".join(str(query) for query in queries)))

    def _take_own_response(self, _tool: dict[str, Any], _deltas: list[PartDelta]) -> None:
        """Ignore the output of Google's own tools: stored, never visible."""

    def _store(self, part: Part) -> None:
        to_json({key: value for key, value in part.items() if key != "inlineData"})  # raises if not storable
        self._parts.append(part)

    def _close_run(self) -> None:
        if self._run:
            self._parts.append(_text_part(self._run, thought=self._run_is_thought))
            self._run = []

    def _omit(self, field: str, what: str) -> None:
        self._note("dropped", field, what)

    def _sources_notes(self) -> list[Note]:
        if self.grounding is None or not self.finished:
            return []  # citations are known only at the end
        param = f"choices[{self.index}].message.annotations"
        return [Note(kind, param, reason) for kind, reason in self.grounding.remarks("".join(self.text))]

    def _note(self, kind: Literal["dropped", "converted"], field: str, reason: str) -> None:
        self._omitted[reason] = Note(kind, f"choices[{self.index}].message.{field}", reason)


def _signature(part: Part) -> str | None:
    """Return the client-visible signature of a part; the signature of a thought is not visible."""
    signature = part.get("thoughtSignature")
    return signature if isinstance(signature, str) and signature and part.get("thought") is not True else None


def _text_part(run: list[str], *, thought: bool) -> Part:
    text = "".join(run)
    return {"text": text, "thought": True} if thought else {"text": text}


_READERS: Final[dict[str, Callable[[Choice, dict[str, Any], list[PartDelta]], None]]] = {
    "executableCode": Choice._take_code,  # noqa: SLF001
    "codeExecutionResult": Choice._take_code_result,  # noqa: SLF001
    "inlineData": Choice._take_inline_data,  # noqa: SLF001
    "toolCall": Choice._take_own_call,  # noqa: SLF001
    "toolResponse": Choice._take_own_response,  # noqa: SLF001
}
