"""The decoder of the OpenAI SDK reads complete events and ignores the keep-alive."""

from typing import Any

import httpx2
import orjson
import pytest
from openai import OpenAI, Stream
from openai._streaming import SSEDecoder

from api.openai.shared.sse import DONE, KEEP_ALIVE, event, named_event

OBJECTS: list[dict[str, Any]] = [
    {"a": 1},
    {"text": "line\nbreak\r\nand \u2028 and \u0085 and \x0b"},
    {"text": "data: [DONE]\n\nevent: x"},
    {"text": "😀 ü"},
    {"text": "“…” € \u00c2\u0085 \u2027\u202a", "key\u2028": "\\\u2029"},
]


@pytest.mark.parametrize("obj", OBJECTS, ids=str)
def test_an_event_is_read_back(obj: dict[str, Any]) -> None:
    (read,) = SSEDecoder().iter_bytes(iter([event(obj)]))
    assert (read.event, orjson.loads(read.data)) == (None, obj)
    assert len(event(obj).decode().splitlines()) == 2


def test_a_named_event_is_read_back() -> None:
    (read,) = SSEDecoder().iter_bytes(iter([named_event({"type": "response.created"})]))
    assert (read.event, orjson.loads(read.data)) == ("response.created", {"type": "response.created"})


def test_a_stream_with_keep_alives_ends_with_done() -> None:
    body = KEEP_ALIVE + event({"id": 1}) + KEEP_ALIVE + KEEP_ALIVE + event({"id": 2}) + DONE
    with OpenAI(api_key="x") as client:
        stream: Stream[Any] = Stream(cast_to=object, response=httpx2.Response(200, content=body), client=client)
        assert list(stream) == [{"id": 1}, {"id": 2}]
