"""Markdown images with `data:` URLs, found in one pass.

A regular expression of the whole form restarts at each `![`: quadratic work for a hostile text.
"""

import re
from typing import Final

MARK: Final = "](data:image/"  # the end of an image's label and the begin of its URL

_OPENING: Final = "!["
_URL: Final = len("](")
_URL_END: Final = re.compile(r"[)\s]")


def split_images(text: str) -> list[str]:
    """Return the texts around the images and the URLs, alternating: every second string is a URL.

    A label contains no bracket and no line break, a URL no white space.
        "a ![b](data:image/png;base64,iVBO) c"   ["a ", "data:image/png;base64,iVBO", " c"]
    """
    segments: list[str] = []
    image_end = after = 0  # end of the last image, and earliest begin of a label
    mark = text.find(MARK)
    while mark >= 0:
        begin = _label(text, after, mark)
        after = following = mark + 1
        if begin >= 0:
            found = _URL_END.search(text, mark + len(MARK))
            if found is None:
                break
            following = found.start()  # no image before it: the URLs of all of them would end there
            if found[0] == ")" and following > mark + len(MARK):
                segments += (text[image_end:begin], text[mark + _URL : following])
                image_end = after = following + 1
        mark = text.find(MARK, following)
    return [*segments, text[image_end:]]


def _label(text: str, start: int, end: int) -> int:
    """Return the begin of the image whose label ends at `end`, -1 if there is none after `start`."""
    start = max(start, text.rfind("]", start, end) + 1, text.rfind("\n", start, end) + 1)
    return text.find(_OPENING, start, end)
