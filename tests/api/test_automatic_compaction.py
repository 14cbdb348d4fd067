"""`context_management` and `compaction_trigger`: automatic compaction, and requests that continue the compaction."""

import json
from collections.abc import Iterator
from typing import Any, Final

import httpx2
import pytest
from openai import OpenAI
from websockets.sync.client import connect

from sessions_store.models import Message, StoredItem, UsageRecord
from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_3, error_of, fresh, usage_of
from tests.live_gateway import LiveGateway
from tests.responses import CONVERSATIONS, ENDS, RESPONSES, WEATHER, ask, content_texts, named_events, response_text
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("live_db", "emulator")

MANAGED: Final[Any] = [{"type": "compaction", "compact_threshold": 1000}]
LONG: Final = "The treasure lies under the old oak. " * 300
ONE: Final = "What is the weather in Paris? Use the tool."


def summary(text: str = "SUMMARY of it all") -> dict[str, Any]:
    """The emulator's response to the request for a summary."""
    content = {"role": "model", "parts": [{"text": text}]}
    body = {
        "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 2000, "candidatesTokenCount": 5, "totalTokenCount": 2005},
    }
    return {"match": {"contains": "Summarise our conversation"}, "body": body}


def generated(emulator: Emulator) -> list[Any]:
    """Return the bodies of the generating calls."""
    return [entry["body"] for entry in emulator.received() if "enerateContent" in entry["path"]]


def kinds(response: Any) -> list[str]:
    """Return the types of a response's items."""
    return [item["type"] for item in response["output"]]


def test_a_context_over_the_threshold_is_compacted_in_the_response(http: httpx2.Client, emulator: Emulator) -> None:
    first = ask(http, input=LONG)
    emulator.reset()
    emulator.script(summary())

    posted = http.post(
        RESPONSES,
        json={
            "model": GEMINI_3,
            "input": "Where is it?",
            "instructions": "Be brief.",
            "previous_response_id": first["id"],
            "context_management": MANAGED,
        },
    )

    response = posted.json()
    assert kinds(response) == ["compaction", "reasoning", "message"]
    assert "added output: compaction" in posted.headers["x-gateway-notes"]
    asked, answered = generated(emulator)
    assert content_texts(asked)[0] == LONG
    assert "Summarise our conversation" in content_texts(asked)[-1]
    [continued] = content_texts(answered)
    assert "SUMMARY of it all" in continued
    assert continued.endswith("Where is it?")
    assert answered["systemInstruction"]["parts"] == [{"text": "Be brief."}]
    own = usage_of(posted.headers)
    compaction = UsageRecord.objects.get(request_id=f"{own.request_id}-compaction")
    assert (compaction.endpoint, compaction.status) == ("responses.compact", "ok")
    assert response["usage"]["total_tokens"] == own.total_tokens + compaction.total_tokens
    assert http.get(f"{RESPONSES}/{response['id']}").json() == response


def test_the_next_response_continues_the_compaction(http: httpx2.Client, emulator: Emulator) -> None:
    compacted = begin(http, emulator)

    ask(http, input="And now?", previous_response_id=compacted["id"], context_management=MANAGED)

    [body] = generated(emulator)
    first, answer, last = content_texts(body)
    assert "SUMMARY of it all" in first
    assert answer == response_text(compacted)
    assert last == "And now?"


@pytest.mark.parametrize("pruned", [False, True])
def test_a_client_with_its_own_history_continues_the_compaction(
    http: httpx2.Client, emulator: Emulator, pruned: bool
) -> None:
    rules = {"role": "developer", "content": "Speak like a pirate."}
    history: list[Any] = [rules, {"role": "user", "content": LONG}, {"role": "assistant", "content": "Noted."}]
    history.append({"role": "user", "content": "Where is it?"})
    emulator.script(summary())
    response = ask(http, input=history, store=False, context_management=MANAGED)
    emulator.reset()

    kept = [] if pruned else history
    ask(http, input=[*kept, *response["output"], {"role": "user", "content": "And now?"}], store=False)

    [body] = generated(emulator)
    first, answer, last = content_texts(body)
    assert "SUMMARY of it all" in first
    assert first.endswith("Where is it?")
    assert (answer, last) == (response_text(response), "And now?")
    assert body["systemInstruction"]["parts"] == [{"text": "Speak like a pirate."}]


