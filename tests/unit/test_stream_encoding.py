"""How a response's stream ends when it cannot be recorded: it must not say that all went well."""

import json
from typing import Any

import pytest

from api.errors import InternalError
from api.exchange.encoding import ResponsesEncoding, failed_events
from tests.responses import named_events

LAST: list[dict[str, Any]] = [
    {"type": "response.output_item.done", "sequence_number": 7, "item": {}},
    {"type": "response.completed", "sequence_number": 8, "response": {"id": "resp_1", "status": "completed"}},
]


class Ended:
    """An answer that has ended: it has no further events."""

    def failed(self, error: InternalError) -> list[Any]:
        """Nothing more."""
        return []


class Running:
    """An answer that has not ended."""

    def failed(self, error: InternalError) -> list[Any]:
        """Its own last event."""
        return [{"type": "response.failed", "sequence_number": 3, "response": {"error": error.message}}]


def test_an_end_that_is_not_recorded_becomes_a_failure() -> None:
    encoding = ResponsesEncoding()
    encoding.closing(LAST)

    events = named_events(encoding.failure(Ended(), InternalError("Not recorded.")).decode())

    assert [(event["type"], event["sequence_number"]) for event in events] == [
        ("response.output_item.done", 7),
        ("response.failed", 8),
    ]
    assert events[-1]["response"]["status"] == "failed"
    assert events[-1]["response"]["error"] == {"code": "server_error", "message": "Not recorded."}
    assert LAST[-1]["response"]["status"] == "completed"


@pytest.mark.parametrize("last", [[], LAST])
def test_an_answer_that_runs_knows_its_own_end(last: list[dict[str, Any]]) -> None:
    [event] = failed_events(Running(), InternalError("Broken."), last)

    assert json.dumps(event)
    assert event["response"] == {"error": "Broken."}
