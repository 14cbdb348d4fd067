"""Steer inputs of one connection: input that a client injects into a running response.

An accepted steer input ends the response at once, as `incomplete`; a successor with the same settings continues with
the input. A response that has called a tool ends by itself first, and the steer input waits for the results.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from api.auth.key_settings import NOT_STORED
from api.exchange.responses.plan import PlannedResponse
from api.notes import Note
from api.openai.responses.items import item_type
from api.openai.responses.request import ResponsesRequest
from api.openai.responses.steering import (
    SteerError,
    SteerErrorCode,
    SteerInput,
    accepted_event,
    check_steer_input,
    failed_event,
    pending_event,
    required_input,
)
from api.websocket.frames import Frames

MAX_STEER_INPUTS: Final = 16  # of one response
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
class SteeredResponse:
    """A running response, and the steer inputs it has received."""

    planned: PlannedResponse
    frames: Frames
    steer_inputs: list[SteerInput] = field(default_factory=list)


@dataclass(slots=True)
class Steering:
    """The steer inputs of one connection. `known` says whether an id is an ended response of the connection."""

    known: Callable[[str], bool]
    _running: dict[str, SteeredResponse] = field(default_factory=dict)
    _waiting: dict[str, list[SteerInput]] = field(default_factory=dict)

    async def accept(self, frame: Mapping[str, Any], steer_input: SteerInput, otherwise: Frames) -> None:
        """Accept or reject a steer input; `otherwise` receives the event if the response is not running here."""
        steered = self._running.get(steer_input.response_id)
        try:
            self._check(frame, steer_input, steered)
        except SteerError as error:
            frames = otherwise if steered is None else steered.frames
            await frames.write(failed_event(steer_input, error.code, error.message))
            return
        assert steered is not None  # noqa: S101 - _check has raised
        accepted = replace(steer_input, id=f"steer_{secrets.token_hex(12)}")
        steered.steer_inputs.append(accepted)
        await steered.frames.write(accepted_event(accepted))
        steered.planned.accumulator.steer()
        steered.planned.generation.stopped = steered.planned.accumulator.steered

    def begin(self, planned: PlannedResponse, frames: Frames) -> None:
        """Accept steer inputs for a response from now on."""
        self._running[planned.accumulator.id] = SteeredResponse(planned=planned, frames=frames)

    async def end(self, planned: PlannedResponse) -> list[SteerInput]:
        """Accept no more steer inputs for a response; return those for its successor.

        The others are rejected, or wait for tool results.
        """
        steered = self._running.pop(planned.accumulator.id)
        output = planned.accumulator.response()["output"]
        if planned.accumulator.status not in ("completed", "incomplete"):
            await self.reject(steered.steer_inputs, steered.frames, "successor_creation_failed", "The response failed.")
            return []
        if not required_input(output):
            return steered.steer_inputs
        for steer_input in steered.steer_inputs:
            await steered.frames.write(pending_event(steer_input, output))
        if steered.steer_inputs:
            self._waiting[planned.accumulator.id] = steered.steer_inputs
        return []

    async def reject(self, steer_inputs: list[SteerInput], frames: Frames, code: SteerErrorCode, message: str) -> None:
        """Reject accepted steer inputs: send their failed event to the client."""
        for steer_input in steer_inputs:
            await frames.write(failed_event(steer_input, code, message))

    def joined(self, request: ResponsesRequest) -> tuple[ResponsesRequest, list[SteerInput]]:
        """Return the request with waiting steer inputs inserted, and the list of them.

        They are inserted before the request's own input, but after the tool results: Gemini requires results right
        after their calls.
        """
        steer_inputs = self._waiting.pop(request.previous_response_id or "", [])
        if not steer_inputs:
            return request, []
        items = request.items
        results = next((place for place, item in enumerate(items) if item_type(item) not in _RESULTS), len(items))
        own = [item for steer_input in steer_inputs for item in steer_input.items]
        joined = [*items[:results], *own, *items[results:]]
        return request.model_copy(
            update={"input": joined, "notes": (*request.notes, *_notes(steer_inputs))}
        ), steer_inputs

    def _check(self, frame: Mapping[str, Any], steer_input: SteerInput, steered: SteeredResponse | None) -> None:
        check_steer_input(frame, steer_input)
        if steered is None:
            if self.known(steer_input.response_id):
                raise SteerError(
                    "response_already_completed", "This response has ended. Continue with 'previous_response_id'."
                )
            raise SteerError("response_not_found", "This response was not created on this connection.")
        if steered.planned.exchange.accounting.caller.policy.content != "full":
            raise SteerError("steering_not_supported", f"{NOT_STORED}: a response cannot be steered.")
        request = steered.planned.request
        if request.conversation_id is not None or request.context_management:
            reason = "Responses of a conversation or with automatic compaction do not accept steering input."
            raise SteerError("steering_not_supported", reason)
        if len(steered.steer_inputs) >= MAX_STEER_INPUTS or len(self._waiting) >= MAX_WAITING:
            raise SteerError("too_many_pending_steers", "Too much steering input is waiting.")


def _notes(steer_inputs: list[SteerInput]) -> tuple[Note, ...]:
    return tuple(note for steer_input in steer_inputs for note in steer_input.notes)


def successor(planned: PlannedResponse, steer_inputs: list[SteerInput]) -> ResponsesRequest:
    """Return the request that continues a response: its own settings, with the steer inputs as input."""
    items = [item for steer_input in steer_inputs for item in steer_input.items]
    changes = {"input": items, "previous_response_id": planned.accumulator.id, "notes": _notes(steer_inputs)}
    request: Any = planned.request.model_copy(update=changes)
    return request  # type: ignore[no-any-return]
