"""Gemini's pieces to output items: which item each belongs to, and when one ends because another begins."""

from typing import Any, cast

from api.openai.responses import OutputItem, TokenLogprob, URLCitation
from api.translate.choice import Call, Choice, Piece
from api.translate.responses.encrypted import CarriedSignature, pack_signature
from api.translate.responses.output import Events, MessageWriter, Output, ReasoningWriter
from api.translate.responses.tool_names import CalledTools, client_tool
from api.translate.responses.whole_items import (
    CodeWriter,
    CompactionWriter,
    call_item,
    image_item,
    refusal_item,
    search_item,
)

Writer = MessageWriter | ReasoningWriter | CodeWriter


class AnswerItems:
    """Turns pieces into items. At most one item is open: the last that pieces were added to.

    `family` is the model family that signs, None if the client does not carry signatures itself.
    """

    def __init__(self, output: Output, called: CalledTools, family: str | None) -> None:
        self._output = output
        self._called = called
        self._family = family
        self._open: Writer | None = None
        self._start = 0  # where the open message begins in the text of the choice
        self._shown = 0  # how much of that text all messages hold
        self._calls_show = False  # Gemini shows each search as a call: then the grounding only sums them up
        self._text_signature = ""
        self._cited = 0
        self._compaction: CompactionWriter | None = None
        self.searches = 0

    @property
    def items(self) -> list[OutputItem]:
        """The items as they are now."""
        if self._open is not None:
            self._open.look()
        return self._output.items

    def lost_citations(self, choice: Choice) -> int:
        """Return how many citations came when the message that they are about had ended."""
        return max(0, len(_all_citations(choice)) - self._cited)

    def take(self, choice: Choice, pieces: list[Piece]) -> Events:
        """Return the events of what a choice gains."""
        events = Events()
        for piece in pieces:
            if piece.kind == "text":
                events += self._say(choice, piece.text)
            elif piece.kind == "thought":
                events += self._think(choice, piece.text)
            elif piece.kind == "call" and piece.call is not None:
                events += self._call(choice, piece.call)
            elif piece.kind == "signature":
                self._text_signature = piece.text
            else:
                events += self._whole(choice, piece)
        return events

    def compacting(self) -> Events:
        """Begin the compaction of what the answer goes on from; it stands before all other items."""
        self._compaction = CompactionWriter(self._output)
        return self._compaction.begin()

    def compacted(self, encrypted: str) -> Events:
        """End the compaction."""
        writer, self._compaction = self._compaction, None
        return [] if writer is None else writer.end(encrypted)

    def end(self, choice: Choice, *, whole: bool) -> Events:
        """End what is open, which is incomplete if the answer is not `whole`, and show what only the end tells."""
        events = Events()
        if isinstance(self._open, MessageWriter):
            events += self._open.end(self._citations(choice, self._open.length), whole=whole)
            self._open = None
        elif isinstance(self._open, CodeWriter):
            events += self._close(choice)
        return [*events, *self._sign_text(), *self._close(choice), *self._grounded(choice)]

    def refuse(self, refusal: str) -> Events:
        """Say why there is no answer."""
        return refusal_item(self._output, refusal)

    def _say(self, choice: Choice, text: str) -> Events:
        events = Events()
        writer = self._open
        if not isinstance(writer, MessageWriter):
            events += self._close(choice)
            self._open = writer = MessageWriter(self._output)
            self._start = self._shown
            events += writer.begin()
        self._shown += len(text)
        return events + writer.add(text, _logprobs(choice))

    def _think(self, choice: Choice, text: str) -> Events:
        events = Events()
        writer = self._open
        if not isinstance(writer, ReasoningWriter):
            events += self._close(choice)
            self._open = writer = ReasoningWriter(self._output, encrypted=self._family is not None)
            events += writer.begin()
        return events + writer.add(text)

    def _call(self, choice: Choice, call: Call) -> Events:
        events = Events()
        if not isinstance(self._open, ReasoningWriter):
            events += self._close(choice)
        events += self._sign_text()
        if call.signature:
            events += self._carry("call", call.signature)
        events += self._close(choice)
        return events + call_item(self._output, call, client_tool(call.name, self._called))

    def _whole(self, choice: Choice, piece: Piece) -> Events:
        if piece.kind == "code_result":
            writer = self._open
            if not isinstance(writer, CodeWriter):
                return Events()
            self._open = None
            return writer.end(piece.text)
        events = self._close(choice)
        if piece.kind == "code":
            self._open = CodeWriter(self._output)
            return events + self._open.begin(piece.text)
        if piece.kind == "search":
            self._calls_show = True
            return events + self._searched(piece.text.split("\n"))
        return events + image_item(self._output, piece.text)

    def _grounded(self, choice: Choice) -> Events:
        """Return the searches that only the grounding tells of, behind everything else.

        Gemini tells of them when the text is there, and in a stream at its end. Items cannot move up once their places
        have been told, so a plain answer has them in the same place.
        """
        if choice.grounding is None or self._calls_show:
            return Events()
        # Gemini lists empty and repeated ones too (rule 98).
        queries = [query for query in dict.fromkeys(choice.grounding.queries) if query]
        return self._searched(queries) if queries else Events()

    def _searched(self, queries: list[str]) -> Events:
        self.searches += 1
        return search_item(self._output, queries)

    def _sign_text(self) -> Events:
        """Give the signature of the text before: Gemini signs a text at its end, so what carries it comes after."""
        signature, self._text_signature = self._text_signature, ""
        return self._carry("text", signature) if signature else Events()

    def _carry(self, owner: Any, signature: str) -> Events:
        """Give the client a signature to carry, in the open reasoning item or in one of its own."""
        if self._family is None:
            return Events()
        events = Events()
        writer = self._open
        if not isinstance(writer, ReasoningWriter):
            writer = ReasoningWriter(self._output, encrypted=True)
            events += writer.begin()
        self._open = None
        return events + writer.end(pack_signature(CarriedSignature(owner=owner, value=signature, family=self._family)))

    def _citations(self, choice: Choice, length: int) -> list[URLCitation]:
        """Return the citations in the open message, which is `length` long, counted from its own begin."""
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

    def _close(self, choice: Choice) -> Events:
        """End the item that is open, because another one begins or nothing more comes."""
        writer, self._open = self._open, None
        if isinstance(writer, MessageWriter):
            return writer.end(self._citations(choice, writer.length), whole=True)
        if isinstance(writer, ReasoningWriter):
            if self._family is None:
                return writer.end(None)
            return writer.end(pack_signature(CarriedSignature(owner="text", value="", family=self._family)))
        return writer.end(None) if writer is not None else Events()


def _all_citations(choice: Choice) -> list[Any]:
    if choice.grounding is None:
        return []
    return [annotation["url_citation"] for annotation in choice.grounding.annotations("".join(choice.text))]


def _logprobs(choice: Choice) -> list[TokenLogprob]:
    fresh = choice.logprobs.fresh() if choice.logprobs is not None else None
    content = fresh["content"] if fresh is not None else None
    return [cast("TokenLogprob", entry) for entry in content or ()]
