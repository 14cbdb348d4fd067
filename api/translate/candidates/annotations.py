"""Gemini's grounding and citations to OpenAI's `url_citation` annotations, and the pages of `urlContext`.

Gemini's segments count bytes of UTF-8, OpenAI's annotations count characters (rule 99). A stream sends the sources in
several chunks, and the supports index the list of all sources.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from api.openai.chat.completion import Annotation
from api.translate.candidates.text_offsets import QuotedText
from api.translate.candidates.upstream_json import expect

_READ: Final = ("URL_RETRIEVAL_STATUS_SUCCESS", "")
# The address field of a source by its kind: web page, Google Maps place, document, page of an image.
_ADDRESSES: Final = {"web": "uri", "maps": "uri", "retrievedContext": "uri", "image": "sourceUri"}
_MAPS = "Google Maps places are cited by URL; ids, reviews and the widget are omitted"


@dataclass(slots=True)
class Page:
    """A page of `urlContext`, Gemini's retrieval status, and whether the retrieval succeeded."""

    url: str
    status: str
    read: bool


class Grounding:
    """Collects the grounding, citation and URL context metadata of one choice."""

    def __init__(self) -> None:
        self.queries: dict[str, None] = {}  # each search query once, in order
        self._unsearched = 0  # segments left out by the last text search
        self._pages: dict[str, Page] = {}
        self._chunks: list[dict[str, Any]] = []
        self._supports: list[dict[str, Any]] = []
        self._citations: list[dict[str, Any]] = []

    def take(self, candidate: Mapping[str, Any]) -> None:
        """Add the metadata of one candidate. Raises UpstreamError for a wrong shape."""
        grounding = expect(candidate.get("groundingMetadata") or {}, dict)
        queries = expect(grounding.get("webSearchQueries") or [], list)
        self.queries |= dict.fromkeys(query for query in queries if isinstance(query, str))
        self._chunks += _objects(grounding, "groundingChunks")
        supports = _objects(grounding, "groundingSupports")
        for support in supports:
            expect(support.get("segment") or {}, dict)
            expect(support.get("groundingChunkIndices") or [], list)
        self._supports += supports
        citations = expect(candidate.get("citationMetadata") or {}, dict)
        # Vertex calls the same list `citations`.
        self._citations += _objects(citations, "citationSources") or _objects(citations, "citations")
        for page in _objects(expect(candidate.get("urlContextMetadata") or {}, dict), "urlMetadata"):
            url, status = _text(page.get("retrievedUrl")), _text(page.get("urlRetrievalStatus"))
            if url:
                self._pages[url] = Page(url, status, status in _READ)

    @property
    def pages(self) -> list[Page]:
        """The retrieved pages, each once."""
        return list(self._pages.values())

    def remarks(self, text: str) -> Iterator[tuple[Literal["dropped", "converted"], str]]:
        """Yield the differences between Gemini's sources and the annotations on `text`: note kind and reason."""
        if any("maps" in chunk for chunk in self._chunks):
            yield "converted", _MAPS
        cited = {annotation["url_citation"]["url"] for annotation in self.annotations(text)}
        lost = sum(_source(chunk)[0] not in cited for chunk in self._chunks)
        if lost:
            yield "dropped", f"sources without a URL or without a cited text: {lost}"
        if self._unsearched:
            yield (
                "dropped",
                f"citations without a position in the text: {self._unsearched}",
            )

    def annotations(self, text: str) -> list[Annotation]:
        """Return the annotations on `text`, the whole text of the choice, sorted by position, each once."""
        found: dict[tuple[int, int, str], Annotation] = {}
        quoted = QuotedText(text)
        for support in self._supports:
            segment = support.get("segment") or {}
            for index in support.get("groundingChunkIndices") or ():
                if isinstance(index, int) and 0 <= index < len(self._chunks):
                    _annotate(found, quoted, segment, _source(self._chunks[index]))
        for citation in self._citations:
            _annotate(found, quoted, citation, (_text(citation.get("uri")), citation.get("title")))
        self._unsearched = quoted.left_out
        return [found[key] for key in sorted(found)]


def _source(chunk: Mapping[str, Any]) -> tuple[str, Any]:
    """Return the address and the title of a source of any kind; "" if it has no address."""
    for kind, address in _ADDRESSES.items():
        source = chunk.get(kind)
        if isinstance(source, dict):
            return _text(source.get(address)), source.get("title")
    return "", None


def _annotate(
    found: dict[tuple[int, int, str], Annotation],
    quoted: QuotedText,
    segment: Mapping[str, Any],
    source: tuple[str, Any],
) -> None:
    """Add the annotation of one source of one segment; a `source` (address, title) without an address is left out."""
    url, title = source
    if not url:
        return
    place = quoted.place(_offset(segment, "startIndex"), _offset(segment, "endIndex"), _text(segment.get("text")))
    if place is None:
        return
    start, end = place
    found[start, end, url] = {
        "type": "url_citation",
        "url_citation": {
            "start_index": start,
            "end_index": end,
            "title": _text(title),
            "url": url,
        },
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _offset(segment: Mapping[str, Any], name: str) -> int:
    value = segment.get(name)
    return max(0, value) if isinstance(value, int) else 0


def _objects(holder: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    return [expect(item, dict) for item in expect(holder.get(key) or [], list)]
