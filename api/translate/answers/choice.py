"""One choice of an answer in the making: Gemini's candidate, chunk by chunk, for every dialect and for storage.

Reads parts and keeps them twice: as what a client sees (text, thoughts, calls, images) and exactly as they came, so
that the turn can be sent back with its thought signatures. How a dialect spells what a client sees is not decided here.
"""

import binascii
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from api.errors import UpstreamError
from api.gemini.wire import Content, Part
from api.notes import Note
from api.translate.answers.annotations import Grounding
from api.translate.answers.empty_answer import empty_answer, malformed_answer, unplaced, unseen_answer
from api.translate.answers.finish_reason import LOST_CALL, UNSPECIFIED, finish_reason_note, finish_reason_to_openai
from api.translate.answers.logprobs import TokenLogprobs
from api.translate.answers.streamed_calls.open_calls import OpenCalls, is_whole
from api.translate.answers.upstream_json import expect, label, to_json, unexpected_shape
from api.translate.conversation.code_blocks import code_output, code_result_to_text, executable_code_to_text

if TYPE_CHECKING:
    from api.openai.completions.completion import CompletionFinishReason

# Gemini speaks 16-bit samples without a file format around them.
RAW_SOUND: Final = ("audio/l16", "audio/pcm")
WEB_SEARCH: Final = "GOOGLE_SEARCH_WEB"
_SOURCES: Final = frozenset({"groundingMetadata", "citationMetadata", "urlContextMetadata"})
LONGEST_REASON: Final = 50


class Call(NamedTuple):
    """A function call as the client sees it: its own name for the function, the arguments as JSON text.

    `position` counts the calls of the choice over all its chunks; `signature` is the thought signature on it.
    """

    position: int
    id: str
    name: str
    arguments: str
    signature: str | None = None


@dataclass(slots=True)
class Piece:
    """What one part adds to a choice; `text` of an image is its data URL, of audio its base64; `call` is for calls.

    The last four kinds come only where the dialect has places of their own for them: code that Gemini ran, what it
    printed, the queries of a web search (one a line), and the signature on the text before. `position` counts the
    images of the choice; `run` is Gemini's id of the run that code and what it printed belong to, "" without one.
    """

    kind: Literal["text", "thought", "image", "audio", "call", "code", "code_result", "search", "signature"]
    text: str
    call: Call | None = None
    position: int = 0
    run: str = ""


