"""The output of a response in the making: its items in order, and the events that tell of them.

Every event has the next sequence number; an item keeps its id and its index in all of its events. Items that are whole
at once come out with all their events together, messages and reasoning stay open for more.
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from api.openai.responses.events import ResponseStreamEvent
from api.openai.responses.response import OutputItem, OutputText, TokenLogprob, URLCitation

Events = list[ResponseStreamEvent]
Item = dict[str, Any]


class Output:
    """The items so far; `ids` gives what makes an item's id unique."""

    def __init__(self, ids: Iterator[str]) -> None:
        self._ids = ids
        self._items: list[Item] = []
        self._sequence = 0

    @property
    def items(self) -> list[OutputItem]:
        """The items as they are now."""
        return [cast("OutputItem", _snapshot(item)) for item in self._items]

    def event(self, kind: str, **fields: Any) -> ResponseStreamEvent:
        """Return the next event."""
        event = {"type": kind, "sequence_number": self._sequence, **fields}
        self._sequence += 1
        return cast("ResponseStreamEvent", event)

    def begin(self, prefix: str, kind: str, **fields: Any) -> "OpenItem":
        """Return a new item at the end of the output, whose id begins with `prefix`."""
        item: Item = {"id": f"{prefix}_{next(self._ids)}", "type": kind, **fields}
        self._items.append(item)
        return OpenItem(self, item, len(self._items) - 1)


class OpenItem:
    """An item that has begun and not ended; `item` changes until it has."""

    def __init__(self, output: Output, item: Item, index: int) -> None:
        self.item = item
        self._output = output
        self._index = index

    def event(self, kind: str, **fields: Any) -> ResponseStreamEvent:
        """Return the next event of this item."""
        return self._output.event(kind, item_id=self.item["id"], output_index=self._index, **fields)

    def command(self, index: int, command: str) -> Events:
        """Return the events of a shell's command; they name the item by its place alone."""

        def event(step: str, **fields: str) -> ResponseStreamEvent:
            kind = f"response.shell_call_command.{step}"
            return self._output.event(kind, output_index=self._index, command_index=index, **fields)

        return [event("added", command=""), event("delta", delta=command), event("done", command=command)]

    def added(self) -> ResponseStreamEvent:
        """Return the event that shows the item as it begins."""
        return self._output.event("response.output_item.added", output_index=self._index, item=_snapshot(self.item))

    def done(self) -> ResponseStreamEvent:
        """Return the event that shows the item as it ended."""
        return self._output.event("response.output_item.done", output_index=self._index, item=_snapshot(self.item))


class MessageWriter:
    """A message of the assistant's: one part of text, in as many pieces as come."""

    def __init__(self, output: Output) -> None:
        self._open = output.begin("msg", "message", status="in_progress", content=[], role="assistant")
        self._pieces: list[str] = []
        self._logprobs: list[TokenLogprob] = []
        # Joined only when somebody looks: a message may come in thousands of pieces.
        self._part: OutputText = {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}

    @property
    def length(self) -> int:
        """How many characters the message has."""
        return sum(map(len, self._pieces))

    def begin(self) -> Events:
        """Return the events that begin the message."""
        added = self._open.added()
        self._open.item["content"] = [self._part]
        return [added, self._open.event("response.content_part.added", content_index=0, part=dict(self._part))]

    def add(self, text: str, logprobs: list[TokenLogprob]) -> Events:
        """Add a piece of text with the log probabilities of its tokens."""
        self._pieces.append(text)
        self._logprobs += logprobs
        return [self._open.event("response.output_text.delta", content_index=0, delta=text, logprobs=logprobs)]

    def look(self) -> None:
        """Bring the item up to date."""
        self._part["text"] = "".join(self._pieces)
        self._part["logprobs"] = list(self._logprobs)

    def end(self, annotations: list[URLCitation], *, whole: bool) -> Events:
        """End the message; it is incomplete if it is not `whole`."""
        self.look()
        self._part["annotations"] = annotations
        part, event = self._part, self._open.event
        events = [
            event(
                "response.output_text.annotation.added",
                content_index=0,
                annotation_index=index,
                annotation=annotation,
            )
            for index, annotation in enumerate(annotations)
        ]
        events += [
            event("response.output_text.done", content_index=0, text=part["text"], logprobs=part["logprobs"]),
            event("response.content_part.done", content_index=0, part=dict(part)),
        ]
        self._open.item["status"] = "completed" if whole else "incomplete"
        return [*events, self._open.done()]


class ReasoningWriter:
    """A reasoning item: a summary of one paragraph, if there is any, and the state that the client carries."""

    def __init__(self, output: Output, *, carries: bool) -> None:
        carried = {"encrypted_content": None} if carries else {}
        self._open = output.begin("rs", "reasoning", summary=[], **carried)
        self._pieces: list[str] = []
        self._thought = False

    def begin(self) -> Events:
        """Return the events that begin the item."""
        return [self._open.added()]

    def add(self, text: str) -> Events:
        """Add a piece of a thought."""
        event, events = self._open.event, Events()
        if not self._pieces:
            part = {"type": "summary_text", "text": ""}
            self._open.item["summary"] = [part]
            events.append(event("response.reasoning_summary_part.added", summary_index=0, part=dict(part)))
        self._pieces.append(text)
        return [*events, event("response.reasoning_summary_text.delta", summary_index=0, delta=text)]

    def look(self) -> None:
        """Bring the item up to date."""
        for part in self._open.item["summary"]:
            part["text"] = "".join(self._pieces)

    def end_summary(self) -> Events:
        """End the summary, once, while the item stays open for what it is to carry."""
        if self._thought:
            return Events()
        self._thought = True
        self.look()
        event, events = self._open.event, Events()
        for part in self._open.item["summary"]:
            events += [
                event("response.reasoning_summary_text.done", summary_index=0, text=part["text"]),
                event("response.reasoning_summary_part.done", summary_index=0, part=dict(part)),
            ]
        return events

    def end(self, state: str | None) -> Events:
        """End the item, with what the client is to carry."""
        events = self.end_summary()
        if state is not None:
            self._open.item["encrypted_content"] = state
        return [*events, self._open.done()]


def _snapshot(item: Mapping[str, Any]) -> Item:
    """Return the item as it is now: what changes later is copied."""
    copy = dict(item)
    for key in ("content", "summary", "outputs"):
        if copy.get(key):
            copy[key] = [dict(part) for part in copy[key]]
    return copy
