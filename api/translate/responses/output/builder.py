"""The output of a response: its items in order, and their events.

Every event has the next sequence number; an item has one id and one index in all of its events. Messages and reasoning
items stay open for deltas; other items are complete at once, with all their events.
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from api.openai.responses.events import ResponseStreamEvent
from api.openai.responses.response import OutputItem, OutputText, TokenLogprob, URLCitation

Events = list[ResponseStreamEvent]
Item = dict[str, Any]


class Output:
    """The output items; `ids` yields the unique parts of item ids."""

    def __init__(self, ids: Iterator[str]) -> None:
        self._ids = ids
        self._items: list[Item] = []
        self._sequence = 0

    @property
    def items(self) -> list[OutputItem]:
        """The items in their current state."""
        return [cast("OutputItem", _snapshot(item)) for item in self._items]

    def event(self, kind: str, **fields: Any) -> ResponseStreamEvent:
        """Return the next event."""
        event = {"type": kind, "sequence_number": self._sequence, **fields}
        self._sequence += 1
        return cast("ResponseStreamEvent", event)

    def begin(self, prefix: str, kind: str, **fields: Any) -> "OpenItem":
        """Return a new item at the end of the output; its id begins with `prefix`."""
        item: Item = {"id": f"{prefix}_{next(self._ids)}", "type": kind, **fields}
        self._items.append(item)
        return OpenItem(self, item, len(self._items) - 1)


class OpenItem:
    """An open item; `item` changes until its end."""

    def __init__(self, output: Output, item: Item, index: int) -> None:
        self.item = item
        self._output = output
        self._index = index

    def event(self, kind: str, **fields: Any) -> ResponseStreamEvent:
        """Return the next event of this item."""
        return self._output.event(kind, item_id=self.item["id"], output_index=self._index, **fields)

    def command(self, index: int, command: str) -> Events:
        """Return the events of a shell command, which have the item's index and no item id."""

        def event(step: str, **fields: str) -> ResponseStreamEvent:
            kind = f"response.shell_call_command.{step}"
            return self._output.event(kind, output_index=self._index, command_index=index, **fields)

        return [event("added", command=""), event("delta", delta=command), event("done", command=command)]

    def added(self) -> ResponseStreamEvent:
        """Return the event with the new item."""
        return self._output.event("response.output_item.added", output_index=self._index, item=_snapshot(self.item))

    def done(self) -> ResponseStreamEvent:
        """Return the event with the ended item."""
        return self._output.event("response.output_item.done", output_index=self._index, item=_snapshot(self.item))


class MessageWriter:
    """An assistant message: one text part, built from deltas."""

    def __init__(self, output: Output) -> None:
        self._open = output.begin("msg", "message", status="in_progress", content=[], role="assistant")
        self._deltas: list[str] = []
        self._logprobs: list[TokenLogprob] = []
        # Joined on demand only: a message may have thousands of deltas.
        self._part: OutputText = {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}

    @property
    def length(self) -> int:
        """The length of the message in characters."""
        return sum(map(len, self._deltas))

    def begin(self) -> Events:
        """Return the first events of the message."""
        added = self._open.added()
        self._open.item["content"] = [self._part]
        return [added, self._open.event("response.content_part.added", content_index=0, part=dict(self._part))]

    def add(self, text: str, logprobs: list[TokenLogprob]) -> Events:
        """Add a text delta with the log probabilities of its tokens."""
        self._deltas.append(text)
        self._logprobs += logprobs
        return [self._open.event("response.output_text.delta", content_index=0, delta=text, logprobs=logprobs)]

    def look(self) -> None:
        """Update the item."""
        self._part["text"] = "".join(self._deltas)
        self._part["logprobs"] = list(self._logprobs)

    def end(self, annotations: list[URLCitation], *, whole: bool) -> Events:
        """End the message, with status incomplete unless `whole`."""
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
    """A reasoning item: a summary of at most one part, and the state that the client carries."""

    def __init__(self, output: Output, *, carries: bool) -> None:
        carried = {"encrypted_content": None} if carries else {}
        self._open = output.begin("rs", "reasoning", summary=[], **carried)
        self._deltas: list[str] = []
        self._thought = False

    def begin(self) -> Events:
        """Return the first event of the item."""
        return [self._open.added()]

    def add(self, text: str) -> Events:
        """Add a delta of a thought."""
        event, events = self._open.event, Events()
        if not self._deltas:
            part = {"type": "summary_text", "text": ""}
            self._open.item["summary"] = [part]
            events.append(event("response.reasoning_summary_part.added", summary_index=0, part=dict(part)))
        self._deltas.append(text)
        return [*events, event("response.reasoning_summary_text.delta", summary_index=0, delta=text)]

    def look(self) -> None:
        """Update the item."""
        for part in self._open.item["summary"]:
            part["text"] = "".join(self._deltas)

    def end_summary(self) -> Events:
        """End the summary, once; the item stays open for its carried state."""
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
        """End the item with its carried state."""
        events = self.end_summary()
        if state is not None:
            self._open.item["encrypted_content"] = state
        return [*events, self._open.done()]


def _snapshot(item: Mapping[str, Any]) -> Item:
    """Return the item in its current state; mutable fields are copied."""
    copy = dict(item)
    for key in ("content", "summary", "outputs"):
        if copy.get(key):
            copy[key] = [dict(part) for part in copy[key]]
    return copy