def test_a_conversation_continues_the_compaction(http: httpx2.Client, emulator: Emulator) -> None:
    conversation = http.post(CONVERSATIONS, json={}).json()["id"]
    ask(http, input=LONG, conversation=conversation)
    emulator.script(summary())
    ask(http, input="Where is it?", conversation=conversation, context_management=MANAGED)
    listed = http.get(f"{CONVERSATIONS}/{conversation}/items", params={"order": "asc"}).json()["data"]
    assert [item["type"] for item in listed] == [
        *("message", "reasoning", "message"),
        *("message", "compaction", "reasoning", "message"),
    ]

    for changed in (False, True):
        if changed:  # the items are read again then
            added = {"items": [{"type": "message", "role": "user", "content": "By the way."}]}
            http.post(f"{CONVERSATIONS}/{conversation}/items", json=added)
        emulator.reset()
        ask(http, input="And now?", conversation=conversation)
        [body] = generated(emulator)
        assert "SUMMARY of it all" in content_texts(body)[0]
        assert LONG not in json.dumps(body)


def test_calls_of_the_latest_step_are_sent_unchanged(http: httpx2.Client, emulator: Emulator) -> None:
    first = ask(http, input=f"{LONG} {ONE}", tools=[WEATHER])
    [call] = [item for item in first["output"] if item["type"] == "function_call"]
    emulator.reset()
    emulator.script(summary())
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "21 degrees"}

    response = ask(http, input=[result], previous_response_id=first["id"], tools=[WEATHER], context_management=MANAGED)

    assert kinds(response)[0] == "compaction"
    _, body = generated(emulator)
    parts = [part for content in body["contents"] for part in content["parts"]]
    [called] = [part for part in parts if "functionCall" in part]
    assert called["thoughtSignature"]
    [told] = [part["functionResponse"] for part in parts if "functionResponse" in part]
    assert "21 degrees" in json.dumps(told)


def test_a_stream_begins_with_the_compaction(client: OpenAI, emulator: Emulator) -> None:
    first = client.responses.create(model=GEMINI_3, input=LONG)
    emulator.script(summary())

    with client.responses.stream(
        model=GEMINI_3, input="Where?", previous_response_id=first.id, context_management=MANAGED
    ) as stream:
        events = list(stream)
        final = stream.get_final_response()

    assert [event.type for event in events[:6]] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.compaction.compacting",
        "response.output_item.done",
        "response.output_item.added",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [item.type for item in final.output] == ["compaction", "reasoning", "message"]
    assert client.responses.retrieve(final.id).output_text == final.output_text


def test_a_background_response_is_compacted(http: httpx2.Client, emulator: Emulator) -> None:
    first = ask(http, input=LONG)
    emulator.script({**summary(), "delay": 0.5})

    queued = ask(http, input="Where?", previous_response_id=first["id"], context_management=MANAGED, background=True)

    assert queued["status"] == "queued"
    path = f"{RESPONSES}/{queued['id']}"
    ended = eventually(lambda: (now := http.get(path).json())["status"] == "completed" and now)
    assert kinds(ended) == ["compaction", "reasoning", "message"]
    events = named_events(http.get(path, params={"stream": "true"}).text)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert "response.compaction.compacting" in [event["type"] for event in events]