@dataclass(slots=True, kw_only=True)
class DialectRules:
    """What a dialect can carry: how many calls of a choice (None: any number), and whether images and speech.

    `call_ids` gives a fresh id for each call; `tool_names` maps names as sent to the client's own. `top_logprobs` is
    how many rivals of each token the client wants to see, None if it wants no log probabilities. `own_tools` tells that
    code, searches and signatures have places of their own; else code is shown as text, and the others are not.
    `empty_stop` says that an answer may be empty, because the client has named sequences that end it.
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
    """Folds the candidates of one index. `text`, `thoughts`, `images` and `calls` are what a client sees, in order."""

    __slots__ = (
        "_open_calls",
        "_parts",
        "_ran_code",
        "_rules",
        "_run",
        "_run_is_thought",
        "_searched",
        "_withheld",
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
        self.audio: list[bytes] = []  # samples as Gemini sent them, of the type `audio_type`
        self.audio_type = ""
        self.calls: list[Call] = []
        self.native_finish_reason = ""
        self.finish_reason: CompletionFinishReason = "stop"  # OpenAI's reason, before anybody looks for calls
        self.blocked = False
        self.grounding: Grounding | None = None
        self._searched: list[str] = []  # by Google's own calls, which may come without any grounding after them
        self.logprobs = None if rules.top_logprobs is None else TokenLogprobs(rules.top_logprobs)
        self.signature: str | None = None  # the last one on a text
        self.signs_alone = False  # it stands on a part of its own, without text: so a stream ends (rule 26)
        self._rules = rules
        self._parts: list[Part] = []
        self._run: list[str] = []  # unsigned text since the last other part: it is stored as one part
        self._run_is_thought = False
        self._open_calls: OpenCalls | None = None
        self._ran_code = False  # and the client sees it in a place of its own
        self._withheld: dict[str, Note] = {}

    @property
    def finished(self) -> bool:
        """Whether Gemini has said why the answer ended, or blocked the prompt."""
        return bool(self.native_finish_reason)

    @property
    def holds_nothing(self) -> bool:
        """Whether a client sees no answer in it: neither text nor a call, nor what else its dialect can carry."""
        return not (self.text or self.calls or self.images or self.audio or self._ran_code)

    @property
    def fault(self) -> UpstreamError | None:
        """Why the choice is no answer although Gemini ended it by itself; None for one that is."""
        native = self.native_finish_reason
        if self.blocked or self.finish_reason != "stop":
            return None
        if not self.holds_nothing:
            return malformed_answer(native) if native in LOST_CALL and not self.calls else None
        if self._withheld:
            return unseen_answer()
        return None if native == "STOP" and self._rules.empty_stop else empty_answer(native)

    @property
    def content(self) -> Content:
        """Gemini's content for storage: parts as they came, but for adjacent unsigned texts, which are joined."""
        parts = [*self._parts, _text_part(self._run, thought=self._run_is_thought)] if self._run else list(self._parts)
        return {"role": "model", "parts": parts}

    @property
    def search_queries(self) -> set[str]:
        """What Google Search was asked. Gemini lists empty queries too, which Google does not bill (rule 98)."""
        return {query for query in (*self._searched, *(self.grounding.queries if self.grounding else ())) if query}

    @property
    def notes(self) -> list[Note]:
        """What the client does not see as Gemini sent it."""
        native = self.native_finish_reason
        if native == "STOP" and not (self._withheld or self.blocked or self.grounding):
            return []
        reason = finish_reason_note(native, blocked=self.blocked) if native else None
        ended = [Note("converted", f"choices[{self.index}].finish_reason", reason)] if reason else []
        return [*self._withheld.values(), *self._sources_notes(), *ended]

    def take(self, candidate: Mapping[str, Any]) -> list[Piece]:
        """Take the next candidate of this choice; return what a client sees of it. Raises UpstreamError."""
        pieces: list[Piece] = []
        content = candidate.get("content")
        if content is not None:
            parts = content.get("parts") or [] if isinstance(content, dict) else None
            if not isinstance(parts, list):
                raise unexpected_shape()
            for part in parts:
                if not isinstance(part, dict):
                    raise unexpected_shape()
                self._take_part(part, pieces)  # type: ignore[arg-type]
        native = candidate.get("finishReason")
        if native and native != UNSPECIFIED:
            if self._open_calls:
                self._give_out(self._open_calls.close(), pieces)
            self.native_finish_reason = native if native == "STOP" else label(expect(native, str), LONGEST_REASON)
            self.finish_reason = finish_reason_to_openai(self.native_finish_reason)
        if not _SOURCES.isdisjoint(candidate):
            self.grounding = self.grounding or Grounding()
            self.grounding.take(candidate)
        if self.logprobs is not None and "logprobsResult" in candidate:
            self.logprobs.take(candidate["logprobsResult"])
        return pieces

    def close(self) -> None:
        """Say that nothing more comes. Raises UpstreamError for a part of a call that came after the finish reason."""
        if self._open_calls:
            raise unplaced()

    def block(self, reason: str) -> None:
        """End the choice because Gemini refused the prompt."""
        self.native_finish_reason = reason
        self.finish_reason = finish_reason_to_openai(reason, blocked=True)
        self.blocked = True

    def _take_part(self, part: Part, pieces: list[Piece]) -> None:
        text = part.get("text")
        if self._open_calls and (text or (text is None and "functionCall" not in part)):
            self._give_out(self._open_calls.pause(), pieces)
        if text is None:
            self._close_run()
            self._take_other(part, pieces)
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
            pieces.append(Piece("thought" if thought else "text", text))
        if not bare:
            self._show_signature(part, pieces)

    def _take_other(self, part: Part, pieces: list[Piece]) -> None:
        if "functionCall" in part:
            self._take_call(part, pieces)
            return
        if part.keys() <= {"thoughtSignature", "thought"}:
            part = {"text": "", **part}  # a part without data would be refused on its way back
            self._keep_signature(part)
            self._show_signature(part, pieces)
        self._store(part)
        if part.get("thought") is True:
            return
        for kind, reader in _READERS.items():
            if kind in part:
                reader(self, expect(part.get(kind), dict), pieces)
                return
        if "thoughtSignature" not in part:
            self._withhold("content", "part of a kind that this API does not support")

    def _take_call(self, part: Part, pieces: list[Piece]) -> None:
        call = expect(part.get("functionCall"), dict)
        if not self._open_calls:
            if is_whole(call):
                self._made(part, pieces)
                return
            self._open_calls = self._open_calls or OpenCalls()
        self._give_out(self._open_calls.take(part, call), pieces)

    def _give_out(self, complete: list[Part], pieces: list[Piece]) -> None:
        if self._open_calls is not None and self._open_calls.cut:
            self._note("dropped", "tool_calls", "incomplete arguments of a tool call: Gemini did not send the rest")
        for part in complete:
            self._made(part, pieces)

    def _made(self, part: Part, pieces: list[Piece]) -> None:
        """Store and give out one call; one above the limit is neither stored nor given out, so both sides agree."""
        rules = self._rules
        called: Mapping[str, Any] = part["functionCall"]
        name, args = expect(called["name"], str), called["args"]
        if rules.call_limit is not None and len(self.calls) >= rules.call_limit:
            self._withhold(
                "tool_calls",
                "parallel tool calls are off" if rules.call_limit else "this API does not support function calls",
            )
            return
        client_name = rules.tool_names.get(name, name)
        call = Call(len(self.calls), next(rules.call_ids), client_name, to_json(args), _signature(part))
        self._store(part)
        self.calls.append(call)
        pieces.append(Piece("call", "", call))

    def _keep_signature(self, part: Part) -> None:
        if signature := _signature(part):
            self.signature, self.signs_alone = signature, not part.get("text")

    def _show_signature(self, part: Part, pieces: list[Piece]) -> None:
        if self._rules.own_tools and (signature := _signature(part)):
            pieces.append(Piece("signature", signature))

    def _take_code(self, code: dict[str, Any], pieces: list[Piece]) -> None:
        if self._rules.own_tools:
            self._ran_code = True
            pieces.append(Piece("code", expect(code.get("code") or "", str), run=expect(code.get("id") or "", str)))
        else:
            self._show_block(executable_code_to_text(code), pieces)

    def _take_code_result(self, outcome: dict[str, Any], pieces: list[Piece]) -> None:
        if self._rules.own_tools:
            pieces.append(Piece("code_result", code_output(outcome), run=expect(outcome.get("id") or "", str)))
        else:
            self._show_block(code_result_to_text(outcome), pieces)

    def _show_block(self, block: str, pieces: list[Piece]) -> None:
        """Give out a fenced block: text that the client sees, and that is stored as the part it came from."""
        if not block:
            return
        if self.text and not self.text[-1].endswith("\n"):
            block = f"\n{block}"
        self.text.append(block)
        pieces.append(Piece("text", block))
        self._note("converted", "content", "code execution shown as fenced code blocks")

    def _take_inline_data(self, blob: dict[str, Any], pieces: list[Piece]) -> None:
        mime_type, base64 = expect(blob.get("mimeType") or "", str), expect(blob.get("data") or "", str)
        if mime_type.startswith("image/") and base64 and self._rules.images:
            url = f"data:{mime_type};base64,{base64}"
            self.images.append(url)
            pieces.append(Piece("image", url, position=len(self.images) - 1))
        elif mime_type.lower().startswith(RAW_SOUND) and self._rules.audio:
            self._take_speech(mime_type, base64, pieces)
        else:
            self._withhold("content", "media of a kind that this API does not support")

    def _take_speech(self, mime_type: str, base64: str, pieces: list[Piece]) -> None:
        try:
            samples = b64decode(base64, validate=True)
        except binascii.Error:
            raise unexpected_shape() from None
        self.audio_type = mime_type
        if samples:
            self.audio.append(samples)
            pieces.append(Piece("audio", base64))

    def _take_own_call(self, tool: dict[str, Any], pieces: list[Piece]) -> None:
        """Google's own tools run on its side: stored with their signatures (rules 25, 39); searches may be seen."""
        queries = expect(tool.get("args") or {}, dict).get("queries")
        if tool.get("toolType") != WEB_SEARCH or not isinstance(queries, list):
            return
        self._searched += [query for query in queries if isinstance(query, str)]
        if self._rules.own_tools:
            pieces.append(Piece("search", "\n".join(str(query) for query in queries)))

    def _take_own_response(self, _tool: dict[str, Any], _pieces: list[Piece]) -> None:
        """What one of Google's own tools found: stored, nothing for a client."""

    def _store(self, part: Part) -> None:
        to_json({key: value for key, value in part.items() if key != "inlineData"})  # storage has to write it
        self._parts.append(part)

    def _close_run(self) -> None:
        if self._run:
            self._parts.append(_text_part(self._run, thought=self._run_is_thought))
            self._run = []

    def _withhold(self, field: str, what: str) -> None:
        self._note("dropped", field, what)

    def _sources_notes(self) -> list[Note]:
        if self.grounding is None or not self.finished:
            return []  # what is cited is known at the end
        param = f"choices[{self.index}].message.annotations"
        return [Note(kind, param, reason) for kind, reason in self.grounding.remarks("".join(self.text))]

    def _note(self, kind: Literal["dropped", "converted"], field: str, reason: str) -> None:
        self._withheld[reason] = Note(kind, f"choices[{self.index}].message.{field}", reason)


def _signature(part: Part) -> str | None:
    """Return the signature of a part that a client may be shown: a thought's own is not one of them."""
    signature = part.get("thoughtSignature")
    return signature if isinstance(signature, str) and signature and part.get("thought") is not True else None


def _text_part(run: list[str], *, thought: bool) -> Part:
    text = "".join(run)
    return {"text": text, "thought": True} if thought else {"text": text}


# The first word of the list that a part holds says what it is.
_READERS: Final[dict[str, Callable[[Choice, dict[str, Any], list[Piece]], None]]] = {
    "executableCode": Choice._take_code,  # noqa: SLF001
    "codeExecutionResult": Choice._take_code_result,  # noqa: SLF001
    "inlineData": Choice._take_inline_data,  # noqa: SLF001
    "toolCall": Choice._take_own_call,  # noqa: SLF001
    "toolResponse": Choice._take_own_response,  # noqa: SLF001
}
