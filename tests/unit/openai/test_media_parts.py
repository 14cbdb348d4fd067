"""Content parts other than text: the roles that accept them, and the errors of invalid parts."""

from typing import Any

import pytest

from tests.unit.openai.bodies import HELLO, assistant, call, chat, chat_error, tool

IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}}
VIDEO = {"type": "video_url", "video_url": {"url": "https://youtu.be/abc"}}
FILE = {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0="}}
TEXT = {"type": "text", "text": "Done"}


def test_a_user_may_send_a_video_by_url() -> None:
    message = {"role": "user", "content": [TEXT, VIDEO]}
    assert chat(messages=[message]).messages == [message]


@pytest.mark.parametrize("part", [IMAGE, FILE, TEXT])
def test_rule_018_a_tool_result_may_have_images_and_files(part: dict[str, Any]) -> None:
    messages = [HELLO, assistant(call()), tool(content=[TEXT, part])]
    assert chat(messages=messages).messages == messages


@pytest.mark.parametrize(
    ("content", "param", "code"),
    [
        ([VIDEO], "messages[2].content[0].type", "invalid_value"),
        ([TEXT, {"type": "image_url"}], "messages[2].content[1].image_url", "missing_required_parameter"),
        ([{"type": "image_url", "image_url": {"url": 7}}], "messages[2].content[0].image_url.url", "invalid_type"),
    ],
)
def test_an_invalid_part_of_a_tool_result_is_named(content: Any, param: str, code: str) -> None:
    error = chat_error(messages=[HELLO, assistant(call()), tool(content=content)])
    assert (error.param, error.code) == (param, code)


@pytest.mark.parametrize("role", ["system", "developer"])
def test_instructions_with_media_are_rejected(role: str) -> None:
    assert chat_error(messages=[{"role": role, "content": [IMAGE]}]).param == "messages[0].content[0].type"
