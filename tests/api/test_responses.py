"""Responses with OpenAI's client: created, parsed, streamed, retrieved, continued, deleted."""

import json
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

from sessions_store.admin.display.sent_body import sent_body
from sessions_store.models import Message, StoredItem, StoredResponse, UsageRecord, User
from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_3, GEMINI_25, JSON, error_of, fresh, usage_of
from tests.responses import ENDS, RESPONSES, WEATHER, ask, content_texts, named_events, response_text

pytestmark = pytest.mark.usefixtures("live_db", "emulator")

ONE = "What is the weather in Paris? Use the tool."


class Point(BaseModel):
    """A structured output."""

    x: int
    label: str


def test_a_stored_response_is_retrieved(client: OpenAI) -> None:
    made = client.responses.create(model=GEMINI_3, input="Hello!", instructions="Be kind.", metadata={"a": "b"})

    found = client.responses.retrieve(made.id)

    assert found.model_dump() == made.model_dump()
    assert (made.status, made.object, made.metadata) == ("completed", "response", {"a": "b"})
    assert made.output_text
    assert made.usage is not None
    assert made.usage.total_tokens == made.usage.input_tokens + made.usage.output_tokens


def test_a_streamed_response_is_retrieved_in_its_final_state(client: OpenAI) -> None:
    with client.responses.stream(model=GEMINI_3, input="Tell me a story") as stream:
        deltas = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        final = stream.get_final_response()

    assert final.output_text == deltas
    assert client.responses.retrieve(final.id).output_text == deltas


def test_the_events_of_a_stream_are_named_and_numbered(http: httpx2.Client) -> None:
    response = http.post(RESPONSES, json={"model": GEMINI_3, "input": "Hello!", "stream": True})

    events = named_events(response.text)
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    assert [event["type"] for event in events if event["type"] in ENDS] == ["response.completed"]
    assert events[-1]["response"] == http.get(f"{RESPONSES}/{events[-1]['response']['id']}").json()


def test_structured_output_is_parsed(client: OpenAI) -> None:
    parsed = client.responses.parse(model=GEMINI_3, input="A point", text_format=Point)

    assert isinstance(parsed.output_parsed, Point)


def test_the_previous_response_precedes_the_input(client: OpenAI, emulator: Emulator) -> None:
    first = client.responses.create(model=GEMINI_3, input="My name is Ada.", instructions="Only now.")
    second = client.responses.create(model=GEMINI_3, input="And?", previous_response_id=first.id)
    client.responses.create(model=GEMINI_3, input="Well?", previous_response_id=second.id, instructions="Be brief.")

    *_, body = emulator.bodies()
    assert content_texts(body) == ["My name is Ada.", first.output_text, "And?", second.output_text, "Well?"]
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    assert second.previous_response_id == first.id


def test_a_response_can_be_continued_twice(client: OpenAI, emulator: Emulator) -> None:
    first = client.responses.create(model=GEMINI_3, input="Begin.")
    for text in ("Left", "Right"):
        client.responses.create(model=GEMINI_3, input=text, previous_response_id=first.id)

    *_, left, right = emulator.bodies()
    assert [content_texts(body) for body in (left, right)] == [
        ["Begin.", first.output_text, text] for text in ("Left", "Right")
    ]


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_sends_only_the_result_and_the_signature_is_kept(
    http: httpx2.Client, emulator: Emulator, stream: bool
) -> None:
    first = _made(http, stream=stream, input=ONE, tools=[WEATHER])
    [call] = [item for item in first["output"] if item["type"] == "function_call"]
    assert json.loads(call["arguments"]) == {"city": "Paris"}
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "Paris: 21 degrees"}

    last = _made(http, stream=stream, input=[result], previous_response_id=first["id"], tools=[WEATHER])

    assert "Paris: 21 degrees" in response_text(last)
    *_, body = emulator.bodies()
    [called] = [part for content in body["contents"] for part in content["parts"] if "functionCall" in part]
    assert called["thoughtSignature"]


