"""Converts the byte offsets of Gemini's segments to character offsets (rule 99).

The work is linear in the text and in the segments, never their product.
"""

from typing import Final

_BLOCK: Final = 1024  # bytes; character counts are cached per block
_CONTINUATION: Final = bytes(range(0x80, 0xC0))
# Total limit of the text search for misplaced segments, as a multiple of the text's size.
_SEARCHES: Final = 64


class QuotedText:
    """A text in which segments are located; `left_out` counts the segments beyond the search limit."""

    def __init__(self, text: str) -> None:
        self._utf8 = text.encode("utf-8", "surrogatepass")
        self._plain = len(self._utf8) == len(text)
        self._before = [0]  # number of characters that begin before each block
        self._shift = 0  # distance of the last segment from its given offset
        self._left = _SEARCHES * len(self._utf8)
        self._found: dict[bytes, int] = {}
        self.left_out = 0
        for start in range(0, 0 if self._plain else len(self._utf8), _BLOCK):
            self._before.append(self._before[-1] + self._begun(start, start + _BLOCK))

    def place(self, start: int, end: int, words: str) -> tuple[int, int] | None:
        """Return the character offsets of a segment: begin and end; None if its words are not in the text.

        The segment's own words decide, because the client's text may include code blocks that Gemini did not count.
        """
        if words:
            quoted = words.encode("utf-8", "surrogatepass")
            start = self._place_of(quoted, start)
            end = start + len(quoted)
        return None if start < 0 else (self._characters(start), self._characters(end))

    def _place_of(self, quoted: bytes, start: int) -> int:
        """Return the byte offset of words: at `start`, at `start` plus the last shift, or at the first match."""
        for place in (start, start + self._shift):
            if self._utf8.startswith(quoted, place):
                return place
        found = self._found.get(quoted)
        if found is None:
            if self._left < 0:
                self.left_out += 1
                return -1
            found = self._found[quoted] = self._utf8.find(quoted)
            self._left -= found + len(quoted) if found >= 0 else len(self._utf8)
        if found >= start:
            self._shift = found - start
        return found

    def _characters(self, offset: int) -> int:
        """Return the number of whole characters before a byte offset."""
        offset = min(offset, len(self._utf8))
        if self._plain:
            return offset
        block = offset // _BLOCK
        count = self._before[block] + self._begun(block * _BLOCK, offset)
        cuts = offset < len(self._utf8) and self._utf8[offset] in _CONTINUATION
        return count - cuts

    def _begun(self, start: int, end: int) -> int:
        return len(self._utf8[start:end].translate(None, _CONTINUATION))
