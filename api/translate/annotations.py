"""Where an answer comes from: Gemini's grounding and citations to OpenAI's `url_citation` annotations.

Gemini's segments count UTF-8 bytes, OpenAI's characters (rule 99). In a stream the sources arrive in pieces, and the
supports point into the list of all of them.
"""

from collections.abc import Mapping
from typing import Any

from api.openai.chat import Annotation
from api.translate.upstream_json import expect


class Grounding:
    """Collects the grounding and citation metadata of one choice."""

    def __init__(self) -> None:
        self.queries: list[str] = []  # what was searched for, each once
        self._chunks: list[dict[str, Any]] = []
        self._supports: list[dict[str, Any]] = []
        self._citations: list[dict[str, Any]] = []

    def take(self, candidate: Mapping[str, Any]) -> None:
        """Take the metadata of one candidate; raises UpstreamError for a wrong shape."""
        grounding = expect(candidate.get("groundingMetadata") or {}, dict)
        queries = expect(grounding.get("webSearchQueries") or [], list)
        self.queries += [query for query in queries if isinstance(query, str) and query not in self.queries]
        self._chunks += _objects(grounding, "groundingChunks")
        supports = _objects(grounding, "groundingSupports")
        for support in supports:
            expect(support.get("segment") or {}, dict)
            expect(support.get("groundingChunkIndices") or [], list)
        self._supports += supports
        citations = expect(candidate.get("citationMetadata") or {}, dict)
        # Vertex calls the same list `citations`.
        self._citations += _objects(citations, "citationSources") or _objects(citations, "citations")

    def annotations(self, text: str) -> list[Annotation]:
        """Return the annotations on `text`, the whole text of the choice, sorted by place, each once."""
        found: dict[tuple[int, int, str], Annotation] = {}
        utf8 = text.encode("utf-8", "surrogatepass")
        for support in self._supports:
            segment = support.get("segment") or {}
            for index in support.get("groundingChunkIndices") or ():
                if isinstance(index, int) and 0 <= index < len(self._chunks):
                    _annotate(found, utf8, segment, self._chunks[index].get("web"))
        for citation in self._citations:
            _annotate(found, utf8, citation, citation)
        return [found[key] for key in sorted(found)]


def _annotate(
    found: dict[tuple[int, int, str], Annotation], utf8: bytes, segment: Mapping[str, Any], source: Any
) -> None:
    """Add the annotation for one source of one segment; sources without an address are left out."""
    url = source.get("uri") if isinstance(source, dict) else None
    if not isinstance(url, str) or not url:
        return
    place = _place(utf8, segment)
    if place is None:
        return
    start, end = place
    title = source.get("title")
    found[start, end, url] = {
        "type": "url_citation",
        "url_citation": {
            "start_index": start,
            "end_index": end,
            "title": title if isinstance(title, str) else "",
            "url": url,
        },
    }


def _place(utf8: bytes, segment: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return where the segment begins and ends, in characters; None if its words are not in the text.

    What a client sees can hold more than what Gemini counted (code blocks), so the segment's own words decide.
    """
    start, end = _offset(segment, "startIndex"), _offset(segment, "endIndex")
    words = segment.get("text")
    if isinstance(words, str) and words:
        quoted = words.encode("utf-8", "surrogatepass")
        if utf8[start:end] != quoted:
            start = utf8.find(quoted)
            end = start + len(quoted)
    if start < 0:
        return None
    return len(utf8[:start].decode("utf-8", "ignore")), len(utf8[:end].decode("utf-8", "ignore"))


def _offset(segment: Mapping[str, Any], name: str) -> int:
    value = segment.get(name)
    return max(0, value) if isinstance(value, int) else 0


def _objects(holder: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    return [expect(item, dict) for item in expect(holder.get(key) or [], list)]
