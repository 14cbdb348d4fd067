"""The script: what the next requests are answered with, set by tests through `POST /_emulator/script`.

A step is a JSON object; each applies to one request, in order, or to the next one that its `match` fits. All keys are
optional, times are seconds. Without an answer of its own (`body`, `raw`, `chunks`) a step only bends the one the
emulator makes up.

`match`           {"model", "method", "contains"}: parts of the model's name, the method and the body
`status`          HTTP status (200)
`body`            the JSON body
`raw`             the body as text, malformed as it may be
`headers`         response headers that are added or replaced
`chunks`          the JSON objects of a stream
`delay`           wait before the head of the response
`body_delay`      wait between the head and the first byte of the body
`gap`             wait between chunks
`cut_after`       abort the connection after so many chunks (0: before the head; of a plain body: after half of it)
`hold`            wait before the head of the response until `POST /_emulator/release`, which ends the holds of all
                  steps that were added before it
`hold_after`      send so many chunks, then wait for the release
`hang`            never answer
`hang_after`      send so many chunks, then nothing more
`error_in_stream` an error object sent as a chunk of the stream, which ends there
`error_after`     how many chunks go before it (default 1; all of `chunks` where those are given)
`bare_error`      send it as bare JSON, without `data:`
`no_finish`       leave finishReason out of every chunk
"""

import asyncio
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step; the module's docstring says what each key does."""

    match: dict[str, str] = field(default_factory=dict)
    status: int = 200
    body: Any = None
    raw: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    chunks: list[Any] | None = None
    delay: float = 0.0
    body_delay: float = 0.0
    gap: float = 0.0
    cut_after: int | None = None
    hold: bool = False
    hold_after: int | None = None
    hang: bool = False
    hang_after: int | None = None
    error_in_stream: Any = None
    error_after: int | None = None
    bare_error: bool = False
    no_finish: bool = False
    released: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def answers(self) -> bool:
        """Whether the step brings its own answer; then the request is not even validated."""
        return (self.body, self.raw, self.chunks) != (None, None, None) or self.status != 200

    def fits(self, model: str, method: str, body: str) -> bool:
        """Whether the step is meant for this request; one for the list of models has to say so."""
        if method == "list" and "method" not in self.match:
            return False
        seen = {"model": model, "method": method, "contains": body}
        return all(wanted in seen[key] for key, wanted in self.match.items())


PLAIN = Step()
_KEYS = {entry.name for entry in fields(Step)} - {"released"}
_MATCH_KEYS = {"model", "method", "contains"}


class Script:
    """The steps that wait for their requests."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._released = asyncio.Event()

    def extend(self, steps: Any) -> None:
        """Adds steps given as JSON; raises ValueError for what is no list of steps."""
        if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
            raise ValueError("The script must be a list of objects.")
        for step in steps:
            unknown = (step.keys() - _KEYS) | (step.get("match", {}).keys() - _MATCH_KEYS)
            if unknown:
                raise ValueError(f"Unknown key in a step: {', '.join(sorted(unknown))}.")
        self.steps.extend(Step(**step, released=self._released) for step in steps)

    def take(self, model: str, method: str, body: str) -> Step:
        """The step for a request, which is used up; a step that changes nothing if none is meant for it."""
        for index, step in enumerate(self.steps):
            if step.fits(model, method, body):
                return self.steps.pop(index)
        return PLAIN

    def release(self) -> None:
        """Ends the holds of all steps that were added before."""
        self._released.set()
        self._released = asyncio.Event()

    def clear(self) -> None:
        """Forgets all steps and releases what is held."""
        self.steps.clear()
        self.release()
