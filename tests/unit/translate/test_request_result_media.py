"""Images in tool results (rule 18) and images of earlier assistant messages (rule 11)."""

from dataclasses import replace
from typing import Any

import pytest

from api.errors import InvalidRequestError
from api.gemini.wire import Content
from api.translate.request.upstream_call import HistoryMessage
from tests.exchanges import user_message
from tests.unit.translate.requests import (
    DATA_URL,
    FLASH_2,
    FLASH_3,
    PAINTER,
    PIXEL,
    SIGNATURE,
    SPEAKER,
    assistant,
    call,
    contents,
    noted,
    result,
    translate,
)

SCREENSHOT: dict[str, Any] = {"type": "image_url", "image_url": {"url": DATA_URL}}
DONE = {"type": "text", "text": "Done"}
BLOB = {"mimeType": "image/png", "data": PIXEL}
FLASH_3_WITHOUT_IDS = replace(FLASH_3, function_call_ids=False)
CALL = assistant(None, tool_calls=[call("a", "look")])
CALLS = assistant(None, tool_calls=[call("a", "look"), call("b", "peek")])


def results_of(*messages: Any, **options: Any) -> list[Content]:
    """Return the contents after the model's calls."""
    sent = contents(user_message(), *messages, **options)
    return sent[2:]


def test_rule_018_an_image_is_part_of_the_result_if_the_model_accepts_it() -> None:
    (sent,) = results_of(CALL, result("a", [DONE, SCREENSHOT]), profile=FLASH_3)
    response = sent["parts"][0]["functionResponse"]
    assert len(sent["parts"]) == 1
    assert response["response"] == {"output": "Done"}
    assert response["parts"] == [{"inlineData": BLOB}]


def test_rule_018_before_gemini_3_an_image_follows_the_results() -> None:
    upstream = translate(user_message(), CALLS, result("b", [SCREENSHOT]), result("a", [DONE]), user_message("So?"))
    results, media, last = upstream.body["contents"][2:]
    assert [part["functionResponse"]["name"] for part in results["parts"]] == ["look", "peek"]
    assert media == {"role": "user", "parts": [{"inlineData": BLOB}, {"text": " "}]}
    assert last["parts"] == [{"text": "So?"}]
    assert upstream.placement == [0, 1, 2, 2, 4]
    assert ("converted", "messages[2]") in noted(upstream)


def test_rule_018_two_images_of_two_results_follow_in_the_order_of_the_calls() -> None:
    other = {"type": "image_url", "image_url": {"url": "data:image/gif;base64,R0lG"}}
    results, media = results_of(CALLS, result("b", [SCREENSHOT]), result("a", [other]))
    assert len(results["parts"]) == 2
    assert [part["inlineData"]["mimeType"] for part in media["parts"][:2]] == ["image/gif", "image/png"]


def test_rule_018_detail_inside_a_result_is_dropped() -> None:
    small = {"type": "image_url", "image_url": {"url": DATA_URL, "detail": "low"}}
    upstream = translate(user_message(), CALL, result("a", [small]), profile=FLASH_3)
    assert upstream.body["contents"][2]["parts"][0]["functionResponse"]["parts"] == [{"inlineData": BLOB}]
    assert ("dropped", "messages[2].content.image_url.detail") in noted(upstream)


@pytest.mark.parametrize("first", [FLASH_2, FLASH_3_WITHOUT_IDS])
@pytest.mark.parametrize("then", [FLASH_2, FLASH_3_WITHOUT_IDS])
def test_rule_018_a_stored_result_is_adapted_to_the_next_model(first: Any, then: Any) -> None:
    messages = [user_message(), CALL, result("a", [DONE, SCREENSHOT])]
    gemini_contents = translate(*messages, profile=first).gemini_contents
    history = [
        HistoryMessage(message=message, content=gemini_content)
        for message, gemini_content in zip(messages, gemini_contents, strict=True)
    ]
    upstream = translate(assistant("Seen"), user_message("And?"), profile=then, history=history)
    fresh = translate(*messages, assistant("Seen"), user_message("And?"), profile=then)
    assert str(BLOB) in str(upstream.body["contents"])
    assert upstream.body["contents"][2:] == fresh.body["contents"][2:]


def test_rule_011_images_of_earlier_messages_are_sent_again() -> None:
    (_, model, _) = contents(
        user_message("Draw"),
        assistant(None, images=[{"type": "image_url", "image_url": {"url": DATA_URL}}]),
        user_message("Bluer"),
    )
    assert model == {"role": "model", "parts": [{"inlineData": BLOB}]}


def test_rule_011_a_stored_picture_is_sent_with_its_signature() -> None:
    stored: Content = {
        "role": "model",
        "parts": [
            {"text": "Here"},
            {"inlineData": {"mimeType": "image/png", "data": PIXEL}, "thoughtSignature": SIGNATURE},
        ],
    }
    for message in (assistant("Here"), assistant("Here", images=[{"image_url": {"url": DATA_URL}}])):
        sent = contents(user_message("Draw"), message, user_message("Bluer"), restored={1: stored}, profile=FLASH_3)
        assert sent[1] == stored


