"""Gemini's candidates to chat completions, rule by rule; whole responses are in tests/golden."""

import itertools
from typing import Any

import pytest

from api.errors import UpstreamError
from api.notes import Note
from tests.unit.translate.accumulators import accumulate, chat_accumulator, plain_of, stream_of


def candidate(*parts: dict[str, Any], finish: str | None = None, index: int | None = None, **more: Any) -> Any:
    """Return a response with one candidate."""
    made: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, **more}
    if finish is not None:
        made["finishReason"] = finish
    if index is not None:
        made["index"] = index
    return {"candidates": [made]}


def call(name: str, **args: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": args}}


def message_of(*responses: Any, **options: Any) -> dict[str, Any]:
    plain = plain_of(chat_accumulator(**options), [(0, response) for response in responses])
    message: dict[str, Any] = plain["choices"][0]["message"]
    return message


def finish_reason_of(*responses: Any, **options: Any) -> str:
    plain = plain_of(chat_accumulator(**options), [(0, response) for response in responses])
    return str(plain["choices"][0]["finish_reason"])


def deltas_of(*responses: Any, **options: Any) -> list[dict[str, Any]]:
    chunks = stream_of(chat_accumulator(**options), [(0, response) for response in responses])
    return [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]


def test_rule_021_identical_parallel_calls_are_two_calls() -> None:
    message = message_of(candidate(call("roll", sides=6), call("roll", sides=6), finish="STOP"))
    assert [made["id"] for made in message["tool_calls"]] == ["call_1", "call_2"]


def test_rule_023_arguments_keep_geminis_key_order() -> None:
    message = message_of(candidate(call("f", zebra=1, apple={"y": 2, "b": None}), finish="STOP"))
    assert message["tool_calls"][0]["function"]["arguments"] == '{"zebra":1,"apple":{"y":2,"b":null}}'


def test_rule_024_call_ids_are_unique_over_choices_and_chunks() -> None:
    accumulator = chat_accumulator(choices=2)
    for first_choice, _ in itertools.product((0, 1), range(3)):
        accumulator.feed(candidate(call("f")), first_choice=first_choice)
    for first_choice in (0, 1):
        accumulator.feed(candidate(finish="STOP"), first_choice=first_choice)
    ids = [made["id"] for message in accumulator.messages for made in message["tool_calls"]]
    assert len(set(ids)) == 6


def test_a_call_without_args_has_empty_arguments() -> None:
    message = message_of(candidate({"functionCall": {"name": "now"}}, finish="STOP"))
    assert message["tool_calls"][0]["function"]["arguments"] == "{}"


def test_rule_053_a_call_has_the_clients_own_tool_name() -> None:
    message = message_of(candidate(call("web_search"), finish="STOP"), tool_names={"web_search": "web search"})
    assert message["tool_calls"][0]["function"]["name"] == "web search"


def test_rule_085_a_candidate_without_content_is_a_choice() -> None:
    plain = plain_of(chat_accumulator(), [(0, {"candidates": [{"finishReason": "STOP"}]})])
    assert plain["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]


@pytest.mark.parametrize(
    ("native", "expected"), [("STOP", "tool_calls"), ("MAX_TOKENS", "length"), ("SAFETY", "content_filter")]
)
def test_rule_086_limits_and_filters_take_precedence_over_calls(native: str, expected: str) -> None:
    assert finish_reason_of(candidate(call("f"), finish=native)) == expected


def test_rule_087_stop_in_a_later_chunk_than_the_call() -> None:
    assert finish_reason_of(candidate(call("f")), candidate({"text": ""}), candidate(finish="STOP")) == "tool_calls"


def test_rule_088_calls_are_numbered_over_the_whole_stream() -> None:
    deltas = deltas_of(candidate(call("a"), call("b")), candidate(call("c")), candidate(finish="STOP"))
    indexes = [made["index"] for delta in deltas for made in delta.get("tool_calls", ())]
    assert indexes == [0, 0, 1, 1, 2, 2]


def test_a_call_streams_as_openai_does_name_first_then_arguments() -> None:
    first, second, last = deltas_of(candidate(call("f", a=1), finish="STOP"))
    assert first == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}],
    }
    assert second == {"tool_calls": [{"index": 0, "function": {"arguments": '{"a":1}'}}]}
    assert last == {}


