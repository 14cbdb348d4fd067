"""Part deltas to output items: assigns each delta to an item, and ends an item when another begins."""

from typing import Any, Final, cast

from api.openai.responses.response import OutputItem, TokenLogprob, URLCitation
from api.translate.candidates.choice import Call, Choice, PartDelta
from api.translate.responses.carried_state import CarriedSignature, StateSigner, pack_signature
from api.translate.responses.output.builder import Events, MessageWriter, Output, ReasoningWriter
from api.translate.responses.output.code_runs import CodeRuns
from api.translate.responses.output.writers import (
    CompactionWriter,
    call_item,
    image_item,
    page_item,
    refusal_item,
    search_item,
)
from api.translate.responses.tools.names import CalledTools, client_tool

# Limit of messages whose citations are located before the end, because each time the whole text is read.
_MOST_LOOKS: Final = 16


class OutputItems:
    """Builds output items from part deltas.

    At most one item is open, except runs of code: the reasoning item before a message stays open too if it carries the
    signature of the text, because Gemini signs a text at its end. `family` is the model family of the signatures, None
    if the client does not store them itself; `signer` signs carried state. `thought` is True if thoughts were billed:
    then the output has a reasoning item, with or without a summary.
    """

    def __init__(self, output: Output, called: CalledTools, family: str | None, signer: StateSigner) -> None:
        self._output = output
        self._called = called
        self._family = family
        self._signer = signer
        self._message: MessageWriter | None = None
        self._reasoning: ReasoningWriter | None = None
        self._runs = CodeRuns(output)
        self._reasoned = False  # whether the output has a reasoning item
        self._start = 0  # offset of the open message in the text of the choice
        self._shown = 0  # length of the text in all messages
        self._calls_show = False  # Gemini sends each search as a call: the grounding repeats them
        self._text_signature = ""
        self._cited = 0
        self._looks = 0
        self._compaction: CompactionWriter | None = None
        self.searches = 0
        self.thought = False

    @property
    def items(self) -> list[OutputItem]:
        """The items in their current state."""
        for writer in (self._reasoning, self._message):
            if writer is not None:
                writer.look()
        return self._output.items

    def lost_citations(self, choice: Choice) -> int:
        """Return the number of citations in no message: received after its end, or not located."""
        return max(0, len(_all_citations(choice)) - self._cited)

    def take(self, choice: Choice, deltas: list[PartDelta]) -> Events:
        """Return the events of a choice's part deltas."""
        events = Events()
        for delta in deltas:
            if delta.kind == "text":
                events += self._add_text(choice, delta.text)
            elif delta.kind == "thought":
                events += self._add_reasoning(choice, delta.text)
            elif delta.kind == "call" and delta.call is not None:
                events += self._call(choice, delta.call)
            elif delta.kind == "signature":
                self._text_signature = delta.text
            else:
                events += self._whole(choice, delta)
        return events

    def compacting(self) -> Events:
        """Begin the compaction of the conversation, before all other items."""
        self._compaction = CompactionWriter(self._output)
        return self._compaction.begin()

    def compacted(self, state: str) -> Events:
        """End the compaction."""
        writer, self._compaction = self._compaction, None
        return [] if writer is None else writer.end(state)

    def end(self, choice: Choice, *, whole: bool) -> Events:
        """Close the open items (incomplete unless `whole`); emit items known only at the end (signature, grounding)."""
        self._looks = 0
        events = [*self._close(choice, whole=whole), *self._runs.end()]
        # Misplaced: the token count of the thoughts, or a signature without thoughts, came with the last chunk.
        if self._owes_reasoning():
            events += [*self._begin_reasoning(), *self._end_reasoning()]
        return [*events, *self._grounded(choice)]

    def refuse(self, refusal: str) -> Events:
        """Return the events of a refusal message."""
        return refusal_item(self._output, refusal)

    def _add_text(self, choice: Choice, text: str) -> Events:
        events = Events()
        if self._message is None:
            events += [*self._runs.pause(), *self._think_first()]
            if self._reasoning is not None:
                # Without carried state the item is complete when the text begins.
                events += self._end_reasoning() if self._family is None else self._reasoning.end_summary()
            self._message = MessageWriter(self._output)
            self._start = self._shown
            events += self._message.begin()
        self._shown += len(text)
        return events + self._message.add(text, _logprobs(choice))

    def _add_reasoning(self, choice: Choice, text: str) -> Events:
        events = Events()
        if self._reasoning is None or self._message is not None:
            events += [*self._close(choice), *self._begin_reasoning()]
        return events + (self._reasoning.add(text) if self._reasoning is not None else Events())

    def _call(self, choice: Choice, call: Call) -> Events:
        events = self._runs.pause()
        signature = call.signature if self._family is not None else None
        if self._reasoning is None and (signature or self._owes_reasoning()):
            events += [*self._end_message(choice), *self._begin_reasoning()]
        events += [*self._end_reasoning(signature or ""), *self._end_message(choice)]
        return events + call_item(self._output, call, client_tool(call.name, self._called))

    def _whole(self, choice: Choice, delta: PartDelta) -> Events:
        if delta.kind == "code_result" and self._runs.expects(delta.run):
            return self._runs.add(delta)
        events = [*self._close(choice), *self._think_first(), *self._end_reasoning()]
        if delta.kind in ("code", "code_result"):
            return events + self._runs.begin(delta)
        if delta.kind == "search":
            self._calls_show = True
            return events + self._searched(delta.text.split("\n"))
        return events + image_item(self._output, delta.text)

    def _grounded(self, choice: Choice) -> Events:
        """Return the searches known from the grounding only, and the retrieved pages, behind all other items.

        Gemini sends the grounding after the text, in a stream in the last chunk. Items cannot move after their events,
        so a plain response has them at the same index.
        """
        if choice.grounding is None:
            return Events()
        events = Events()
        # Gemini lists empty and repeated ones too (rule 98).
        queries = [query for query in choice.grounding.queries if query]
        if queries and not self._calls_show:
            events += self._searched(queries)
        for page in choice.grounding.pages:
            events += page_item(self._output, page.url, read=page.read)
        return events

    def _searched(self, queries: list[str]) -> Events:
        self.searches += 1
        return search_item(self._output, queries)

    def _think_first(self) -> Events:
        """Begin a reasoning item for thoughts without a summary, before any other item."""
        return self._begin_reasoning() if self.thought and not self._reasoned else Events()

    def _owes_reasoning(self) -> bool:
        """Whether a reasoning item is missing, for billed thoughts or for the signature of the text."""
        return bool(self._text_signature and self._family) or (self.thought and not self._reasoned)

    def _begin_reasoning(self) -> Events:
        self._reasoned = True
        self._reasoning = ReasoningWriter(self._output, carries=self._family is not None)
        return self._reasoning.begin()

    def _end_reasoning(self, call_signature: str = "") -> Events:
        """End the open reasoning item with the signatures of the text so far and of the next call."""
        writer, self._reasoning = self._reasoning, None
        if writer is None:
            return Events()
        text, self._text_signature = self._text_signature, ""
        if self._family is None:
            return writer.end(None)
        if call_signature:
            carried = CarriedSignature(owner="call", value=call_signature, family=self._family, text=text)
        else:
            carried = CarriedSignature(owner="text", value=text, family=self._family)
        return writer.end(pack_signature(carried, self._signer))

    def _end_message(self, choice: Choice, *, whole: bool = True) -> Events:
        writer, self._message = self._message, None
        return writer.end(self._citations(choice, writer.length), whole=whole) if writer is not None else Events()

    def _citations(self, choice: Choice, length: int) -> list[URLCitation]:
        """Return the citations within the open message of `length` characters, with offsets from its begin."""
        if choice.grounding is None or self._looks >= _MOST_LOOKS:
            return []
        self._looks += 1
        start = self._start
        inside: list[URLCitation] = [
            {
                "type": "url_citation",
                "start_index": citation["start_index"] - start,
                "end_index": citation["end_index"] - start,
                "title": citation["title"],
                "url": citation["url"],
            }
            for citation in _all_citations(choice)
            if start <= citation["start_index"] and citation["end_index"] <= start + length
        ]
        self._cited += len(inside)
        return inside

    def _close(self, choice: Choice, *, whole: bool = True) -> Events:
        """End the open items, because another item begins or the response ends."""
        return [*self._runs.pause(), *self._end_reasoning(), *self._end_message(choice, whole=whole)]


def _all_citations(choice: Choice) -> list[Any]:
    if choice.grounding is None:
        return []
    return [annotation["url_citation"] for annotation in choice.grounding.annotations("".join(choice.text))]


def _logprobs(choice: Choice) -> list[TokenLogprob]:
    fresh = choice.logprobs.fresh() if choice.logprobs is not None else None
    content = fresh["content"] if fresh is not None else None
    return [cast("TokenLogprob", entry) for entry in content or ()]
