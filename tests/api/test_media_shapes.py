"""Media in the short forms of other servers, through the gateway."""

from typing import Any

import httpx2
import pytest
from openai.types.responses import ResponseInputImage

from tests.emulator_control import Emulator
from tests.exchanges import CHAT, GEMINI_3, chat_body, events
from tests.responses import RESPONSES, ask, named_events
from tests.unit.translate.requests import DATA_URL, PIXEL

pytestmark = pytest.mark.usefixtures("live_db")

SHORT: Any = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": DATA_URL}]
BLOB = {"mimeType": "image/png", "data": PIXEL}
NESTED: Any = [{"type": "input_image", "image_url": {"url": DATA_URL, "detail": "low"}}]


def blobs(body: Any) -> list[Any]:
    """Return the inline data of a request to Gemini."""
    return [part["inlineData"] for content in body["contents"] for part in content["parts"] if "inlineData" in part]


def test_the_image_of_a_chat_request_may_be_a_string(http: httpx2.Client, emulator: Emulator) -> None:
    asked = [{"role": "user", "content": SHORT}]
    response = http.post(CHAT, json=chat_body(model=GEMINI_3, messages=asked, store=True))
    assert response.status_code == 200, response.text
    events(http.post(CHAT, json=chat_body(model=GEMINI_3, messages=asked, stream=True)))
    back = [*asked, response.json()["choices"][0]["message"], {"role": "user", "content": "And now?"}]
    assert http.post(CHAT, json=chat_body(model=GEMINI_3, messages=back)).status_code == 200
    assert [blobs(body) for body in emulator.bodies()] == [[BLOB]] * 3
    [message] = http.get(f"{CHAT}/{response.json()['id']}/messages").json()["data"]
    assert message["content_parts"] == SHORT


def test_the_image_of_a_responses_request_may_be_an_object(http: httpx2.Client, emulator: Emulator) -> None:
    asked = [{"role": "user", "content": NESTED}]
    made = ask(http, input=asked)
    body = {"model": GEMINI_3, "input": "And now?", "previous_response_id": made["id"], "stream": True}
    assert named_events(http.post(RESPONSES, json=body).text)[-1]["type"] == "response.completed"
    assert [blobs(sent) for sent in emulator.bodies()] == [[BLOB]] * 2
    [item] = http.get(f"{RESPONSES}/{made['id']}/input_items").json()["data"]
    image = ResponseInputImage.model_validate(item["content"][0], strict=True)
    assert (image.image_url, image.detail) == (DATA_URL, "low")