def test_rule_090_the_last_usage_counts_and_is_not_summed() -> None:
    accumulator = chat_accumulator()
    for prompt, answered in ((55, 1), (55, 5), (257, 9)):
        accumulator.feed({"usageMetadata": {"promptTokenCount": prompt, "candidatesTokenCount": answered}})
    assert accumulator.usage["prompt_tokens"] == 257
    assert accumulator.usage["completion_tokens"] == 9
    assert accumulator.usage_metadata == [{"promptTokenCount": 257, "candidatesTokenCount": 9}]


def test_rule_092_a_chunk_of_metadata_has_no_delta_and_keeps_the_finish_reason() -> None:
    accumulator = chat_accumulator()
    accumulator.feed(candidate({"text": "Hi"}))
    assert accumulator.feed({"usageMetadata": {"promptTokenCount": 1}, "modelVersion": "gemini-9"}) == []
    assert not accumulator.complete
    accumulator.feed({"candidates": [{"finishReason": "STOP"}]})
    assert accumulator.complete
    assert accumulator.model_version == "gemini-9"


def test_rule_100_a_blocked_prompt_is_a_message_with_null_content() -> None:
    accumulator = chat_accumulator(choices=2)
    accumulator.feed({"promptFeedback": {"blockReason": "SAFETY"}})
    assert accumulator.complete
    choices = accumulator.completion()["choices"]
    assert [(choice["message"]["content"], choice["finish_reason"]) for choice in choices] == [
        (None, "content_filter"),
        (None, "content_filter"),
    ]
    assert accumulator.native_finish_reasons == ["SAFETY", "SAFETY"]
    assert Note("converted", "choices[0].finish_reason", "Gemini blocked the prompt (SAFETY)") in accumulator.notes


def test_a_blocked_prompt_streams_a_role_and_a_reason() -> None:
    deltas = deltas_of({"promptFeedback": {"blockReason": "OTHER"}})
    refusal = "The prompt was blocked by Gemini (OTHER)."
    assert deltas == [{"role": "assistant", "content": None, "refusal": refusal}, {}]


def test_one_of_several_parallel_calls_is_blocked() -> None:
    accumulator = chat_accumulator(choices=3)
    accumulator.feed(candidate({"text": "a"}, finish="STOP"), first_choice=0)
    accumulator.feed({"promptFeedback": {"blockReason": "OTHER"}}, first_choice=1)
    assert not accumulator.complete
    accumulator.feed(candidate({"text": "c"}, finish="STOP"), first_choice=2)
    assert accumulator.complete
    accumulator.finish()
    assert accumulator.finish_reasons == ["stop", "content_filter", "stop"]


def test_rule_101_thoughts_of_all_parts_are_joined() -> None:
    thought = {"text": "First. ", "thought": True}
    message = message_of(candidate(thought, thought), candidate(thought, {"text": "Done."}, finish="STOP"))
    assert message["reasoning_content"] == "First. First. First. "
    assert message["content"] == "Done."


def test_hidden_thoughts_are_stored() -> None:
    accumulator = chat_accumulator(show_thoughts=False)
    chunks = accumulator.feed(candidate({"text": "Hm.", "thought": True}, {"text": "Yes."}, finish="STOP"))
    assert [chunk["choices"][0]["delta"].get("content") for chunk in chunks] == ["Yes."]
    assert "reasoning_content" not in accumulator.completion()["choices"][0]["message"]
    assert accumulator.contents[0]["parts"] == [{"text": "Hm.", "thought": True}, {"text": "Yes."}]