def test_the_whole_history_may_be_sent_instead(http: httpx2.Client, emulator: Emulator) -> None:
    first = ask(http, input=ONE, tools=[WEATHER], store=False)
    [call] = [item for item in first["output"] if item["type"] == "function_call"]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "Paris: 21 degrees"}
    history = [{"role": "user", "content": ONE}, *first["output"], result]

    last = ask(http, input=history, tools=[WEATHER], store=False)

    assert "Paris: 21 degrees" in response_text(last)
    *_, body = emulator.bodies()
    [called] = [part for content in body["contents"] for part in content["parts"] if "functionCall" in part]
    assert called["thoughtSignature"]


def test_the_same_call_made_twice_keeps_both_conversations(http: httpx2.Client) -> None:
    # One node of the transcript tree, two ids of the call.
    ends = []
    for degrees in (21, 22):
        first = ask(http, input=ONE, tools=[WEATHER])
        [call] = [item for item in first["output"] if item["type"] == "function_call"]
        result = {"type": "function_call_output", "call_id": call["call_id"], "output": f"{degrees} degrees"}
        ends.append(ask(http, input=[result], previous_response_id=first["id"], tools=[WEATHER]))

    for degrees, end in zip((21, 22), ends, strict=True):
        assert f"{degrees} degrees" in response_text(end)
        assert response_text(ask(http, input="And?", previous_response_id=end["id"], tools=[WEATHER]))


def test_items_of_a_resent_history_are_stored_once(http: httpx2.Client) -> None:
    word = fresh("word")
    history: list[Any] = [{"role": "user", "content": word}]
    for number in range(4):
        response = ask(http, input=history)
        history += [*response["output"], {"role": "user", "content": f"{word} {number}"}]

    said = StoredItem.objects.filter(body__contains=word, item_id__startswith="msg_")
    own = [item for item in said if json.loads(item.body)["role"] == "user"]
    assert len(own) == 4
    assert sorted(item.uses for item in own) == [1, 2, 3, 4]


def test_input_items_are_listed_in_pages(client: OpenAI, http: httpx2.Client) -> None:
    texts = [fresh("said") for _ in range(3)]
    first = client.responses.create(model=GEMINI_3, input="Before")
    made = client.responses.create(
        model=GEMINI_3,
        input=[{"role": "user", "content": text} for text in texts],
        previous_response_id=first.id,
    )

    newest = http.get(f"{RESPONSES}/{made.id}/input_items").json()
    assert [item["content"][0]["text"] for item in newest["data"]] == texts[::-1]
    assert (newest["first_id"], newest["last_id"]) == (newest["data"][0]["id"], newest["data"][-1]["id"])
    paged = list(client.responses.input_items.list(made.id, order="asc", limit=1))
    assert [item.id for item in paged] == [item["id"] for item in newest["data"][::-1]]
    rejected = http.get(f"{RESPONSES}/{made.id}/input_items", params={"after": "msg_none"})
    assert (rejected.status_code, error_of(rejected)["param"]) == (400, "after")


def test_an_item_may_be_referenced(http: httpx2.Client, emulator: Emulator) -> None:
    word = fresh("remember")
    first = ask(http, input=word)
    [message] = [item for item in first["output"] if item["type"] == "message"]

    ask(http, input=[{"type": "item_reference", "id": message["id"]}, {"role": "user", "content": "Why?"}])

    *_, body = emulator.bodies()
    assert response_text(first) in "".join(content_texts(body))
    missing = http.post(RESPONSES, json={"model": GEMINI_3, "input": [{"type": "item_reference", "id": "msg_nothing"}]})
    assert (missing.status_code, error_of(missing)["param"]) == (404, "input")


def test_a_deletion_erases_the_content_and_keeps_the_usage_record(client: OpenAI) -> None:
    word = fresh("secret")
    raw = client.responses.with_raw_response.create(model=GEMINI_3, input=word)
    made = raw.parse()

    client.responses.delete(made.id)

    with pytest.raises(openai.NotFoundError) as caught:
        client.responses.retrieve(made.id)
    assert "not found" in str(caught.value)
    assert not StoredItem.objects.filter(body__contains=word).exists()
    assert not Message.objects.filter(openai__contains=word).exists()
    assert usage_of(raw.headers).total_tokens > 0
    with pytest.raises(openai.NotFoundError):
        client.responses.delete(made.id)