def test_a_websocket_response_is_compacted(gateway: LiveGateway, emulator: Emulator) -> None:
    with connect(gateway.origin.replace("http", "ws") + RESPONSES, proxy=None) as socket:

        def asked(**body: Any) -> Any:
            socket.send(json.dumps({"type": "response.create", "model": GEMINI_3, "store": False, **body}))
            events: list[Any] = []
            while not events or events[-1]["type"] not in (*ENDS, "error"):
                events.append(json.loads(socket.recv(timeout=10)))
            return events[-1]["response"]

        first = asked(input=LONG)
        emulator.script(summary())
        second = asked(input="Where?", previous_response_id=first["id"], context_management=MANAGED)
        emulator.reset()
        asked(input="And now?", previous_response_id=second["id"])

    assert kinds(second) == ["compaction", "reasoning", "message"]
    [body] = generated(emulator)
    assert "SUMMARY of it all" in content_texts(body)[0]


def test_a_deletion_erases_the_summary(http: httpx2.Client, emulator: Emulator) -> None:
    word = fresh("summary")
    first = ask(http, input=LONG)
    emulator.script(summary(word))
    response = ask(http, input="Where?", previous_response_id=first["id"], context_management=MANAGED)
    assert Message.objects.filter(openai__contains=word).exists()

    http.delete(f"{RESPONSES}/{response['id']}")

    assert not Message.objects.filter(openai__contains=word).exists()
    assert not StoredItem.objects.filter(item_id=response["output"][0]["id"]).exists()


def test_a_context_below_the_threshold_is_not_compacted(http: httpx2.Client, emulator: Emulator) -> None:
    first = ask(http, input="Hello!")

    response = ask(http, input="And?", previous_response_id=first["id"], context_management=MANAGED)

    assert "compaction" not in kinds(response)
    assert len(emulator.received()) == 2  # a text of few bytes is not counted