@pytest.mark.parametrize(
    "responses",
    [
        [],
        [{}],
        [candidate({"text": "Half an ans"})],
        [candidate({"text": "Half"}, finish="FINISH_REASON_UNSPECIFIED")],
        [{"promptFeedback": {"safetyRatings": []}}],
    ],
)
def test_rule_089_a_response_without_a_finish_reason_is_an_error_not_a_stop(responses: list[Any]) -> None:
    for end in ("finish", "completion"):
        accumulator = chat_accumulator()
        for response in responses:
            accumulator.feed(response)
        assert not accumulator.complete
        with pytest.raises(UpstreamError) as caught:
            getattr(accumulator, end)()
        assert caught.value.code == "upstream_truncated"


def test_a_cut_response_keeps_its_partial_content() -> None:
    accumulator = chat_accumulator()
    accumulator.feed(candidate({"text": "Half an "}))
    accumulator.feed(candidate({"text": "ans"}))
    assert accumulator.messages[0]["content"] == "Half an ans"
    assert accumulator.contents == [{"role": "model", "parts": [{"text": "Half an ans"}]}]
    assert accumulator.finish_reasons == [""]
    assert accumulator.native_finish_reasons == [""]
    assert accumulator.usage_metadata == []


def test_include_usage_adds_null_to_every_chunk_before_the_last() -> None:
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}
    response = {**candidate({"text": "Hi"}, finish="STOP"), "usageMetadata": usage}
    chunks = stream_of(chat_accumulator(include_usage=True), [(0, response)])
    assert [chunk["usage"] for chunk in chunks[:-1]] == [None, None]
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] == 5
    assert all("usage" not in chunk for chunk in stream_of(chat_accumulator(), [(0, response)]))


def test_every_chunk_has_the_same_id_created_and_model() -> None:
    chunks = stream_of(
        chat_accumulator(), [(0, candidate({"text": "a"})), (0, candidate({"text": "b"}, finish="STOP"))]
    )
    assert {(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks} == {
        ("chatcmpl-test", 1_700_000_000, "gpt-4o")
    }


def test_the_role_is_sent_once_for_each_choice() -> None:
    responses = [candidate({"text": text}, index=index) for text in "ab" for index in (0, 1)]
    ends = [candidate(finish="STOP", index=index) for index in (0, 1)]
    chunks = stream_of(chat_accumulator(choices=2), [(0, response) for response in [*responses, *ends]])
    roles = [chunk["choices"][0]["index"] for chunk in chunks if "role" in chunk["choices"][0]["delta"]]
    assert roles == [0, 1]


@pytest.mark.parametrize("option", [{"parallel_tool_calls": False}, {"legacy_functions": True}])
def test_parallel_tool_calls_false_sends_the_first_call_only(option: dict[str, bool]) -> None:
    accumulator = chat_accumulator(**option)
    signed = {**call("first"), "thoughtSignature": "c2ln"}
    accumulator.feed(candidate(signed, call("second")))
    accumulator.feed(candidate(call("third"), finish="STOP"))
    message = accumulator.completion()["choices"][0]["message"]
    assert accumulator.contents[0]["parts"] == [signed]
    assert len(message.get("tool_calls", [message.get("function_call")])) == 1
    assert accumulator.notes == [Note("dropped", "choices[0].message.tool_calls", "parallel tool calls are off")]


def test_legacy_functions_get_a_function_call() -> None:
    response = candidate(call("weather", city="Paris"), finish="STOP")
    message = message_of(response, legacy_functions=True)
    assert message["function_call"] == {"name": "weather", "arguments": '{"city":"Paris"}'}
    assert "tool_calls" not in message
    assert finish_reason_of(response, legacy_functions=True) == "function_call"


def test_text_beside_a_call_is_sent() -> None:
    message = message_of(candidate({"text": "Let me see."}, call("f"), {"text": " Soon."}, finish="STOP"))
    assert message["content"] == "Let me see. Soon."
    assert len(message["tool_calls"]) == 1


@pytest.mark.parametrize(
    ("parts", "content"),
    [
        ([call("f")], None),
        ([{"text": "Hm.", "thought": True}], ""),
        ([{"text": "", "thoughtSignature": "c2ln"}], ""),
    ],
)
def test_content_without_text_is_null_or_empty(parts: list[dict[str, Any]], content: str | None) -> None:
    response = candidate(*parts, finish="STOP")
    assert message_of(response)["content"] == content
    accumulated = accumulate(stream_of(chat_accumulator(), [(0, response)]))[0]["message"]
    assert accumulated.get("content") == content


def test_executed_code_becomes_fenced_blocks_on_their_own_lines() -> None:
    code = {"executableCode": {"language": "PYTHON", "code": "print('```')"}}
    printed = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "```\n"}}
    accumulator = chat_accumulator()
    accumulator.feed(candidate({"text": "So:"}, code, printed, {"text": "Done."}, finish="STOP"))
    assert accumulator.messages[0]["content"] == "So:\n````python\nprint('```')\n````\n````\n```\n````\nDone."
    assert accumulator.contents[0]["parts"] == [{"text": "So:"}, code, printed, {"text": "Done."}]


