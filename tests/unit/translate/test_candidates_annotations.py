"""Sources of a completion: byte offsets to character offsets (rule 99), and the sources of all chunks in one list."""

from typing import Any

import pytest

from tests.unit.translate.accumulators import chat_accumulator

TEXT = "Größe: Zürich ist schön. Bern auch."
WEB = {"web": {"uri": "https://example.org/z", "title": "Zürich"}}


def support(words: str, *chunks: int, within: str = TEXT, **segment: Any) -> dict[str, Any]:
    start = within.encode().index(words.encode())
    place = {"startIndex": start, "endIndex": start + len(words.encode()), "text": words}
    return {"segment": {**place, **segment}, "groundingChunkIndices": list(chunks)}


def annotations_of(*metadata: dict[str, Any], parts: Any = ({"text": TEXT},)) -> list[tuple[str, str]]:
    """Return (annotated text, URL) of one response with the metadata in its candidates."""
    accumulator = chat_accumulator()
    accumulator.feed({"candidates": [{"content": {"parts": list(parts)}}]})
    for one in metadata:
        accumulator.feed({"candidates": [one]})  # type: ignore[list-item]
    message = accumulator.messages[0]
    found = [annotation["url_citation"] for annotation in message.get("annotations", ())]
    return [(str(message["content"])[one["start_index"] : one["end_index"]], one["url"]) for one in found]


def test_rule_099_byte_offsets_become_character_indexes() -> None:
    grounding = {"groundingChunks": [WEB], "groundingSupports": [support("Zürich ist schön.", 0)]}
    assert annotations_of({"groundingMetadata": grounding}) == [("Zürich ist schön.", WEB["web"]["uri"])]


def test_supports_refer_to_the_sources_of_all_chunks() -> None:
    other = {"web": {"uri": "https://example.org/b", "title": "Bern"}}
    found = annotations_of(
        {"groundingMetadata": {"groundingChunks": [WEB]}},
        {"groundingMetadata": {"groundingChunks": [other], "groundingSupports": [support("Bern auch.", 1)]}},
    )
    assert found == [("Bern auch.", "https://example.org/b")]


def test_a_cited_text_moved_by_code_blocks_is_found() -> None:
    parts = [{"executableCode": {"language": "PYTHON", "code": "1"}}, {"text": TEXT}]
    grounding = {"groundingChunks": [WEB], "groundingSupports": [support("Zürich ist schön.", 0)]}
    assert annotations_of({"groundingMetadata": grounding}, parts=parts)[0][0] == "Zürich ist schön."


def test_missing_texts_and_sources_without_a_url_are_left_out() -> None:
    gone = support("Zürich ist schön.", 0, text="Ganz anders")
    nowhere = support("Bern auch.", 1, 7)
    chunks = [WEB, {"retrievedContext": {"title": "a file"}}]
    assert (
        annotations_of({"groundingMetadata": {"groundingChunks": chunks, "groundingSupports": [gone, nowhere]}}) == []
    )


MAPS = {"maps": {"uri": "https://maps.example/?cid=1", "title": "Café Z", "placeId": "places/1"}}
DOCUMENT = {"retrievedContext": {"uri": "https://files.example/1", "title": "A file"}}
PICTURE = {"image": {"sourceUri": "https://page.example/", "imageUri": "https://page.example/a.png", "title": "Page"}}


@pytest.mark.parametrize(
    ("source", "address"),
    [
        (MAPS, "https://maps.example/?cid=1"),
        (DOCUMENT, "https://files.example/1"),
        (PICTURE, "https://page.example/"),
    ],
)
def test_sources_of_every_kind_are_cited(source: dict[str, Any], address: str) -> None:
    grounding = {"groundingChunks": [WEB, source], "groundingSupports": [support("Bern auch.", 1)]}
    assert annotations_of({"groundingMetadata": grounding}) == [("Bern auch.", address)]


def test_maps_places_and_uncited_sources_are_noted() -> None:
    accumulator = chat_accumulator()
    nowhere = {"retrievedContext": {"title": "a file"}}
    grounding = {
        "groundingChunks": [MAPS, WEB, nowhere],
        "groundingSupports": [support("Zürich ist schön.", 0, 2)],
    }
    accumulator.feed({"candidates": [{"content": {"parts": [{"text": TEXT}]}, "groundingMetadata": grounding}]})
    assert accumulator.notes == []  # further citations may follow
    accumulator.feed({"candidates": [{"finishReason": "STOP"}]})
    assert [(note.kind, note.param, note.reason.split()[0]) for note in accumulator.notes] == [
        ("converted", "choices[0].message.annotations", "Google"),
        ("dropped", "choices[0].message.annotations", "sources"),
    ]
    assert accumulator.notes[1].reason.endswith(": 2")


def test_an_invalid_source_url_is_no_error() -> None:
    strange = {"maps": {"uri": {"a": 1}, "title": 7}}
    grounding = {"groundingChunks": [strange], "groundingSupports": [support("Bern auch.", 0)]}
    context: dict[str, Any] = {"urlMetadata": [{"retrievedUrl": {}, "urlRetrievalStatus": []}]}
    assert annotations_of({"groundingMetadata": grounding, "urlContextMetadata": context, "finishReason": "STOP"}) == []


def test_citation_metadata_becomes_annotations() -> None:
    end = len("Größe".encode())
    sources = [{"endIndex": end, "uri": "https://example.org/q", "license": "mit"}]
    assert annotations_of({"citationMetadata": {"citationSources": sources}}) == [("Größe", "https://example.org/q")]


def test_moved_texts_are_found_in_order() -> None:
    parts = [{"executableCode": {"language": "PYTHON", "code": "Bern auch."}}, {"text": TEXT}]
    supports = [support("Größe: Zürich ist schön.", 0), support("Bern auch.", 0)]
    found = annotations_of(
        {"groundingMetadata": {"groundingChunks": [WEB], "groundingSupports": supports}}, parts=parts
    )
    assert [words for words, _ in found] == ["Größe: Zürich ist schön.", "Bern auch."]


def test_moved_texts_beyond_the_search_limit_are_noted() -> None:
    gone = [support("Zürich", 0, text=f"Anders {number}") for number in range(100)]
    accumulator = chat_accumulator()
    accumulator.feed({"candidates": [{"content": {"parts": [{"text": TEXT}]}, "finishReason": "STOP"}]})
    grounding = {"groundingChunks": [WEB], "groundingSupports": gone}
    accumulator.feed({"candidates": [{"groundingMetadata": grounding}]})
    reasons = [note.reason for note in accumulator.notes]
    assert "citations without a position in the text: 35" in reasons
