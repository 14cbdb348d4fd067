"""Function names on both sides: what Gemini accepts, and the way back to the client's own (rule 53)."""

import re
from collections.abc import Mapping
from zlib import crc32

MAX_NAME = 64

_ACCEPTED = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,63}")
_REFUSED_CHARACTER = re.compile(r"[^A-Za-z0-9_.:-]")
_CHECKSUM_LENGTH = 9


def sanitise_name(name: str) -> str:
    """Return `name` as Gemini accepts it: `_` for refused characters, no leading digit, 64 characters.

    Depends on the name alone, so a name in the history comes out as it did when its tool was declared; one that had
    to be cut ends in a checksum of the whole.
    """
    if _ACCEPTED.fullmatch(name):
        return name
    clean = _REFUSED_CHARACTER.sub("_", name)
    if not clean or not (clean[0].isalpha() or clean[0] == "_"):
        clean = f"_{clean}"
    return clean if len(clean) <= MAX_NAME else _with_checksum(clean, name)


def _with_checksum(clean: str, name: str) -> str:
    checksum = crc32(name.encode("utf-8", "surrogatepass"))
    return f"{clean[: MAX_NAME - _CHECKSUM_LENGTH]}_{checksum:08x}"


class ToolNames:
    """The names of one request: `sent` gives Gemini's form, `changed` the client's names of those that differ."""

    def __init__(self) -> None:
        self._sent: dict[str, str] = {}
        self._taken: set[str] = set()

    def sent(self, name: str) -> str:
        """Return the form of `name` that is sent; two names of the client never share one."""
        known = self._sent.get(name)
        if known is not None:
            return known
        sent = sanitise_name(name)
        if sent in self._taken:
            sent = _with_checksum(sent, name)
        self._sent[name] = sent
        self._taken.add(sent)
        return sent

    @property
    def changed(self) -> Mapping[str, str]:
        """Sent name to the client's name, only where they differ."""
        return {sent: name for name, sent in self._sent.items() if sent != name}
