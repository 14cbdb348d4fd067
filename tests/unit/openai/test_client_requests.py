"""The parser accepts the recorded requests of real clients, except for requests that OpenAI rejects as well."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from api.errors import InvalidRequestError
from api.openai.chat.request import parse_chat_completion
from api.openai.completions.request import parse_completion
from api.openai.shared.request_model import RequestModel
from tests import recorded

PARSERS: dict[str, Callable[[bytes], RequestModel]] = {
    "/v1/chat/completions": parse_chat_completion,
    "/v1/completions": parse_completion,
}
# `file:line` of the requests that OpenAI rejects, with the parameter in OpenAI's error.
REFUSED = {"openai_py.jsonl:13": "messages"}  # the client tests an error: the request has no messages


def client_bodies() -> Iterator[Any]:
    """Yield (path, body, key) of every recorded request to the two endpoints."""
    for client in recorded.CLIENTS:
        for number, request in recorded.client_requests(client):
            if request["method"] == "POST" and request["path"] in PARSERS:
                key = f"{client}.jsonl:{number}"
                yield pytest.param(request["path"], request["body"], key, id=key)


@pytest.mark.parametrize(("path", "body", "key"), list(client_bodies()))
def test_recorded_requests_are_accepted(path: str, body: dict[str, Any], key: str) -> None:
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
    """Yield the recorded chat requests with a 200 from OpenAI."""
    for number, exchange in recorded.openai_exchanges():
        if "messages" in exchange["request"] and exchange["status"]["code"] == 200:
            yield pytest.param(exchange["request"], id=str(number))


@pytest.mark.parametrize("body", list(openai_exchanges()))
def test_requests_that_openai_accepted_are_accepted(body: dict[str, Any]) -> None:
    request = parse_chat_completion(orjson.dumps(body))
    assert request.unknown == ()
    assert request.messages == body["messages"]
