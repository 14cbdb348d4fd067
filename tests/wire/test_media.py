"""Input of images, sound and files, output of pictures and speech: OpenAI's client and the live gateway."""

import io
import itertools
import wave
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from openai import BadRequestError, OpenAI

from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_3, GEMINI_25, fresh, usage_of
from tests.live_gateway import LiveGateway

pytestmark = [pytest.mark.usefixtures("live_db"), pytest.mark.portable]

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WAV = b64encode(b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(28)).decode()
PDF = b64encode(b"%PDF-1.4 small").decode()
PAINTER = "gemini-2.5-flash-image"
PAINTER_3 = "gemini-3.1-flash-image"
SPEAKER = "gemini-3.8-flash-tts"
LOOK: Any = {"type": "function", "function": {"name": "take_screenshot", "parameters": {"type": "object"}}}


def asked(*parts: Any) -> Any:
    """Return a user message with a question before the parts."""
    return [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, *parts]}]


def image(url: str, **fields: Any) -> Any:
    """Return an image part."""
    return {"type": "image_url", "image_url": {"url": url, **fields}}


@pytest.mark.parametrize(
    ("part", "sent"),
    [
        (image(f"data:image/png;base64,{PIXEL}"), {"mimeType": "image/png", "data": PIXEL}),
        (
            {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}},
            {"mimeType": "audio/wav", "data": WAV},
        ),
        (
            {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PDF}", "filename": "a.pdf"}},
            {"mimeType": "application/pdf", "data": PDF},
        ),
    ],
)
@pytest.mark.parametrize("model", [GEMINI_25, GEMINI_3])
def test_media_are_sent_to_gemini_inline(client: OpenAI, emulator: Emulator, model: str, part: Any, sent: Any) -> None:
    completion = client.chat.completions.create(model=model, messages=asked(part))

    assert sent["mimeType"] in (completion.choices[0].message.content or "")
    (body,) = emulator.bodies()
    assert body["contents"] == [{"role": "user", "parts": [{"text": "What is this?"}, {"inlineData": sent}]}]
    assert completion.usage
    assert completion.usage.prompt_tokens > 100


def test_the_detail_of_an_image_is_a_media_resolution(client: OpenAI, emulator: Emulator) -> None:
    part = image(f"data:image/png;base64,{PIXEL}", detail="low")
    for model in (GEMINI_25, GEMINI_3):
        client.chat.completions.create(model=model, messages=asked(part))

    older, newer = emulator.bodies()
    assert older["generationConfig"]["mediaResolution"] == "MEDIA_RESOLUTION_LOW"
    assert newer["contents"][0]["parts"][1]["mediaResolution"] == {"level": "MEDIA_RESOLUTION_LOW"}


@pytest.mark.parametrize(
    ("part", "param", "code"),
    [
        (image("https://127.0.0.1/a.png"), "messages[0].content[1].image_url.url", "invalid_image_url"),
        (image("https://169.254.169.254/latest"), "messages[0].content[1].image_url.url", "invalid_image_url"),
        (image("http://example.com/a.png"), "messages[0].content[1].image_url.url", "invalid_image_url"),
        (image("https://example.com:8443/a.png"), "messages[0].content[1].image_url.url", "invalid_image_url"),
        (
            {"type": "file", "file": {"file_data": "https://[::1]/a.pdf"}},
            "messages[0].content[1].file.file_data",
            "invalid_file_url",
        ),
        ({"type": "file", "file": {"file_id": "file-1"}}, "messages[0].content[1].file.file_id", "unsupported_value"),
        (image("data:image/svg+xml;base64,PHN2Zz4="), "messages[0].content[1].image_url.url", "invalid_value"),
    ],
)
def test_the_error_of_an_unfetched_url_names_the_part(
    client: OpenAI, emulator: Emulator, part: Any, param: str, code: str
) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.chat.completions.create(model=GEMINI_25, messages=asked(part))

    assert (caught.value.param, caught.value.code) == (param, code)
    assert emulator.received() == []
    assert usage_of(caught.value.response.headers).status == "client_error"