def test_code_without_output_has_no_output_block() -> None:
    printed = {"codeExecutionResult": {"outcome": "OUTCOME_OK"}}
    assert message_of(candidate(printed, {"text": "Done."}, finish="STOP"))["content"] == "Done."


def test_images_are_data_urls_counted_over_the_stream() -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": "aWk="}}
    accumulator = chat_accumulator()
    chunks = [*accumulator.feed(candidate(image)), *accumulator.feed(candidate(image, finish="STOP"))]
    deltas = [chunk["choices"][0]["delta"]["images"][0] for chunk in chunks]
    assert [delta["index"] for delta in deltas] == [0, 1]
    assert accumulator.messages[0]["images"] == deltas
    assert deltas[0]["image_url"]["url"] == "data:image/png;base64,aWk="


@pytest.mark.parametrize("part", [{"inlineData": {"mimeType": "audio/pcm", "data": "AAA="}}, {"hologram": {"x": 1}}])
def test_parts_without_a_field_in_chat_are_stored_and_noted(part: dict[str, Any]) -> None:
    accumulator = chat_accumulator()
    accumulator.feed(candidate(part, {"text": "Hi"}, finish="STOP"))
    assert accumulator.messages[0]["content"] == "Hi"
    assert accumulator.contents[0]["parts"][0] == part
    assert [note.kind for note in accumulator.notes] == ["dropped"]


def test_unknown_finish_reasons_are_a_stop_with_a_note() -> None:
    accumulator = chat_accumulator()
    accumulator.feed(candidate({"text": "Hi"}, finish="BRAND_NEW_REASON"))
    assert accumulator.completion()["choices"][0]["finish_reason"] == "stop"
    assert accumulator.native_finish_reasons == ["BRAND_NEW_REASON"]
    assert accumulator.notes == [Note("converted", "choices[0].finish_reason", "Gemini ended with BRAND_NEW_REASON")]


def test_each_of_n_parallel_calls_fills_its_own_choice() -> None:
    accumulator = chat_accumulator(choices=3)
    for first_choice, text in ((2, "c"), (0, "a"), (1, "b")):
        usage = {"promptTokenCount": 4, "candidatesTokenCount": first_choice, "totalTokenCount": 4 + first_choice}
        response: Any = {**candidate({"text": text}, finish="STOP"), "usageMetadata": usage}
        accumulator.feed(response, first_choice=first_choice)
    assert [message["content"] for message in accumulator.messages] == ["a", "b", "c"]
    assert [counts["candidatesTokenCount"] for counts in accumulator.usage_metadata] == [0, 1, 2]
    assert accumulator.usage["prompt_tokens"] == 12
