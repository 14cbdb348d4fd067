"""Function names on both sides: what Gemini accepts, and the way back to the client's own (rule 53)."""

import re
from collections.abc import Mapping
from zlib import crc32

MAX_NAME = 64

_ACCEPTED = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,63}")
_REFUSED_CHARACTER = re.compile(r"[^A-Za-z0-9_.:-]")
_CHECKSUM_LENGTH = 9


def sanitise_name(name: str) -> str:
    """Return `name` as Gemini accepts it: as it is, or with `_` for refused characters and a checksum of the whole.

    Depends on the name alone, so a name in the history comes out as it did when its tool was declared, whichever tools
    are declared beside it. The checksum keeps `a b` apart from `a/b` and from an `a_b` that is the client's own.
    """
    if _ACCEPTED.fullmatch(name):
        return name
    clean = _REFUSED_CHARACTER.sub("_", name)
    if not clean or not (clean[0].isalpha() or clean[0] == "_"):
        clean = f"_{clean}"
    checksum = crc32(name.encode("utf-8", "surrogatepass"))
    return f"{clean[: MAX_NAME - _CHECKSUM_LENGTH]}_{checksum:08x}"


class ToolNames:
    """The names of one request: `sent` gives Gemini's form, `changed` the client's names of those that differ."""

    def __init__(self) -> None:
        self._sent: dict[str, str] = {}
        self._owners: dict[str, str] = {}  # sent form -> the first name that has it: declarations come first

    def sent(self, name: str) -> str:
        """Return the form of `name` that is sent."""
        known = self._sent.get(name)
        if known is not None:
            return known
        sent = self._sent[name] = sanitise_name(name)
        self._owners.setdefault(sent, name)
        return sent

    @property
    def changed(self) -> Mapping[str, str]:
        """Sent name to the client's name, only where they differ."""
        return {sent: name for sent, name in self._owners.items() if sent != name}