def test_a_single_long_message_cannot_be_compacted_and_is_noted(http: httpx2.Client) -> None:
    posted = http.post(RESPONSES, json={"model": GEMINI_3, "input": LONG, "context_management": MANAGED})

    assert kinds(posted.json()) == ["reasoning", "message"]
    assert "dropped context_management" in posted.headers["x-gateway-notes"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_failed_summary_fails_the_response(http: httpx2.Client, emulator: Emulator, stream: bool) -> None:
    first = ask(http, input=LONG)
    refusal = {"error": {"code": 429, "message": "x", "status": "RESOURCE_EXHAUSTED"}}
    emulator.script({"match": {"contains": "Summarise our"}, "status": 429, "body": refusal})
    body = {"model": GEMINI_3, "input": "Where?", "previous_response_id": first["id"], "context_management": MANAGED}

    posted = http.post(RESPONSES, json={**body, "stream": stream})

    if stream:
        end = named_events(posted.text)[-1]
        assert (end["type"], end["response"]["error"]["code"]) == ("response.failed", "rate_limit_exceeded")
    else:
        assert (posted.status_code, error_of(posted)["type"]) == (429, "rate_limit_error")
    request_id = posted.headers["x-request-id"]
    statuses = UsageRecord.objects.filter(request_id__startswith=request_id).values_list("status", flat=True)
    assert list(statuses) == ["rate_limited", "rate_limited"]


def test_a_failed_call_after_the_compaction_fails_the_response(http: httpx2.Client, emulator: Emulator) -> None:
    first = ask(http, input=LONG)
    refusal = {"error": {"code": 429, "message": "x", "status": "RESOURCE_EXHAUSTED"}}
    emulator.script(summary(), {"match": {"contains": "<conversation_summary>"}, "status": 429, "body": refusal})
    body = {"model": GEMINI_3, "input": "Where?", "previous_response_id": first["id"], "context_management": MANAGED}

    events = named_events(http.post(RESPONSES, json={**body, "stream": True}).text)

    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[-1]["type"] == "response.failed"
    assert events[-1]["response"]["usage"]["total_tokens"] > 0


@pytest.fixture
def waiting_gateway(django_db_setup: None, emulator_url: str) -> Iterator[httpx2.Client]:
    """A server with frequent keep-alives."""
    with (
        LiveGateway.start(upstream=emulator_url, settings={"KEEP_ALIVE_INTERVAL": "0.2"}) as server,
        httpx2.Client(base_url=server.origin, timeout=30, trust_env=False) as client,
    ):
        yield client


def test_the_stream_is_kept_alive_during_the_compaction(waiting_gateway: httpx2.Client, emulator: Emulator) -> None:
    first = ask(waiting_gateway, input=LONG)
    emulator.script({**summary(), "delay": 0.9})
    body = {"model": GEMINI_3, "input": "Where?", "previous_response_id": first["id"], "context_management": MANAGED}

    text = waiting_gateway.post(RESPONSES, json={**body, "stream": True}).text

    before, _, after = text.partition("response.output_item.done")
    assert before.count(": keep-alive") >= 2
    assert "response.completed" in after


def test_a_disconnect_during_the_compaction_is_recorded(http: httpx2.Client, emulator: Emulator) -> None:
    user = fresh("leaving")
    first = ask(http, input=LONG)
    emulator.script({**summary(), "delay": 20})
    body = {"model": GEMINI_3, "input": "Where?", "previous_response_id": first["id"], "context_management": MANAGED}
    with http.stream("POST", RESPONSES, json={**body, "user": user, "stream": True}) as response:
        next(response.iter_lines())

    records = UsageRecord.objects.filter(user=user)
    eventually(lambda: records.count() == 2)
    assert {record.status for record in records} == {"client_closed"}


def test_a_trigger_only_compacts(http: httpx2.Client, emulator: Emulator) -> None:
    first = ask(http, input="My name is Ada.")
    emulator.reset()
    emulator.script(summary("SUMMARY: Ada"))

    response = ask(http, input=[{"type": "compaction_trigger"}], previous_response_id=first["id"])

    assert (kinds(response), response["status"]) == (["compaction"], "completed")
    assert len(generated(emulator)) == 1
    assert response["usage"]["total_tokens"] > 0
    assert http.get(f"{RESPONSES}/{response['id']}").json() == response
    ask(http, input="Who am I?", previous_response_id=response["id"])
    ask(http, input=[*response["output"], {"role": "user", "content": "Who am I?"}])
    *_, chained, resent = generated(emulator)
    for body in (chained, resent):
        [asked] = content_texts(body)
        assert "SUMMARY: Ada" in asked
        assert asked.endswith("Who am I?")


def test_a_streamed_trigger_compacts(http: httpx2.Client, emulator: Emulator) -> None:
    emulator.script(summary())
    sent = [{"role": "user", "content": "My name is Ada."}, {"type": "compaction_trigger"}]

    events = named_events(http.post(RESPONSES, json={"model": GEMINI_3, "input": sent, "stream": True}).text)

    assert [event["type"] for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.compaction.compacting",
        "response.output_item.done",
        "response.completed",
    ]


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"context_management": [{"type": "compaction", "compact_threshold": 999}]}, None),
        ({"context_management": [{"type": "clear_tools"}]}, "context_management[0].type"),
        ({"input": [{"type": "compaction_trigger"}, {"role": "user", "content": "x"}]}, "input[0]"),
    ],
)
def test_invalid_context_management_is_rejected(
    http: httpx2.Client, changes: dict[str, Any], param: str | None
) -> None:
    rejected = http.post(RESPONSES, json={"model": GEMINI_3, "input": "x", **changes})

    assert rejected.status_code == 400
    assert error_of(rejected)["param"] == (param or "context_management[0].compact_threshold")


def begin(http: httpx2.Client, emulator: Emulator) -> Any:
    """Create a compacted response; reset the emulator's log afterwards."""
    first = ask(http, input=LONG)
    emulator.script(summary())
    response = ask(http, input="Where is it?", previous_response_id=first["id"], context_management=MANAGED)
    assert kinds(response) == ["compaction", "reasoning", "message"]
    emulator.reset()
    return response