def test_a_deleted_response_keeps_its_successors(client: OpenAI, emulator: Emulator) -> None:
    first = client.responses.create(model=GEMINI_3, input="My name is Ada.")
    second = client.responses.create(model=GEMINI_3, input="And?", previous_response_id=first.id)
    client.responses.delete(first.id)

    client.responses.create(model=GEMINI_3, input="Well?", previous_response_id=second.id)

    *_, body = emulator.bodies()
    assert content_texts(body)[0] == "My name is Ada."


def test_a_response_with_store_false_is_not_stored(client: OpenAI) -> None:
    made = client.responses.create(model=GEMINI_3, input=fresh("x"), store=False)

    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=GEMINI_3, input="And?", previous_response_id=made.id)
    assert (caught.value.code, caught.value.param) == ("previous_response_not_found", "previous_response_id")
    assert not StoredResponse.objects.filter(public_id=made.id).exists()


def test_the_response_of_another_principal_is_missing(http: httpx2.Client) -> None:
    made = ask(http, input=fresh("mine"))
    missing = http.get(f"{RESPONSES}/resp_missing")
    other = User.objects.create_user(fresh("other"))
    StoredResponse.objects.filter(public_id=made["id"]).update(principal=other)

    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/cancel"),
        ("GET", "/input_items"),
        ("GET", "?stream=true"),
    ):
        response = http.request(method, f"{RESPONSES}/{made['id']}{path}", headers=JSON)
        assert response.status_code == missing.status_code == 404, (method, path)
        assert error_of(response)["message"].replace(made["id"], "resp_missing") == error_of(missing)["message"]
    rejected = http.post(RESPONSES, json={"model": GEMINI_3, "input": "x", "previous_response_id": made["id"]})
    assert (rejected.status_code, error_of(rejected)["code"]) == (400, "previous_response_not_found")


def test_a_chain_grows_by_the_same_rows_at_each_step(http: httpx2.Client) -> None:
    previous, counts = None, []
    for number in range(6):
        before = _rows()
        previous = ask(http, input=f"{fresh('step')} {number}", previous_response_id=previous)["id"]
        counts.append(_rows() - before)

    assert len(set(counts)) == 1, counts


def test_a_rejected_request_is_recorded_and_stores_no_response(http: httpx2.Client, emulator: Emulator) -> None:
    emulator.script({"status": 400, "body": {"error": {"code": 400, "message": "No.", "status": "INVALID_ARGUMENT"}}})
    before = StoredResponse.objects.count()

    response = http.post(RESPONSES, json={"model": GEMINI_3, "input": "Hello!", "stream": True})

    assert response.status_code == 400
    record = usage_of(response.headers)
    assert (record.endpoint, record.status) == ("responses", "client_error")
    assert StoredResponse.objects.count() == before


def test_a_broken_stream_is_stored_as_failed(http: httpx2.Client, emulator: Emulator) -> None:
    fault = {"error": {"code": 503, "message": "Overloaded.", "status": "UNAVAILABLE"}}
    emulator.script({"error_in_stream": fault, "error_after": 2})

    response = http.post(RESPONSES, json={"model": GEMINI_3, "input": "Hello!", "stream": True})

    *_, last = named_events(response.text)
    assert last["type"] == "response.failed"
    assert last["response"]["error"]["code"] == "server_error"
    assert http.get(f"{RESPONSES}/{last['response']['id']}").json() == last["response"]


def test_input_tokens_are_counted_by_gemini(client: OpenAI, emulator: Emulator) -> None:
    first = client.responses.create(model=GEMINI_3, input="My name is Ada.")
    alone = client.responses.input_tokens.count(model=GEMINI_3, input="How long?")
    after = client.responses.input_tokens.count(model=GEMINI_3, input="How long?", previous_response_id=first.id)

    assert 0 < alone.input_tokens < after.input_tokens
    assert [entry["path"].rpartition(":")[2] for entry in emulator.received()] == [
        "generateContent",
        "countTokens",
        "countTokens",
    ]


