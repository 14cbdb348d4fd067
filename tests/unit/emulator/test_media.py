"""Pictures and speech: valid files, counted by modality, the same in a stream; media in function results."""

import base64
import struct
import zlib
from typing import Any

import pytest

from tests.unit.emulator.conftest import Gemini

PAINTER = "gemini-2.5-flash-image"
SPEAKER = "gemini-3.8-flash-tts"
SPOKEN = {"responseModalities": ["AUDIO"]}


def asked(text: str, **config: Any) -> dict[str, Any]:
    """Return a request with one content."""
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], "generationConfig": config}


def blobs(answer: Any) -> list[dict[str, str]]:
    """Return the media of the first candidate."""
    parts = answer["candidates"][0]["content"]["parts"]
    return [part["inlineData"] for part in parts if "inlineData" in part]


def test_a_picture_is_a_png_that_decodes(gemini: Gemini) -> None:
    answer = gemini.post(PAINTER, asked("Draw a cat")).json()
    (blob,) = blobs(answer)
    raw = base64.b64decode(blob["data"])
    assert blob["mimeType"] == "image/png"
    assert raw.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", raw[16:24])
    start = raw.index(b"IDAT") + 4
    assert len(zlib.decompress(raw[start:])) == height * (1 + 3 * width)
    details = answer["usageMetadata"]["candidatesTokensDetails"]
    assert details == [{"modality": "IMAGE", "tokenCount": 1290}]


def test_another_prompt_gives_another_picture(gemini: Gemini) -> None:
    cat, dog = (blobs(gemini.post(PAINTER, asked(f"Draw a {animal}")).json())[0] for animal in ("cat", "dog"))
    assert cat != dog


@pytest.mark.parametrize("config", [{"responseModalities": ["TEXT"]}, {"responseMimeType": "application/json"}])
def test_a_request_for_text_gets_no_picture(gemini: Gemini, config: dict[str, Any]) -> None:
    assert blobs(gemini.post(PAINTER, asked("Draw a cat", **config)).json()) == []


def test_speech_is_raw_samples_as_long_as_the_text(gemini: Gemini) -> None:
    short, long = (gemini.post(SPEAKER, asked(text, **SPOKEN)).json() for text in ("Hi", "word " * 30))
    assert {blob["mimeType"] for blob in blobs(short) + blobs(long)} == {"audio/L16;codec=pcm;rate=24000"}
    sizes = [sum(len(base64.b64decode(blob["data"])) for blob in blobs(answer)) for answer in (short, long)]
    assert sizes[0] < sizes[1]
    assert sizes[1] % 2 == 0
    assert long["usageMetadata"]["candidatesTokensDetails"][0]["modality"] == "AUDIO"


def test_speech_without_the_audio_modality_is_rejected(gemini: Gemini) -> None:
    response = gemini.post(SPEAKER, asked("Hi"))
    assert response.status_code == 400
    assert "response modalities (TEXT) is not supported" in response.text


@pytest.mark.parametrize(
    ("model", "status"), [("gemini-3.8-flash", 200), ("gemini-4-argon", 200), ("gemini-2.5-flash", 400)]
)
def test_media_in_results_are_accepted_from_gemini_3_on(gemini: Gemini, model: str, status: int) -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}
    call = {
        "functionCall": {"name": "look", "args": {}},
        "thoughtSignature": "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=",
    }
    result = {"functionResponse": {"name": "look", "response": {"output": "Done"}, "parts": [picture]}}
    contents = [
        {"role": "user", "parts": [{"text": "Look"}]},
        {"role": "model", "parts": [call]},
        {"role": "user", "parts": [result]},
    ]
    response = gemini.post(model, {"contents": contents, "tools": [{"functionDeclarations": [{"name": "look"}]}]})
    assert response.status_code == status, response.text


def test_pictures_after_results_are_no_new_prompt(gemini: Gemini) -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}
    contents = [
        {"role": "user", "parts": [{"text": "Take a look"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "look", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "look", "response": {"output": "Done"}}}]},
        {"role": "user", "parts": [picture, {"text": " "}]},
    ]
    body = {"contents": contents, "tools": [{"functionDeclarations": [{"name": "look"}]}]}
    parts = gemini.post("gemini-2.5-flash", body).json()["candidates"][0]["content"]["parts"]
    assert "look returned" in "".join(part.get("text", "") for part in parts)
