"""Notes: the changes that an exchange made to a request or response (mapped, clamped, dropped, restored).

Every change has a note (docs/decisions/0006).
"""

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

NoteKind = Literal["mapped", "clamped", "dropped", "converted", "restored", "added"]

HEADER_LIMIT = 2000
_NOT_PRINTABLE = re.compile(r"[^ -~]")


class Note(NamedTuple):
    """One change made to a request or response.

    `param` is OpenAI's name of the changed field, as a path (`temperature`, `messages[2].content[0]`); `reason` is one
    short clause for people, without any text of the client's.
    """

    kind: NoteKind
    param: str
    reason: str

    def __str__(self) -> str:
        return f"{self.kind} {self.param}: {self.reason}"


def notes_header(notes: Iterable[Note]) -> str:
    """Return the value of `x-gateway-notes`: notes joined by `; `, printable ASCII, at most 2,000 characters."""
    text = "; ".join(dict.fromkeys(map(str, notes)))
    printable = text if text.isascii() and text.isprintable() else _NOT_PRINTABLE.sub("?", text)
    return printable if len(printable) <= HEADER_LIMIT else printable[: HEADER_LIMIT - 5] + "; ..."
