"""The size of messages: text by its bytes, media by their number."""

import orjson
import pytest

from api.translate.request.message_tokens import MEDIA_TOKENS, json_tokens

BIG = "iVBORw0KGgo" * 10_000


def test_text_is_counted_by_its_bytes() -> None:
    assert json_tokens(b'"eight.."') == 3
    assert json_tokens(b"x" * 4000) == 1000


@pytest.mark.parametrize(
    "message",
    [
        {"content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{BIG}"}}]},
        {"content": [{"type": "input_audio", "input_audio": {"data": BIG, "format": "wav"}}]},
        {"content": [{"type": "file", "file": {"file_data": BIG, "filename": "a.pdf"}}]},
        {"content": f"![a](data:image/png;base64,{BIG}) and text"},
        {"parts": [{"inlineData": {"mimeType": "image/png", "data": BIG}}]},
    ],
)
def test_media_are_counted_by_number(message: object) -> None:
    assert MEDIA_TOKENS < json_tokens(orjson.dumps(message)) < MEDIA_TOKENS + 50


def test_a_word_like_base64_does_not_exclude_a_text() -> None:
    assert json_tokens(orjson.dumps({"content": ";base64, " + "word " * 1000})) > 1000
    assert json_tokens(orjson.dumps({"content": "A" * 8000})) > 2000