def test_fetching_can_be_turned_off(emulator_url: str, emulator: Emulator) -> None:
    with (
        LiveGateway.start(upstream=emulator_url, settings={"MEDIA_FETCH": "off"}) as server,
        OpenAI(base_url=server.base_url, api_key="dummy", max_retries=0) as client,
        pytest.raises(BadRequestError, match="does not fetch image URLs"),
    ):
        client.chat.completions.create(model=GEMINI_25, messages=asked(image("https://example.com/a.png")))
    assert emulator.received() == []


@pytest.mark.parametrize("model", [GEMINI_25, GEMINI_3])
def test_a_tool_result_may_be_an_image(client: OpenAI, emulator: Emulator, model: str) -> None:
    messages: list[Any] = [{"role": "user", "content": "Take a screenshot"}]
    first = client.chat.completions.create(
        model=model, messages=messages, tools=[LOOK], tool_choice="required"
    ).choices[0]
    assert first.message.tool_calls
    result = [{"type": "text", "text": "Done"}, image(f"data:image/png;base64,{PIXEL}")]
    messages += [first.message, {"role": "tool", "tool_call_id": first.message.tool_calls[0].id, "content": result}]
    answer = client.chat.completions.create(model=model, messages=messages, tools=[LOOK])

    assert "take_screenshot returned" in (answer.choices[0].message.content or "")
    blob = {"inlineData": {"mimeType": "image/png", "data": PIXEL}}
    *_, body = emulator.bodies()
    response = body["contents"][2]["parts"][0]["functionResponse"]
    if model == GEMINI_3:
        assert response["parts"] == [blob]
    else:
        assert "parts" not in response
        assert blob in body["contents"][3]["parts"]


@pytest.mark.parametrize("model", [PAINTER, PAINTER_3])
@pytest.mark.parametrize("stream", [False, True])
def test_a_generated_picture_is_sent_back_with_the_next_request(
    client: OpenAI, emulator: Emulator, model: str, stream: bool
) -> None:
    question: Any = {"role": "user", "content": fresh("Draw a cat")}
    text, urls = drawn(client, model, question, stream=stream)

    assert text
    (url,) = urls
    assert b64decode(url.removeprefix("data:image/png;base64,")).startswith(b"\x89PNG\r\n\x1a\n")
    (body,) = emulator.bodies()
    assert body["generationConfig"]["responseModalities"] == ["TEXT", "IMAGE"]

    # A client without support for pictures sends the text only.
    history = [question, {"role": "assistant", "content": text}, {"role": "user", "content": "Now a dog"}]
    client.chat.completions.create(model=model, messages=history)
    *_, body = emulator.bodies()
    returned = [part for part in body["contents"][1]["parts"] if "inlineData" in part]
    assert [f"data:image/png;base64,{part['inlineData']['data']}" for part in returned] == [url]
    assert all("thoughtSignature" in part for part in returned) is (model == PAINTER_3)


def drawn(client: OpenAI, model: str, question: Any, *, stream: bool) -> tuple[str, list[str]]:
    """Return the text and the pictures of a response."""
    if stream:
        deltas = [
            chunk.choices[0].delta
            for chunk in client.chat.completions.create(model=model, messages=[question], stream=True)
        ]
        images = [found for delta in deltas for found in getattr(delta, "images", None) or []]
        return "".join(delta.content or "" for delta in deltas), [found["image_url"]["url"] for found in images]
    message: Any = client.chat.completions.create(model=model, messages=[question]).choices[0].message
    return message.content, [found["image_url"]["url"] for found in message.images]


def test_a_generated_picture_is_part_of_the_session(client: OpenAI, emulator: Emulator) -> None:
    user = fresh("painter")
    large = image("data:image/png;base64," + b64encode(b"\x89PNG\r\n\x1a\n" + bytes(400_000)).decode())
    client.chat.completions.create(model=PAINTER, messages=asked(large), user=user)
    client.chat.completions.create(model=PAINTER, messages=[{"role": "user", "content": "Bluer"}], user=user)

    *_, body = emulator.bodies()
    kinds = [["inlineData" in part for part in content["parts"]] for content in body["contents"]]
    assert kinds == [[False, True], [False, True], [False]]


