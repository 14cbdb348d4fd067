"""Gemini's raw PCM to OpenAI's `audio`: a WAV file or pcm16 in an answer, pcm16 in the pieces of a stream (rule 84).

What is said beside it as text is the transcript. Follows https://platform.openai.com/docs/guides/audio.
"""

import io
import re
import wave
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from api.openai.chat.completion import AudioDelta, AudioOut, Delta
from api.translate.answers.choice import Choice, Piece

SAMPLE_RATE: Final = 24_000
SAMPLE_BYTES: Final = 2
_RATE: Final = re.compile(r";\s*rate=(\d{4,6})")


@dataclass(slots=True, kw_only=True)
class Speech:
    """How the choices of an exchange are spoken.

    `wav` puts a file format around the samples of a plain answer; else they go as they are (pcm16). `ids` gives each
    choice the id of its audio; `expires_at` is in Unix seconds: from then on clients may not count on the id.
    """

    wav: bool
    expires_at: int
    ids: Iterator[str]
    _by_choice: dict[int, str] = field(init=False, repr=False, default_factory=dict)

    def audio(self, choice: Choice) -> AudioOut | None:
        """Return what a choice has said so far, None if nothing."""
        if not choice.audio and not choice.text:
            return None
        pcm = b"".join(choice.audio)
        spoken = pcm_to_wav(pcm, rate=sample_rate(choice.audio_type)) if self.wav else pcm
        return {
            "id": self._id(choice),
            "data": b64encode(spoken).decode(),
            "expires_at": self.expires_at,
            "transcript": "".join(choice.text),
        }

    def delta(self, choice: Choice, piece: Piece) -> Delta:
        """Return a piece of speech or of its transcript as a stream sends it.

        The first piece has the id, and no other: clients add up the texts of deltas, ids included.
        """
        audio: AudioDelta = {} if choice.index in self._by_choice else {"id": self._id(choice)}
        if piece.kind == "audio":
            audio["data"] = piece.text
        else:
            audio["transcript"] = piece.text
        return {"audio": audio}

    def last(self, choice: Choice) -> Delta:
        """Return what closes a choice's speech in a stream; empty for one that said nothing."""
        if not choice.audio and not choice.text:
            return {}
        return {"audio": {"expires_at": self.expires_at}}

    def _id(self, choice: Choice) -> str:
        if choice.index not in self._by_choice:
            self._by_choice[choice.index] = next(self.ids)
        return self._by_choice[choice.index]


def pcm_to_wav(pcm: bytes, *, rate: int = SAMPLE_RATE) -> bytes:
    """Return 16-bit mono samples (little-endian, as Gemini sends them) as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(SAMPLE_BYTES)
        writer.setframerate(rate)
        writer.writeframes(pcm)
    return file.getvalue()


def sample_rate(mime_type: str) -> int:
    """Return the rate that a type such as `audio/L16;codec=pcm;rate=24000` names; 24,000 if it names none."""
    named = _RATE.search(mime_type)
    return int(named[1]) if named else SAMPLE_RATE
