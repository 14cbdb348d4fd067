"""Runs of Google's code interpreter: each is an item, which stays open until all of its results can have come.

Gemini gives a run's code in one part and any number of results in later ones, with words between them if it likes, and
names by an id which run a result belongs to.
"""

from collections.abc import Callable
from typing import Final

from api.translate.answers.choice import Piece
from api.translate.responses.output.builder import Events, Output
from api.translate.responses.output.writers import CodeWriter

# Far above what Gemini runs at once; it bounds how long a result is looked for.
MOST_OPEN: Final = 32


class CodeRuns:
    """The runs of one answer, in order."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._open: list[tuple[str, CodeWriter]] = []

    def begin(self, piece: Piece) -> Events:
        """Return the events that begin a run; a result of a run that is not known begins one without code."""
        events = Events()
        if len(self._open) == MOST_OPEN:
            _, oldest = self._open.pop(0)
            events += oldest.end()
        writer = CodeWriter(self._output)
        self._open.append((piece.run, writer))
        events += writer.begin(piece.text if piece.kind == "code" else "")
        if piece.kind == "code_result":
            writer.add(piece.text)
        return events

    def expects(self, run: str) -> bool:
        """Whether a result under this id belongs to a run that is open."""
        return self._run(run) is not None

    def add(self, piece: Piece) -> Events:
        """Take a result of a run that is open. Runs before it that have theirs are ended."""
        writer = self._run(piece.run)
        events = self._end(lambda other: other.has_result and other is not writer)
        if writer is not None:
            writer.add(piece.text)
        return events

    def pause(self) -> Events:
        """End the runs whose results have come, because something else begins."""
        return self._end(lambda writer: writer.has_result) if self._open else Events()

    def end(self) -> Events:
        """End all runs."""
        return self._end(lambda _writer: True)

    def _run(self, run: str) -> CodeWriter | None:
        """Return the open run of that id; without an id the first one that has no result yet, else the last one."""
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
