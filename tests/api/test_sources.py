"""The sources of a response for clients: maps places, retrieved pages, code runs; plain and streamed."""

from typing import Any

import httpx2
import pytest
from openai import OpenAI
from openai.types.responses import Response, ResponseCodeInterpreterToolCall, ResponseFunctionWebSearch

from tests.emulator_control import Emulator
from tests.exchanges import CHAT, GEMINI_3, chat_body, events
from tests.responses import RESPONSES, ask, named_events

pytestmark = pytest.mark.usefixtures("live_db")

TEXT = "Café Z is open."
USAGE: Any = {"promptTokenCount": 3, "candidatesTokenCount": 4, "thoughtsTokenCount": 5, "totalTokenCount": 12}
PLACE: Any = {
    "groundingChunks": [
        {"maps": {"uri": "https://maps.example/?cid=1", "title": "Café Z", "placeId": "places/1"}},
    ],
    "groundingSupports": [
        {"segment": {"endIndex": len(TEXT.encode()), "text": TEXT}, "groundingChunkIndices": [0]},
    ],
}
PAGES: Any = {
    "urlMetadata": [
        {"retrievedUrl": "https://a.example/", "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_SUCCESS"},
        {"retrievedUrl": "https://b.example/", "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_PAYWALL"},
    ]
}
FIELD = {
    "url_metadata": [
        {"retrieved_url": "https://a.example/", "url_retrieval_status": "URL_RETRIEVAL_STATUS_SUCCESS"},
        {"retrieved_url": "https://b.example/", "url_retrieval_status": "URL_RETRIEVAL_STATUS_PAYWALL"},
    ]
}


def answer(*parts: Any, **fields: Any) -> dict[str, Any]:
    """Return one response of Gemini with these parts."""
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": "STOP", "index": 0, **fields}
    return {"candidates": [candidate], "usageMetadata": USAGE, "modelVersion": GEMINI_3}


def answer_in_chunks(*parts: Any, **fields: Any) -> list[dict[str, Any]]:
    """Return the same response in chunks: the first chunk, as with URL context, and the last chunk have the fields."""
    first = answer(parts[0], **fields)
    del first["candidates"][0]["finishReason"]
    return [first, *(answer(part, **fields) for part in parts[1:]), answer(**fields)]


def test_maps_places_are_cited(http: httpx2.Client, emulator: Emulator) -> None:
    emulator.script(
        {"body": answer({"text": TEXT}, groundingMetadata=PLACE)},
        {"chunks": [answer({"text": TEXT}, groundingMetadata=PLACE)]},
        {"body": answer({"text": TEXT}, groundingMetadata=PLACE)},
    )
    plain = http.post(CHAT, json=chat_body())
    [citation] = plain.json()["choices"][0]["message"]["annotations"]
    assert citation["url_citation"] == {
        "start_index": 0,
        "end_index": len(TEXT),
        "title": "Café Z",
        "url": "https://maps.example/?cid=1",
    }
    assert "converted choices[0].message.annotations: Google Maps places" in plain.headers["x-gateway-notes"]
    deltas = [chunk["choices"][0]["delta"] for chunk in events(http.post(CHAT, json=chat_body(stream=True)))]
    assert [delta["annotations"] for delta in deltas if "annotations" in delta] == [[citation]]
    reasoning, message = ask(http, input="Hi")["output"]
    assert reasoning["type"] == "reasoning"
    assert message["content"][0]["annotations"] == [{"type": "url_citation", **citation["url_citation"]}]


def test_retrieved_pages_are_returned_in_chat(http: httpx2.Client, emulator: Emulator) -> None:
    emulator.script(
        {"body": answer({"text": TEXT}, urlContextMetadata=PAGES)},
        {"chunks": answer_in_chunks({"text": "Café "}, {"text": "Z."}, urlContextMetadata=PAGES)},
    )
    plain = http.post(CHAT, json=chat_body()).json()
    assert plain["choices"][0]["message"]["extra_content"] == {"google": {"url_context_metadata": FIELD}}
    deltas = [chunk["choices"][0]["delta"] for chunk in events(http.post(CHAT, json=chat_body(stream=True)))]
    found = [delta["extra_content"] for delta in deltas if "extra_content" in delta]
    assert found == [{"google": {"url_context_metadata": FIELD}}]


def test_retrieved_pages_are_items_of_a_response(http: httpx2.Client, emulator: Emulator) -> None:
    emulator.script(
        {"body": answer({"text": TEXT}, urlContextMetadata=PAGES)},
        {"chunks": answer_in_chunks({"text": "Café Z "}, {"text": "is open."}, urlContextMetadata=PAGES)},
    )
    plain = ask(http, input="Hi")
    pages = [item for item in plain["output"] if item["type"] == "web_search_call"]
    for page in pages:
        ResponseFunctionWebSearch.model_validate(page, strict=True)
    assert [(page["status"], page["action"]) for page in pages] == [
        ("completed", {"type": "open_page", "url": "https://a.example/"}),
        ("failed", {"type": "open_page", "url": "https://b.example/"}),
    ]
    assert plain["tool_usage"]["web_search"]["num_requests"] == 0
    asked = {"model": GEMINI_3, "input": "Hi", "stream": True}
    streamed = named_events(http.post(RESPONSES, json=asked).text)[-1]["response"]
    assert [item["type"] for item in streamed["output"]] == [item["type"] for item in plain["output"]]
    assert http.get(f"{RESPONSES}/{streamed['id']}").json()["output"] == streamed["output"]


def code(words: str) -> Any:
    return {"executableCode": {"language": "PYTHON", "code": words}}


def result(output: str) -> Any:
    return {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": output}}


def test_every_result_of_code_is_returned(client: OpenAI, emulator: Emulator) -> None:
    parts = [code("f()"), result("1\n"), result("2\n"), {"text": "Done."}]
    emulator.script({"body": answer(*parts)}, {"chunks": answer_in_chunks(*parts)})
    plain = client.responses.create(model=GEMINI_3, input="Hi")
    with client.responses.stream(model=GEMINI_3, input="Hi") as stream:
        streamed = stream.get_final_response()
    retrieved = client.responses.retrieve(streamed.id)
    for response in (plain, streamed, retrieved):
        assert [item.type for item in response.output] == ["reasoning", "code_interpreter_call", "message"]
        assert printed(response) == ["1\n", "2\n"]


def printed(response: Response) -> list[str]:
    """Return the output of the first code run."""
    run = next(item for item in response.output if isinstance(item, ResponseCodeInterpreterToolCall))
    return [output.logs for output in run.outputs or () if output.type == "logs"]
