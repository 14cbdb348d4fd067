"""Images, sound, video and files: rules 78 to 82, C15."""

from typing import Any

import pytest

from api.errors import InvalidRequestError
from api.gemini.wire import Blob
from api.translate.media.references import media_references, stored_media
from sessions_store.catalogue.model_profile import ModelProfile
from sessions_store.transcript.canonical import canonical_message
from tests.exchanges import user_message
from tests.unit.translate.requests import (
    DATA_URL,
    FLASH_2,
    FLASH_3,
    PIXEL,
    assistant,
    call,
    config,
    contents,
    noted,
    result,
    translate,
)

WEB = "https://example.com/a.png"
BLOB: Blob = {"mimeType": "image/png", "data": "ZmV0Y2hlZA=="}
YOUTUBE = "https://www.youtube.com/watch?v=abc"
FILES_API = "https://generativelanguage.googleapis.com/v1beta/files/abc-123"
TEXT = {"type": "text", "text": "What is it?"}


def image(url: str, **fields: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **fields}}


def audio(data: str, sound: str = "wav") -> dict[str, Any]:
    return {"type": "input_audio", "input_audio": {"data": data, "format": sound}}


def file(**fields: Any) -> dict[str, Any]:
    return {"type": "file", "file": fields}


def part_of(part: dict[str, Any], **options: Any) -> Any:
    """Return the Gemini part of one OpenAI part."""
    return contents(user_message([part, TEXT]), **options)[0]["parts"][0]


def rejected(part: dict[str, Any]) -> InvalidRequestError:
    """Return the error of the part."""
    with pytest.raises(InvalidRequestError) as caught:
        translate(user_message([TEXT, part]))
    return caught.value


@pytest.mark.parametrize(
    "url", ["https://example.com/a.png", "HTTP://10.0.0.1/a", "https://youtube.com.evil/watch?v=a"]
)
def test_rule_078_unfetched_urls_are_rejected_by_name(url: str) -> None:
    error = rejected(image(url))
    assert error.param == "messages[0].content[1].image_url.url"
    assert "does not fetch" in error.message
    assert "example" not in error.message


@pytest.mark.parametrize(
    "part", [image(WEB), {"type": "video_url", "video_url": {"url": WEB}}, file(file_data=WEB, filename="a.pdf")]
)
def test_rule_078_fetched_media_is_sent_inline(part: dict[str, Any]) -> None:
    assert part_of(part, fetched={WEB: BLOB}) == {"inlineData": BLOB}


def test_rule_078_every_url_to_fetch_is_named() -> None:
    messages = [
        {"role": "user", "content": "https://example.com/no-media"},
        user_message([TEXT, image(WEB), image(DATA_URL), image(YOUTUBE), image(FILES_API), image("gs://b/a.png")]),
        assistant("Here", images=[{"type": "image_url", "image_url": {"url": WEB}}, 7]),
        user_message(
            [{"type": "video_url", "video_url": {"url": WEB}}, file(file_data=WEB), file(file_id="x"), audio(PIXEL)]
        ),
        {"role": "tool", "tool_call_id": "a", "content": [image("http://example.com/b.png")]},
        assistant("Old", images=[{"type": "image_url", "image_url": {"url": WEB}}]),
    ]
    found = media_references(messages, restored={5: {"role": "model", "parts": []}})
    assert [(reference.param, reference.url, reference.kind) for reference in found] == [
        ("messages[1].content[1].image_url.url", WEB, "image"),
        ("messages[2].images[0].image_url.url", WEB, "image"),
        ("messages[3].content[0].video_url.url", WEB, "video"),
        ("messages[3].content[1].file.file_data", WEB, "file"),
        ("messages[4].content[0].image_url.url", "http://example.com/b.png", "image"),
    ]


def test_rule_078_media_fetched_before_is_found_in_the_stored_content() -> None:
    message = user_message([TEXT, image(DATA_URL), image(WEB), image(YOUTUBE)])
    stored = contents(message, fetched={WEB: BLOB})[0]
    assert stored_media(message, stored) == {WEB: BLOB}
    assert stored_media(user_message([TEXT, image(WEB)]), stored) == {}
    assert stored_media(user_message("text"), stored) == {}


def test_rule_078_media_of_a_tool_is_found_in_its_stored_result() -> None:
    for profile in (FLASH_2, FLASH_3):
        message = result("a", [TEXT, image(WEB)])
        upstream = translate(
            user_message(), assistant(None, tool_calls=[call("a")]), message, profile=profile, fetched={WEB: BLOB}
        )
        gemini_content = upstream.gemini_contents[2]
        assert gemini_content is not None
        assert stored_media(message, gemini_content) == {WEB: BLOB}


