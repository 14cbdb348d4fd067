"""Steer inputs of one connection: input that a client injects into a running response.

An accepted steer input ends the response at once, as `incomplete`; a successor with the same settings continues with
the input. A response that has called a tool ends by itself first, and the steer input waits for the results.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from api.exchange.responses.plan import PlannedResponse
from api.notes import Note
from api.openai.responses.items import item_type
from api.openai.responses.request import ResponsesRequest
from api.openai.responses.steering import (
    Steer,
    SteerError,
    SteerErrorCode,
    accepted_event,
    check_steer,
    failed_event,
    pending_event,
    required_input,
)
from api.websocket.frames import Frames

MAX_STEERS: Final = 16  # of one response
MAX_WAITING: Final = 64  # responses with steer inputs that wait for results
_RESULTS: Final = frozenset(
    {
        "function_call_output",
        "custom_tool_call_output",
        "tool_search_output",
        "shell_call_output",
        "local_shell_call_output",
        "apply_patch_call_output",
    }
)


@dataclass(slots=True, kw_only=True)
class Steered:
    """A running response, and the steer inputs it has received."""

    planned: PlannedResponse
    frames: Frames
    steers: list[Steer] = field(default_factory=list)


@dataclass(slots=True)
class Steering:
    """The steer inputs of one connection. `known` says whether an id is an ended response of the connection."""

    known: Callable[[str], bool]
    _running: dict[str, Steered] = field(default_factory=dict)
    _waiting: dict[str, list[Steer]] = field(default_factory=dict)

    async def take(self, frame: Mapping[str, Any], steer: Steer, otherwise: Frames) -> None:
        """Accept or reject a steer input; `otherwise` receives the event if the response is not running here."""
        steered = self._running.get(steer.response_id)
        try:
            self._check(frame, steer, steered)
        except SteerError as error:
            frames = otherwise if steered is None else steered.frames
            await frames.write(failed_event(steer, error.code, error.message))
            return
        assert steered is not None  # noqa: S101 - _check has raised
        accepted = replace(steer, id=f"steer_{secrets.token_hex(12)}")
        steered.steers.append(accepted)
        await steered.frames.write(accepted_event(accepted))
        steered.planned.answer.steer()
        steered.planned.generation.stopped = steered.planned.answer.steered

    def begin(self, planned: PlannedResponse, frames: Frames) -> None:
        """Accept steer inputs for a response from now on."""
        self._running[planned.answer.id] = Steered(planned=planned, frames=frames)

    async def end(self, planned: PlannedResponse) -> list[Steer]:
        """Accept no more steer inputs for a response; return those for its successor.

        The others are rejected, or wait for tool results.
        """
        steered = self._running.pop(planned.answer.id)
        output = planned.answer.response()["output"]
        if planned.answer.status not in ("completed", "incomplete"):
            await self.give_back(steered.steers, steered.frames, "successor_creation_failed", "The response failed.")
            return []
        if not required_input(output):
            return steered.steers
        for steer in steered.steers:
            await steered.frames.write(pending_event(steer, output))
        if steered.steers:
            self._waiting[planned.answer.id] = steered.steers
        return []

    async def give_back(self, steers: list[Steer], frames: Frames, code: SteerErrorCode, message: str) -> None:
        """Reject accepted steer inputs: send their failed event to the client."""
        for steer in steers:
            await frames.write(failed_event(steer, code, message))

    def joined(self, request: ResponsesRequest) -> tuple[ResponsesRequest, list[Steer]]:
        """Return the request with waiting steer inputs inserted, and the list of them.

        They are inserted before the request's own input, but after the tool results: Gemini requires results right
        after their calls.
        """
        steers = self._waiting.pop(request.previous_response_id or "", [])
        if not steers:
            return request, []
        items = request.items
        results = next((place for place, item in enumerate(items) if item_type(item) not in _RESULTS), len(items))
        own = [item for steer in steers for item in steer.items]
        joined = [*items[:results], *own, *items[results:]]
        return request.model_copy(update={"input": joined, "notes": (*request.notes, *_notes(steers))}), steers

    def _check(self, frame: Mapping[str, Any], steer: Steer, steered: Steered | None) -> None:
        check_steer(frame, steer)
        if steered is None:
            if self.known(steer.response_id):
                raise SteerError(
                    "response_already_completed", "This response has ended. Continue with 'previous_response_id'."
                )
            raise SteerError("response_not_found", "This response was not created on this connection.")
        request = steered.planned.request
        if request.conversation_id is not None or request.context_management:
            reason = "Responses of a conversation or with automatic compaction do not accept steering input."
            raise SteerError("steering_not_supported", reason)
        if len(steered.steers) >= MAX_STEERS or len(self._waiting) >= MAX_WAITING:
            raise SteerError("too_many_pending_steers", "Too much steering input is waiting.")


def _notes(steers: list[Steer]) -> tuple[Note, ...]:
    return tuple(note for steer in steers for note in steer.notes)


def successor(planned: PlannedResponse, steers: list[Steer]) -> ResponsesRequest:
    """Return the request that continues a response: its own settings, with the steer inputs as input."""
    items = [item for steer in steers for item in steer.items]
    changes = {"input": items, "previous_response_id": planned.answer.id, "notes": _notes(steers)}
    request: Any = planned.request.model_copy(update=changes)
    return request  # type: ignore[no-any-return]
