"""Images that stand in a text as Markdown with `data:` URLs, found in one pass.

A pattern for the whole form tries each of its beginnings anew: work that grows with the square of a hostile text.
"""

import re
from typing import Final

MARK: Final = "](data:image/"  # where an image's label ends and its URL begins

_OPENING: Final = "!["
_URL: Final = len("](")
_URL_END: Final = re.compile(r"[)\s]")


def split_images(text: str) -> list[str]:
    """Return what stands around the images, with their URLs in between: every second piece is a URL.

    A label holds neither a bracket nor a line break, a URL no white space.

        "a ![b](data:image/png;base64,iVBO) c"   ["a ", "data:image/png;base64,iVBO", " c"]
    """
    pieces: list[str] = []
    told = after = 0  # where the last image ended, and from where a label can begin
    mark = text.find(MARK)
    while mark >= 0:
        begin = _label(text, after, mark)
        after = following = mark + 1
        if begin >= 0:
            found = _URL_END.search(text, mark + len(MARK))
            if found is None:
                break
            following = found.start()  # no image before it: all of their URLs would end there
            if found[0] == ")" and following > mark + len(MARK):
                pieces += (text[told:begin], text[mark + _URL : following])
                told = after = following + 1
        mark = text.find(MARK, following)
    return [*pieces, text[told:]]


def _label(text: str, start: int, end: int) -> int:
    """Return where the image begins whose label ends at `end`, -1 if none does between `start` and there."""
    start = max(start, text.rfind("]", start, end) + 1, text.rfind("\n", start, end) + 1)
    return text.find(_OPENING, start, end)
