"""Function names: the form that Gemini accepts, and the mapping back to the client's names (rule 53)."""

import re
from collections.abc import Mapping
from zlib import crc32

MAX_NAME = 64

_ACCEPTED = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,63}")
_INVALID_CHARACTER = re.compile(r"[^A-Za-z0-9_.:-]")
_CHECKSUM_LENGTH = 9


def sanitise_name(name: str) -> str:
    """Return `name` in the form that Gemini accepts: unchanged, or with `_` for invalid characters and a checksum.

    The result depends on the name alone, so that a name in the history equals the name of its declaration. The checksum
    distinguishes `a b` from `a/b` and from the client's own `a_b`.
    """
    if _ACCEPTED.fullmatch(name):
        return name
    clean = _INVALID_CHARACTER.sub("_", name)
    if not clean or not (clean[0].isalpha() or clean[0] == "_"):
        clean = f"_{clean}"
    checksum = crc32(name.encode("utf-8", "surrogatepass"))
    return f"{clean[: MAX_NAME - _CHECKSUM_LENGTH]}_{checksum:08x}"


class ToolNames:
    """The names of one request: `sent` returns Gemini's form, `changed` the client's names that differ from it."""

    def __init__(self) -> None:
        self._sent: dict[str, str] = {}
        self._owners: dict[str, str] = {}  # sent form -> the first name with this form, a declared one

    def sent(self, name: str) -> str:
        """Return the sent form of `name`."""
        known = self._sent.get(name)
        if known is not None:
            return known
        sent = self._sent[name] = sanitise_name(name)
        self._owners.setdefault(sent, name)
        return sent

    @property
    def changed(self) -> Mapping[str, str]:
        """Sent name -> client's name, only where they differ."""
        return {sent: name for sent, name in self._owners.items() if sent != name}
