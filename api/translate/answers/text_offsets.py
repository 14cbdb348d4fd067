"""Where in a text the words stand that Gemini's segments name: bytes of UTF-8 become characters (rule 99).

Work grows with the text and with what is looked for, never with the product of both.
"""

from typing import Final

_BLOCK: Final = 1024  # bytes; characters are counted from the begin of a block on
_CONTINUATION: Final = bytes(range(0x80, 0xC0))
# How many times its own size of a text is read in all to find words that do not stand where they should.
_SEARCHES: Final = 64


class QuotedText:
    """A text in which segments are looked up. `left_out` counts those that were not searched for any more."""

    def __init__(self, text: str) -> None:
        self._utf8 = text.encode("utf-8", "surrogatepass")
        self._plain = len(self._utf8) == len(text)
        self._before = [0]  # how many characters begin before each block
        self._shift = 0  # how far the words found last stand behind the place that Gemini names
        self._left = _SEARCHES * len(self._utf8)
        self._found: dict[bytes, int] = {}
        self.left_out = 0
        for start in range(0, 0 if self._plain else len(self._utf8), _BLOCK):
            self._before.append(self._before[-1] + self._begun(start, start + _BLOCK))

    def place(self, start: int, end: int, words: str) -> tuple[int, int] | None:
        """Return where a segment begins and ends, in characters; None if its words are not in the text.

        A client may see more than what Gemini counted (code blocks), so the segment's own words decide.
        """
        if words:
            quoted = words.encode("utf-8", "surrogatepass")
            start = self._place_of(quoted, start)
            end = start + len(quoted)
        return None if start < 0 else (self._characters(start), self._characters(end))

    def _place_of(self, quoted: bytes, start: int) -> int:
        """Return the offset of words that should stand at `start`: there, as far behind as others, or anywhere."""
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
        """Return how many whole characters stand before an offset."""
        offset = min(offset, len(self._utf8))
        if self._plain:
            return offset
        block = offset // _BLOCK
        count = self._before[block] + self._begun(block * _BLOCK, offset)
        cuts = offset < len(self._utf8) and self._utf8[offset] in _CONTINUATION
        return count - cuts

    def _begun(self, start: int, end: int) -> int:
        return len(self._utf8[start:end].translate(None, _CONTINUATION))
