"""Runs of Google's code interpreter: each run is an item, which stays open for its results.

Gemini sends a run's code in one part and any number of results in later ones, possibly with text between them; an id
identifies the run of a result.
"""

from collections.abc import Callable
from typing import Final

from api.translate.candidates.choice import PartDelta
from api.translate.responses.output.builder import Events, Output
from api.translate.responses.output.writers import CodeWriter

# Far above the number of Gemini's concurrent runs; limits the search for a result's run.
MOST_OPEN: Final = 32


class CodeRuns:
    """The runs of one response, in order."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._open: list[tuple[str, CodeWriter]] = []

    def begin(self, delta: PartDelta) -> Events:
        """Return the first events of a run; a result of an unknown run begins one without code."""
        events = Events()
        if len(self._open) == MOST_OPEN:
            _, oldest = self._open.pop(0)
            events += oldest.end()
        writer = CodeWriter(self._output)
        self._open.append((delta.run, writer))
        events += writer.begin(delta.text if delta.kind == "code" else "")
        if delta.kind == "code_result":
            writer.add(delta.text)
        return events

    def expects(self, run: str) -> bool:
        """Whether an open run expects a result with this id."""
        return self._run(run) is not None

    def add(self, delta: PartDelta) -> Events:
        """Add a result of an open run, and end the other runs that have a result."""
        writer = self._run(delta.run)
        events = self._end(lambda other: other.has_result and other is not writer)
        if writer is not None:
            writer.add(delta.text)
        return events

    def pause(self) -> Events:
        """End the runs that have a result, because another item begins."""
        return self._end(lambda writer: writer.has_result) if self._open else Events()

    def end(self) -> Events:
        """End all runs."""
        return self._end(lambda _writer: True)

    def _run(self, run: str) -> CodeWriter | None:
        """Return the open run with this id; without ids the first one without a result, else the last one."""
        if run and any(known for known, _ in self._open):
            return next((writer for known, writer in self._open if known == run), None)
        waiting = [writer for _, writer in self._open if not writer.has_result]
        return waiting[0] if waiting else self._open[-1][1] if self._open else None

    def _end(self, ended: Callable[[CodeWriter], bool]) -> Events:
        events = Events()
        for _, writer in self._open:
            if ended(writer):
                events += writer.end()
        self._open = [(run, writer) for run, writer in self._open if not ended(writer)]
        return events
