"""Generated speech (rule 84) and images, whole and in chunks, validated by OpenAI's types."""

import io
import itertools
import wave
from base64 import b64decode, b64encode
from typing import Any

import pytest
from openai.types.chat import ChatCompletion

from api.errors import UpstreamError
from api.translate.candidates.speech import Speech, pcm_to_wav, sample_rate
from tests.unit.translate.accumulators import chat_accumulator, plain_of, stream_of

SAMPLES = [bytes([number, 0]) * 300 for number in range(4)]
PIXEL = "iVBORw0KGgo="


def sound(samples: bytes, kind: str = "audio/L16;codec=pcm;rate=24000") -> dict[str, Any]:
    """Return a part with samples."""
    return {"inlineData": {"mimeType": kind, "data": b64encode(samples).decode()}}


def response(*parts: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    """Return a response or a chunk."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    return {"candidates": [candidate | ({"finishReason": reason} if reason else {})]}


def speech(*, wav: bool) -> Speech:
    """Return the audio settings of the tests."""
    return Speech(wav=wav, expires_at=1_700_003_600, ids=(f"audio_{number}" for number in itertools.count(1)))


WHOLE = response({"text": "Hel"}, {"text": "lo"}, *(sound(piece) for piece in SAMPLES), reason="STOP")
PIECES = [
    (0, response({"text": "Hel"})),
    (0, response({"text": "lo"}, sound(SAMPLES[0]))),
    (0, response(*(sound(piece) for piece in SAMPLES[1:]))),
    (0, response({"text": ""}, reason="STOP")),
]


def test_rule_084_speech_is_wrapped_as_wav() -> None:
    plain = plain_of(chat_accumulator(speech=speech(wav=True)), [(0, WHOLE)])
    message = ChatCompletion.model_validate(plain).choices[0].message
    assert message.content is None
    assert message.audio is not None
    assert (message.audio.id, message.audio.transcript) == ("audio_1", "Hello")
    assert message.audio.expires_at == 1_700_003_600
    with wave.open(io.BytesIO(b64decode(message.audio.data))) as reader:
        assert (reader.getnchannels(), reader.getsampwidth(), reader.getframerate()) == (1, 2, 24_000)
        assert reader.readframes(10_000) == b"".join(SAMPLES)


def test_rule_084_a_stream_of_pcm16_accumulates_to_the_plain_response() -> None:
    plain = plain_of(chat_accumulator(speech=speech(wav=False)), [(0, WHOLE)])["choices"][0]
    chunks = [chunk["choices"][0] for chunk in stream_of(chat_accumulator(speech=speech(wav=False)), PIECES)]
    deltas = [chunk["delta"]["audio"] for chunk in chunks if "audio" in chunk["delta"]]
    audio = plain["message"]["audio"]
    assert "".join(delta.get("id", "") for delta in deltas) == audio["id"]  # once: clients concatenate strings
    assert b"".join(b64decode(delta.get("data", "")) for delta in deltas) == b64decode(audio["data"])
    assert "".join(delta.get("transcript", "") for delta in deltas) == audio["transcript"]
    assert deltas[-1] == {"expires_at": audio["expires_at"]}
    assert chunks[0]["delta"]["role"] == "assistant"
    assert not any(chunk["delta"].get("content") for chunk in chunks)
    assert chunks[-1]["finish_reason"] == plain["finish_reason"] == "stop"


def test_rule_084_each_choice_has_its_own_sound() -> None:
    accumulator = chat_accumulator(speech=speech(wav=False), choices=2)
    plain = plain_of(
        accumulator, [(0, response(sound(SAMPLES[1]), reason="STOP")), (1, response(sound(SAMPLES[2]), reason="STOP"))]
    )
    audios = [choice["message"]["audio"] for choice in plain["choices"]]
    assert [audio["id"] for audio in audios] == ["audio_1", "audio_2"]
    assert [b64decode(audio["data"]) for audio in audios] == SAMPLES[1:3]


def test_the_sound_is_stored_unchanged() -> None:
    accumulator = chat_accumulator(speech=speech(wav=True))
    plain_of(accumulator, [(0, WHOLE)])
    parts = accumulator.contents[0]["parts"]
    assert parts == [{"text": "Hello"}, *(sound(piece) for piece in SAMPLES)]


def test_a_blocked_response_has_no_audio() -> None:
    for reason in ("SAFETY", "PROHIBITED_CONTENT"):
        accumulator = chat_accumulator(speech=speech(wav=True))
        message = plain_of(accumulator, [(0, response(reason=reason))])["choices"][0]["message"]
        assert "audio" not in message
        assert message["content"] is None


def test_unrequested_sound_is_dropped_with_a_note() -> None:
    accumulator = chat_accumulator()
    plain = plain_of(accumulator, [(0, response({"text": "Hi"}, sound(SAMPLES[1]), reason="STOP"))])
    assert plain["choices"][0]["message"]["content"] == "Hi"
    assert [note.kind for note in accumulator.notes] == ["dropped"]


@pytest.mark.parametrize("blob", [{"mimeType": "audio/L16", "data": "a"}, {"mimeType": 7, "data": "AAAA"}])
def test_invalid_sound_is_an_upstream_error(blob: dict[str, Any]) -> None:
    with pytest.raises(UpstreamError):
        plain_of(chat_accumulator(speech=speech(wav=True)), [(0, response({"inlineData": blob}, reason="STOP"))])


@pytest.mark.parametrize(
    ("mime_type", "rate"),
    [("audio/L16;codec=pcm;rate=16000", 16_000), ("audio/pcm; rate=48000", 48_000), ("audio/L16", 24_000)],
)
def test_the_sample_rate_is_read_from_the_media_type(mime_type: str, rate: int) -> None:
    assert sample_rate(mime_type) == rate
    with wave.open(io.BytesIO(pcm_to_wav(b"\x00\x00", rate=rate))) as reader:
        assert reader.getframerate() == rate


def test_pictures_become_data_urls_between_texts() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": PIXEL}, "thoughtSignature": "c2ln"}
    whole = response({"text": "Here"}, picture, picture, reason="STOP")
    accumulator = chat_accumulator()
    message = plain_of(accumulator, [(0, whole)])["choices"][0]["message"]
    expected = [
        {"index": index, "type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
        for index in range(2)
    ]
    assert message["images"] == expected
    assert accumulator.contents[0]["parts"][1:] == [picture, picture]
    streamed = [chunk["choices"][0]["delta"] for chunk in stream_of(chat_accumulator(), [(0, whole)])]
    assert [image for delta in streamed for image in delta.get("images", ())] == expected