def speaking(**changes: Any) -> Any:
    """Return the parameters of a request for speech."""
    return {
        "model": SPEAKER,
        "modalities": ["text", "audio"],
        "audio": {"voice": "alloy", "format": "wav"},
        "messages": [{"role": "user", "content": "Say cheerfully: have a wonderful day, everybody out there!"}],
        **changes,
    }


def test_speech_is_a_wav_file(client: OpenAI, emulator: Emulator) -> None:
    completion = client.chat.completions.create(**speaking())

    message = completion.choices[0].message
    assert message.content is None
    assert message.audio
    assert message.audio.id.startswith("audio_")
    assert message.audio.expires_at > completion.created
    with wave.open(io.BytesIO(b64decode(message.audio.data))) as reader:
        assert (reader.getnchannels(), reader.getsampwidth(), reader.getframerate()) == (1, 2, 24_000)
        assert reader.getnframes() > 1000
    assert completion.usage
    assert completion.usage.completion_tokens_details
    assert completion.usage.completion_tokens_details.audio_tokens == completion.usage.completion_tokens > 0
    (body,) = emulator.bodies()
    assert body["generationConfig"]["responseModalities"] == ["AUDIO"]
    assert body["generationConfig"]["speechConfig"]["voiceConfig"]["prebuiltVoiceConfig"] == {"voiceName": "Kore"}


def test_speech_streams_as_pcm16(client: OpenAI) -> None:
    audio = {"voice": "Puck", "format": "pcm16"}
    plain = client.chat.completions.create(**speaking(audio=audio)).choices[0].message.audio
    assert plain
    deltas = [chunk.choices[0].delta for chunk in client.chat.completions.create(**speaking(audio=audio, stream=True))]
    spoken = list(spoken_in(deltas))

    assert len(spoken) > 2
    assert [piece["id"].startswith("audio_") for piece in spoken if piece.get("id")] == [True]
    assert b"".join(b64decode(piece.get("data") or "") for piece in spoken) == b64decode(plain.data)
    assert spoken[-1].get("expires_at")


def spoken_in(deltas: Any) -> Iterator[dict[str, Any]]:
    """Return the chunks of speech from the SDK."""
    for delta in deltas:
        if getattr(delta, "audio", None):
            yield delta.audio if isinstance(delta.audio, dict) else delta.audio.model_dump(exclude_none=True)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"audio": {"voice": "alloy", "format": "mp3"}}, "audio.format"),
        ({"stream": True}, "audio.format"),
        ({"model": GEMINI_3}, "modalities"),
        ({"modalities": ["text"]}, "modalities"),
    ],
)
def test_invalid_speech_options_are_a_400(client: OpenAI, changes: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.chat.completions.create(**speaking(**changes))
    assert caught.value.param == param


def test_several_speakers_have_several_voices(client: OpenAI, emulator: Emulator) -> None:
    said = [
        client.chat.completions.create(**speaking(audio={"voice": voice, "format": "pcm16"})).choices[0].message.audio
        for voice in ("alloy", "onyx")
    ]
    assert all(said)
    assert len({audio.data for audio in said if audio}) == 2
    names = [
        body["generationConfig"]["speechConfig"]["voiceConfig"]["prebuiltVoiceConfig"]["voiceName"]
        for body in emulator.bodies()
    ]
    assert len(set(itertools.chain(names))) == 2


@pytest.mark.parametrize("stream", [False, True])
def test_a_picture_larger_than_the_outbound_budget_is_sent(client: OpenAI, emulator: Emulator, stream: bool) -> None:
    data = b64encode(b"\x89PNG\r\n\x1a\n" + bytes(3_000_000)).decode()
    parts = [{"text": "Here"}, {"inlineData": {"mimeType": "image/png", "data": data}}]
    answer = {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}]}
    emulator.script({"chunks": [answer]} if stream else {"body": answer})

    text, urls = drawn(client, PAINTER, {"role": "user", "content": fresh("Draw")}, stream=stream)

    assert (text, urls) == ("Here", [f"data:image/png;base64,{data}"])
