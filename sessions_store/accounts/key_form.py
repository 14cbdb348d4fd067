"""The form of a key: a prefix, 32 random base62 characters, and 6 base62 characters of a CRC-32. Plain Python.

The checksum rejects typing errors before any look-up, and makes a leaked key recognizable without the database.
"""

import hashlib
import re
import secrets
import zlib
from typing import Final, Literal

Kind = Literal["client", "admin"]

PREFIXES: Final[dict[Kind, str]] = {"client": "sk-gw-", "admin": "sk-gwadmin-"}
MAX_LENGTH: Final = 256
RANDOM_CHARACTERS: Final = 32  # 190 bits
CHECKSUM_CHARACTERS: Final = 6
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FORM: Final = re.compile(rf"sk-gw(admin)?-[0-9A-Za-z]{{{RANDOM_CHARACTERS + CHECKSUM_CHARACTERS}}}")


def new_key(kind: Kind = "client") -> str:
    """Return a new random key."""
    body = PREFIXES[kind] + "".join(secrets.choice(_ALPHABET) for _ in range(RANDOM_CHARACTERS))
    return body + _checksum(body)


def is_key(text: str) -> bool:
    """Whether a text is a key by its form and its checksum; the key may still be unknown."""
    if not text.startswith("sk-gw") or len(text) > MAX_LENGTH or _FORM.fullmatch(text) is None:
        return False
    return _checksum(text[:-CHECKSUM_CHARACTERS]) == text[-CHECKSUM_CHARACTERS:]


def resembles_key(text: str) -> bool:
    """Whether a text has the prefix of a key, with or without the right checksum."""
    return text.startswith("sk-gw")


def digest(key: str) -> str:
    """Return the SHA-256 of a key in hexadecimal digits, the only form that is stored."""
    return hashlib.sha256(key.encode()).hexdigest()


def redacted(key: str) -> str:
    """Return the form for display: prefix, first four and last four random characters."""
    prefix = PREFIXES["admin"] if key.startswith(PREFIXES["admin"]) else PREFIXES["client"]
    return f"{prefix}{key[len(prefix) : len(prefix) + 4]}…{key[-4:]}"


def _checksum(body: str) -> str:
    value, characters = zlib.crc32(body.encode()), []
    for _ in range(CHECKSUM_CHARACTERS):
        value, remainder = divmod(value, 62)
        characters.append(_ALPHABET[remainder])
    return "".join(reversed(characters))