@pytest.mark.parametrize("uri", [FILES_API, YOUTUBE, "https://youtu.be/abc"])
def test_rule_079_uris_that_google_resolves_itself_are_passed_on(uri: str) -> None:
    assert part_of(image(uri)) == {"fileData": {"fileUri": uri}}
    assert part_of(file(file_data=uri)) == {"fileData": {"fileUri": uri}}
    assert part_of(file(file_id=uri)) == {"fileData": {"fileUri": uri}}
    assert part_of({"type": "video_url", "video_url": {"url": uri}}) == {"fileData": {"fileUri": uri}}


@pytest.mark.parametrize(
    ("part", "mime_type"),
    [
        (image(f"data:image/jpg;base64,{PIXEL}"), "image/jpeg"),
        (image(f"DATA:image/PNG;base64,{PIXEL}"), "image/png"),
        (image(f"data:image/png;charset=utf-8;base64,{PIXEL}"), "image/png"),
        (audio(PIXEL, "wav"), "audio/wav"),
        (audio(PIXEL, "mp3"), "audio/mpeg"),
        (audio(f"data:audio/mp3;base64,{PIXEL}"), "audio/mpeg"),
        (file(file_data=f"data:application/pdf;base64,{PIXEL}"), "application/pdf"),
        (file(file_data=f"data:text/x-log;base64,{PIXEL}"), "text/x-log"),
        (file(file_data=f"data:audio/pcm;rate=16000;base64,{PIXEL}"), "audio/pcm;rate=16000"),
        (file(file_data=PIXEL, filename="Report.PDF"), "application/pdf"),
        (image(f"data:video/mp4;base64,{PIXEL}"), "video/mp4"),
        ({"type": "video_url", "video_url": {"url": f"data:video/quicktime;base64,{PIXEL}"}}, "video/mov"),
    ],
)
def test_rule_080_media_types_are_normalised(part: dict[str, Any], mime_type: str) -> None:
    assert part_of(part) == {"inlineData": {"mimeType": mime_type, "data": PIXEL}}


def test_rule_080_the_type_of_a_uri_comes_from_a_fixed_table() -> None:
    assert part_of(image("gs://bucket/a.jpg")) == {
        "fileData": {"mimeType": "image/jpeg", "fileUri": "gs://bucket/a.jpg"}
    }
    assert part_of(image("gs://bucket/a")) == {"fileData": {"fileUri": "gs://bucket/a"}}


@pytest.mark.parametrize(
    ("part", "param", "words"),
    [
        (image(f"data:image/tiff;base64,{PIXEL}"), "image_url.url", "image/png"),
        (image("data:image/png;base64,"), "image_url.url", "base64"),
        (image("data:image/png;base64,a!b="), "image_url.url", "base64"),
        (image("data:image/png;base64,ä"), "image_url.url", "base64"),
        (image("data:image/png;base64,abcde"), "image_url.url", "base64"),
        (image("data:image/png,abc"), "image_url.url", "data URL"),
        (image("data:;base64,abcd"), "image_url.url", "data URL"),
        (image("data:image/png;base64"), "image_url.url", "data URL"),
        (image("file:///etc/passwd"), "image_url.url", "URL"),
        (image(""), "image_url.url", "URL"),
        (audio("!!!"), "input_audio.data", "base64"),
        (audio(PIXEL, "midi"), "input_audio.format", "wav"),
        (file(file_data=PIXEL), "file.file_data", "filename"),
        (file(file_data=PIXEL, filename="a.exe"), "file.file_data", "filename"),
        (file(file_data="https://example.com/a.pdf"), "file.file_data", "does not fetch"),
        (file(file_id="file-abc"), "file.file_id", "files are not available yet"),
        ({"type": "video_url", "video_url": {"url": "data:video/vhs;base64,AAAA"}}, "video_url.url", "video/mp4"),
        (file(filename="a.pdf"), "file.file_data", "Missing"),
    ],
)
def test_rule_081_and_c15_errors_name_message_and_part(part: dict[str, Any], param: str, words: str) -> None:
    error = rejected(part)
    assert error.param == f"messages[0].content[1].{param}"
    assert words in error.message


