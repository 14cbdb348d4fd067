"""The response object and its status, from the first event to each possible end."""

from typing import Any

import pytest
from openai.types.responses import Response

from api.errors import InternalError, InvalidRequestError, RateLimitError, UpstreamError
from tests.unit.responses.building import CREATED, ENDED, accumulator_of, gemini_chunk, kinds, parsed, plain_of

TIME = {"type": "function", "name": "time"}

# The fields of OpenAI's response object in September 2026.
RECORDED_FIELDS = [
    "id",
    "object",
    "created_at",
    "status",
    "access_programs",
    "background",
    "billing",
    "completed_at",
    "error",
    "frequency_penalty",
    "incomplete_details",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "model",
    "moderation",
    "output",
    "parallel_tool_calls",
    "presence_penalty",
    "previous_response_id",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "temperature",
    "text",
    "tool_choice",
    "tool_usage",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "usage",
    "user",
    "metadata",
]


def test_the_object_is_complete_from_the_beginning() -> None:
    request = parsed(
        instructions="Be brief.",
        tools=[TIME],
        tool_choice="required",
        metadata={"a": "b"},
        temperature=0.5,
        store=False,
    )
    accumulator = accumulator_of(request)
    created, in_progress = accumulator.created()
    assert accumulator.created() == []
    for event in (created, in_progress):
        response: Any = event["response"]  # type: ignore[typeddict-item]
        assert set(RECORDED_FIELDS) <= set(response)
        assert (response["status"], response["output"], response["usage"]) == ("in_progress", [], None)
        assert (response["created_at"], response["completed_at"]) == (CREATED, None)
        Response.model_validate(response, strict=True)
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 2, "thoughtsTokenCount": 3, "totalTokenCount": 10}
    plain = plain_of(accumulator, [gemini_chunk({"text": "Hi"}, finish="STOP") | {"usageMetadata": usage}])
    assert plain["completed_at"] == ENDED
    assert plain["instructions"] == "Be brief."
    assert plain["metadata"] == {"a": "b"}
    assert plain["store"] is False
    assert plain["tools"][0]["strict"] is True
    assert plain["usage"] == {
        "input_tokens": 5,
        "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 10,
    }


def test_a_background_response_is_queued_first() -> None:
    events: Any = accumulator_of(parsed(background=True)).created(queued=True)
    assert [(event["type"], event["response"]["status"]) for event in events] == [
        ("response.created", "queued"),
        ("response.queued", "queued"),
        ("response.in_progress", "in_progress"),
    ]


def test_an_unfinished_response_can_be_read() -> None:
    accumulator = accumulator_of(parsed())
    accumulator.feed(gemini_chunk({"text": "Hel"}))
    early: Any = accumulator.response()
    accumulator.feed(gemini_chunk({"text": "lo"}, finish="STOP"))
    assert early["output"][0]["content"][0]["text"] == "Hel"
    assert early["output"][0]["status"] == "in_progress"
    accumulator.finish()
    late: Any = accumulator.response()
    assert late["output"][0]["content"][0]["text"] == "Hello"
    assert accumulator.finish() == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UpstreamError("Broken off."), "server_error"),
        (InternalError("Ours."), "server_error"),
        (RateLimitError("Slower."), "rate_limit_exceeded"),
        (InvalidRequestError("No."), "invalid_prompt"),
    ],
)
def test_a_failed_response_keeps_its_partial_output(error: Any, code: str) -> None:
    accumulator = accumulator_of(parsed())
    events: list[Any] = [*accumulator.feed(gemini_chunk({"text": "Hel"})), *accumulator.failed(error)]
    assert kinds(events)[-3:] == ["content_part.done", "output_item.done:message", "failed"]
    response = events[-1]["response"]
    Response.model_validate(response, strict=True)
    assert (response["status"], response["error"]) == ("failed", {"code": code, "message": error.message})
    assert response["output"][0]["status"] == "incomplete"
    assert accumulator.failed(InternalError("Again.")) == accumulator.ending
    assert accumulator.ending[-1] == events[-1]


def test_a_response_without_a_record_becomes_failed() -> None:
    accumulator = accumulator_of(parsed())
    accumulator.feed(gemini_chunk({"text": "Hello"}, finish="STOP"))
    ended: list[Any] = accumulator.finish()

    events: list[Any] = accumulator.failed(InternalError("Not recorded."))

    assert events[:-1] == ended[:-1]
    assert kinds(events)[-1] == "failed"
    assert events[-1]["sequence_number"] == ended[-1]["sequence_number"]
    response = events[-1]["response"]
    Response.model_validate(response, strict=True)
    assert (response["status"], response["completed_at"]) == ("failed", None)
    assert response["error"] == {"code": "server_error", "message": "Not recorded."}
    assert response["output"] == ended[-1]["response"]["output"]
    assert (ended[-1]["response"]["status"], accumulator.status) == ("completed", "failed")


def test_a_cancelled_response_keeps_its_partial_output() -> None:
    accumulator = accumulator_of(parsed(background=True))
    accumulator.feed(gemini_chunk({"text": "Hel"}))
    response = accumulator.cancelled()
    Response.model_validate(response, strict=True)
    assert response["status"] == "cancelled"
    assert accumulator.failed(InternalError("Too late.")) == []


def test_a_response_without_a_finish_reason_is_an_error() -> None:
    accumulator = accumulator_of(parsed())
    accumulator.feed(gemini_chunk({"text": "Hel"}))
    with pytest.raises(UpstreamError):
        accumulator.finish()
    assert not accumulator.complete
    assert accumulator.response()["status"] == "in_progress"
