"""The script: the scripted responses to the next requests, set by tests with `POST /_emulator/script`.

A step is a JSON object for one request: the next one, or the next one that matches `match`. All keys are optional,
times are seconds. Without a response of its own (`body`, `raw`, `chunks`), a step modifies the generated response.

`match`           {"model", "method", "contains"}: parts of the model's name, the method and the body
`status`          HTTP status (200)
`body`            the JSON body
`raw`             the body as text, possibly malformed
`headers`         response headers to add or replace
`chunks`          the JSON objects of a stream
`delay`           wait before the head of the response
`body_delay`      wait between the head and the first byte of the body
`gap`             wait between chunks
`cut_after`       abort the connection after this many chunks (0: before the head; plain body: after half of it)
`hold`            wait before the head of the response until `POST /_emulator/release`, which ends the holds of all
                  steps that were added before it
`hold_after`      send this many chunks, then wait for the release
`hang`            never respond
`hang_after`      send this many chunks, then nothing
`error_in_stream` an error object, sent as the last chunk of the stream
`error_after`     the number of chunks before the error (default: all of `chunks`, else 1)
`bare_error`      send the error as bare JSON, without `data:`
`no_finish`       leave finishReason out of every chunk
"""

import asyncio
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step; the module's docstring describes the keys."""

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
    def has_response(self) -> bool:
        """Whether the step has a response of its own; the request is not validated then."""
        return (self.body, self.raw, self.chunks) != (None, None, None) or self.status != 200

    def matches(self, model: str, method: str, body: str) -> bool:
        """Whether the step matches this request; a step for the list of models must name the method."""
        if method == "list" and "method" not in self.match:
            return False
        seen = {"model": model, "method": method, "contains": body}
        return all(wanted in seen[key] for key, wanted in self.match.items())


PLAIN = Step()
_KEYS = {entry.name for entry in fields(Step)} - {"released"}
_MATCH_KEYS = {"model", "method", "contains"}


class Script:
    """The steps for the next requests."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._released = asyncio.Event()

    def extend(self, steps: Any) -> None:
        """Add steps from JSON; raises ValueError for an invalid list of steps."""
        if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
            raise ValueError("The script must be a list of objects.")
        for step in steps:
            unknown = (step.keys() - _KEYS) | (step.get("match", {}).keys() - _MATCH_KEYS)
            if unknown:
                raise ValueError(f"Unknown key in a step: {', '.join(sorted(unknown))}.")
        self.steps.extend(Step(**step, released=self._released) for step in steps)

    def take(self, model: str, method: str, body: str) -> Step:
        """Remove and return the step for a request; PLAIN without a matching step."""
        for index, step in enumerate(self.steps):
            if step.matches(model, method, body):
                return self.steps.pop(index)
        return PLAIN

    def release(self) -> None:
        """Release the responses of all steps that were added before."""
        self._released.set()
        self._released = asyncio.Event()

    def clear(self) -> None:
        """Remove all steps and release the held responses."""
        self.steps.clear()
        self.release()