def test_base64_of_either_alphabet_and_with_line_breaks_is_accepted() -> None:
    assert part_of(image("data:image/png;base64,_-8\n="))["inlineData"]["data"] == "_-8="
    assert part_of(image("data:image/png;base64,+/8"))["inlineData"]["data"] == "+/8"


def test_rule_082_detail_is_a_resolution_of_each_part_if_the_model_supports_it() -> None:
    assert part_of(image(DATA_URL, detail="low"), profile=FLASH_3)["mediaResolution"] == {
        "level": "MEDIA_RESOLUTION_LOW"
    }
    assert "mediaResolution" not in part_of(image(DATA_URL, detail="auto"), profile=FLASH_3)


@pytest.mark.parametrize(
    ("details", "resolution", "notes"),
    [
        (["low"], "MEDIA_RESOLUTION_LOW", []),
        (["low", "high"], "MEDIA_RESOLUTION_HIGH", [("converted", "image_url.detail")]),
        (["original"], "MEDIA_RESOLUTION_HIGH", [("clamped", "image_url.detail")]),
        (["auto"], None, []),
        (["low", "auto"], None, [("dropped", "image_url.detail")]),
    ],
)
def test_rule_082_detail_is_one_resolution_for_all_parts_otherwise(
    details: list[str], resolution: str | None, notes: list[tuple[str, str]]
) -> None:
    upstream = translate(user_message([image(DATA_URL, detail=detail) for detail in details]), profile=FLASH_2)
    assert upstream.body.get("generationConfig", {}).get("mediaResolution") == resolution
    assert noted(upstream) == notes


def test_a_request_without_images_has_no_resolution() -> None:
    assert "mediaResolution" not in config(temperature=1)


@pytest.mark.parametrize("profile", [FLASH_2, FLASH_3])
def test_rule_082_an_unknown_detail_is_noted(profile: ModelProfile) -> None:
    upstream = translate(user_message([image(DATA_URL, detail="enormous")]), profile=profile)
    assert noted(upstream) == [("dropped", "messages[0].content[0].image_url.detail")]
    assert "generationConfig" not in upstream.body


def test_data_urls_are_read_in_any_case() -> None:
    assert part_of(image(f"DATA:IMAGE/PNG;Base64,{PIXEL}")) == {"inlineData": {"mimeType": "image/png", "data": PIXEL}}


@pytest.mark.parametrize(
    ("short", "whole"),
    [
        ({"type": "image_url", "image_url": DATA_URL}, image(DATA_URL)),
        ({"type": "image_url", "image_url": FILES_API}, image(FILES_API)),
        ({"type": "video_url", "video_url": YOUTUBE}, {"type": "video_url", "video_url": {"url": YOUTUBE}}),
        (
            {"type": "file", "file": "data:application/pdf;base64,JVBE"},
            file(file_data="data:application/pdf;base64,JVBE"),
        ),
        ({"type": "input_audio", "input_audio": "data:audio/wav;base64,UklG"}, audio("data:audio/wav;base64,UklG")),
        ({"type": "input_audio", "input_audio": {"data": "data:audio/wav;base64,UklG"}}, audio("UklG")),
        (audio("UklG", "audio/wav"), audio("UklG")),
        (audio("UklG", "audio/x-wav"), audio("UklG")),
        (audio("SUQz", "audio/mpeg"), audio("SUQz", "mp3")),
    ],
)
def test_the_short_forms_of_other_servers_are_accepted(short: dict[str, Any], whole: dict[str, Any]) -> None:
    assert part_of(short) == part_of(whole)
    message, other = user_message([short]), user_message([whole])
    if short["type"] != "input_audio":
        assert canonical_message(message) == canonical_message(other)


def test_a_plain_string_is_fetched_like_an_object() -> None:
    part = {"type": "image_url", "image_url": WEB}
    [reference] = media_references([user_message([TEXT, part])], restored={})
    assert (reference.url, reference.param) == (WEB, "messages[0].content[1].image_url.url")
    assert part_of(part, fetched={WEB: BLOB}) == {"inlineData": BLOB}
    content: Any = {"role": "user", "parts": [{"text": "?"}, {"inlineData": BLOB}]}
    assert stored_media(user_message([TEXT, part]), content) == {WEB: BLOB}


def test_sound_without_a_format_is_rejected_by_name() -> None:
    for given in ("UklG", {"data": "UklG"}):
        error = rejected({"type": "input_audio", "input_audio": given})
        assert error.param == "messages[0].content[1].input_audio.format"
