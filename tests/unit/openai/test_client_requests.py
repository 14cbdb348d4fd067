"""What real clients sent (recorded, see the recordings' README) is accepted, all but what OpenAI refuses as well."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from api.errors import InvalidRequestError
from api.openai.chat_request import parse_chat_completion
from api.openai.completion_request import parse_completion
from api.openai.request_model import RequestModel

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data"
PARSERS: dict[str, Callable[[bytes], RequestModel]] = {
    "/v1/chat/completions": parse_chat_completion,
    "/v1/completions": parse_completion,
}
# `file:line` of the requests that OpenAI refuses, with the parameter it names.
REFUSED = {"openai_py.jsonl:13": "messages"}  # the client's own test of an error: no messages


def recorded() -> Iterator[Any]:
    """Yield (path, body, key) of every recorded request to the two endpoints."""
    for file in sorted((SHARED / "client-requests").glob("*.jsonl")):
        for number, line in enumerate(file.read_text().splitlines()):
            request = json.loads(line)
            if request["method"] == "POST" and request["path"] in PARSERS:
                key = f"{file.name}:{number}"
                yield pytest.param(request["path"], request["body"], key, id=key)


pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the recordings are not beside this checkout")


@pytest.mark.parametrize(("path", "body", "key"), list(recorded()))
def test_recorded_requests(path: str, body: dict[str, Any], key: str) -> None:
    parse = PARSERS[path]
    if key in REFUSED:
        with pytest.raises(InvalidRequestError) as caught:
            parse(orjson.dumps(body))
        assert caught.value.param == REFUSED[key]
        return
    request = parse(orjson.dumps(body))
    assert request.unknown == ()
    sent = {name: value for name, value in body.items() if value is not None}
    assert {name: getattr(request, name) for name in sent} == sent


def openai_exchanges() -> Iterator[Any]:
    """Yield the recorded chat requests that OpenAI itself answered with 200."""
    file = SHARED / "openai-recordings.jsonl"
    for number, line in enumerate(file.read_text().splitlines() if file.is_file() else ()):
        exchange = json.loads(line)
        if "messages" in exchange["request"] and exchange["status"]["code"] == 200:
            yield pytest.param(exchange["request"], id=str(number))


@pytest.mark.parametrize("body", list(openai_exchanges()))
def test_requests_that_openai_answered(body: dict[str, Any]) -> None:
    request = parse_chat_completion(orjson.dumps(body))
    assert request.unknown == ()
    assert request.messages == body["messages"]