@pytest.mark.parametrize("stream", [False, True])
def test_a_prewarm_stores_the_input_without_an_upstream_call(
    http: httpx2.Client, emulator: Emulator, stream: bool
) -> None:
    warm = _made(http, stream=stream, input="My name is Ada.", prompt_cache_options={"prewarm": True})

    assert (warm["status"], warm["output"], warm["usage"]["total_tokens"]) == ("completed", [], 0)
    assert emulator.received() == []
    assert http.get(f"{RESPONSES}/{warm['id']}").json() == warm
    ask(http, input="Who am I?", previous_response_id=warm["id"])
    [body] = emulator.bodies()
    assert content_texts(body) == ["My name is Ada.Who am I?"]


def test_a_compacted_conversation_can_be_continued(client: OpenAI, http: httpx2.Client, emulator: Emulator) -> None:
    first = client.responses.create(model=GEMINI_3, input="My name is Ada.")
    emulator.script({"body": _answer("Ada says her name.")})
    asked = {"model": GEMINI_3, "previous_response_id": first.id, "input": "I like tea."}

    compacted = http.post(f"{RESPONSES}/compact", json=asked).json()

    *kept, carrier = compacted["output"]
    assert compacted["object"] == "response.compaction"
    assert [item["content"][0]["text"] for item in kept] == ["My name is Ada.", "I like tea."]
    assert carrier["type"] == "compaction"
    assert compacted["usage"]["total_tokens"] > 0
    ask(http, input=[*compacted["output"], {"role": "user", "content": "Who am I?"}])
    *_, body = emulator.bodies()
    assert "Ada says her name." in "".join(content_texts(body))
    assert first.output_text not in "".join(content_texts(body))


def test_operators_can_see_the_sent_request(http: httpx2.Client, emulator: Emulator) -> None:
    developer = {"role": "developer", "content": "Speak of the weather only."}
    first = ask(http, input=[developer, {"role": "user", "content": ONE}], tools=[WEATHER])
    [call] = [item for item in first["output"] if item["type"] == "function_call"]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "21 degrees"}
    asked = {"model": GEMINI_3, "instructions": "Be brief.", "tools": [WEATHER]}

    response = http.post(RESPONSES, json={**asked, "input": [result], "previous_response_id": first["id"]})

    *_, body = emulator.bodies()
    assert sent_body(usage_of(response.headers)).body == body
    assert [part["text"] for part in body["systemInstruction"]["parts"]] == ["Be brief.", developer["content"]]


def test_the_usage_of_responses_is_recorded(http: httpx2.Client) -> None:
    response = http.post(RESPONSES, json={"model": GEMINI_25, "input": "Hello!", "metadata": {"k": "v"}, "user": "u"})

    record = usage_of(response.headers)
    assert (record.endpoint, record.status, record.metadata, record.user) == ("responses", "ok", {"k": "v"}, "u")
    usage = response.json()["usage"]
    assert (record.prompt_tokens, record.completion_tokens) == (usage["input_tokens"], usage["output_tokens"])
    assert UsageRecord.objects.filter(request_id=record.request_id).count() == 1


def _made(http: httpx2.Client, *, stream: bool, **body: Any) -> dict[str, Any]:
    """Return the response; of a stream, the response of the last event."""
    if not stream:
        return ask(http, **body)
    answer = http.post(RESPONSES, json={"model": GEMINI_3, "stream": True, **body})
    response: dict[str, Any] = named_events(answer.text)[-1]["response"]
    return response


def _rows() -> int:
    return Message.objects.count() + StoredItem.objects.count() + StoredResponse.objects.count()


def _answer(text: str) -> dict[str, Any]:
    return {
        "candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7},
    }


@pytest.mark.parametrize("path", ["resp_%00", "resp_%00/input_items", "resp_1/input_items?after=%00"])
def test_an_invalid_response_id_is_not_found(http: httpx2.Client, path: str) -> None:
    assert http.get(f"{RESPONSES}/{path}").status_code == 404