def test_rule_011_a_stored_picture_that_is_not_the_clients_is_not_used() -> None:
    stored: Content = {"role": "model", "parts": [{"inlineData": {"mimeType": "image/png", "data": "b3RoZXI="}}]}
    upstream = translate(
        user_message("Draw"),
        assistant(None, images=[{"image_url": {"url": DATA_URL}}]),
        user_message("Bluer"),
        restored={1: stored},
    )
    assert upstream.body["contents"][1]["parts"] == [{"inlineData": BLOB}]
    assert ("dropped", "messages[1]") in noted(upstream)


def test_audio_of_a_model_is_not_sent_back() -> None:
    spoken: Content = {"role": "model", "parts": [{"inlineData": {"mimeType": "audio/L16;rate=24000", "data": "AAAA"}}]}
    accumulator = assistant(None, audio={"id": "audio_1"})
    upstream = translate(user_message("Say hi"), accumulator, user_message("Louder"), restored={1: spoken})
    assert [content["role"] for content in upstream.body["contents"]] == ["user"]
    assert ("dropped", "messages[1].audio") in noted(upstream)
    spoken["parts"].append({"text": "Hi"})
    assert contents(user_message("Say hi"), accumulator, user_message("Louder"), restored={1: spoken})[1]["parts"] == [
        {"text": "Hi"}
    ]


def test_the_transcript_of_speech_is_sent_back_as_text() -> None:
    accumulator = assistant(None, audio={"id": "audio_1", "transcript": "Hi there"})
    upstream = translate(user_message("Say hi"), accumulator, user_message("Louder"))
    assert upstream.body["contents"][1]["parts"] == [{"text": "Hi there"}]
    assert ("dropped", "messages[1].audio") in noted(upstream)


VOICE = {"voice": "alloy", "format": "wav"}


def modalities(profile: Any, **parameters: Any) -> dict[str, Any]:
    """Return modalities and speech of the generation config."""
    config = translate(user_message("Hi"), profile=profile, **parameters).body.get("generationConfig", {})
    return {key: value for key, value in config.items() if key in {"responseModalities", "speechConfig"}}


def test_pictures_are_requested_from_an_image_model_by_default() -> None:
    assert modalities(PAINTER) == {"responseModalities": ["TEXT", "IMAGE"]}
    assert modalities(PAINTER, modalities=["image", "text"]) == {"responseModalities": ["TEXT", "IMAGE"]}
    assert modalities(PAINTER, modalities=["text"]) == {"responseModalities": ["TEXT"]}
    assert modalities(FLASH_3, modalities=["text"]) == {}
    assert modalities(FLASH_3) == {}


@pytest.mark.parametrize(
    ("voice", "name"),
    [("alloy", "Kore"), ("Zephyr", "Zephyr"), ("zephyr", "Zephyr"), ({"id": "marin"}, "Sulafat")],
)
def test_rule_084_speech_has_a_voice(voice: Any, name: str) -> None:
    assert modalities(SPEAKER, modalities=["text", "audio"], audio={"voice": voice, "format": "pcm16"}) == {
        "responseModalities": ["AUDIO"],
        "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": name}}},
    }


@pytest.mark.parametrize(
    ("profile", "parameters", "param"),
    [
        (FLASH_3, {"modalities": ["text", "audio"], "audio": VOICE}, "modalities"),
        (FLASH_3, {"modalities": ["text", "image"]}, "modalities"),
        (FLASH_3, {"modalities": ["smell"]}, "modalities"),
        (SPEAKER, {}, "modalities"),
        (SPEAKER, {"modalities": ["text"]}, "modalities"),
        (SPEAKER, {"modalities": ["audio"]}, "audio"),
        (SPEAKER, {"modalities": ["audio"], "audio": {**VOICE, "format": "mp3"}}, "audio.format"),
        (SPEAKER, {"modalities": ["audio"], "audio": VOICE, "stream": True}, "audio.format"),
        (SPEAKER, {"modalities": ["audio"], "audio": {**VOICE, "voice": "hal"}}, "audio.voice"),
        (SPEAKER, {"modalities": ["audio"], "audio": {**VOICE, "voice": {}}}, "audio.voice"),
    ],
)
def test_rule_084_invalid_speech_options_are_rejected_by_name(
    profile: Any, parameters: dict[str, Any], param: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        translate(user_message("Hi"), profile=profile, **parameters)
    assert caught.value.param == param
    assert param in caught.value.message


def test_a_voice_without_speech_is_noted() -> None:
    assert noted(translate(user_message("Hi"), profile=FLASH_3, audio=VOICE)) == [("dropped", "audio")]
