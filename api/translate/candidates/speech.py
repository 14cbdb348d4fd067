"""Gemini's raw PCM to OpenAI's `audio`: WAV or pcm16 in a plain response, pcm16 in the chunks of a stream (rule 84).

Text beside the audio is the transcript. Source: https://platform.openai.com/docs/guides/audio.
"""

import io
import re
import wave
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from api.openai.chat.completion import AudioDelta, AudioOut, Delta
from api.translate.candidates.choice import Choice, PartDelta

SAMPLE_RATE: Final = 24_000
SAMPLE_BYTES: Final = 2
_RATE: Final = re.compile(r";\s*rate=(\d{4,6})")


@dataclass(slots=True, kw_only=True)
class Speech:
    """The audio settings of an exchange.

    `wav` wraps the samples of a plain response in a WAV file; else the samples are sent as pcm16. `ids` yields the
    audio id of each choice; the id is valid until `expires_at`, in Unix seconds.
    """

    wav: bool
    expires_at: int
    ids: Iterator[str]
    _by_choice: dict[int, str] = field(init=False, repr=False, default_factory=dict)

    def audio(self, choice: Choice) -> AudioOut | None:
        """Return the audio of a choice so far, None without audio and text."""
        if not choice.audio and not choice.text:
            return None
        pcm = b"".join(choice.audio)
        encoded = pcm_to_wav(pcm, rate=sample_rate(choice.audio_type)) if self.wav else pcm
        return {
            "id": self._id(choice),
            "data": b64encode(encoded).decode(),
            "expires_at": self.expires_at,
            "transcript": "".join(choice.text),
        }

    def delta(self, choice: Choice, part_delta: PartDelta) -> Delta:
        """Return the delta of an audio part or of its transcript.

        Only the first delta has the id, because clients concatenate all strings of the deltas, including ids.
        """
        audio: AudioDelta = {} if choice.index in self._by_choice else {"id": self._id(choice)}
        if part_delta.kind == "audio":
            audio["data"] = part_delta.text
        else:
            audio["transcript"] = part_delta.text
        return {"audio": audio}

    def last(self, choice: Choice) -> Delta:
        """Return the last delta of a choice's audio in a stream; empty without audio and text."""
        if not choice.audio and not choice.text:
            return {}
        return {"audio": {"expires_at": self.expires_at}}

    def _id(self, choice: Choice) -> str:
        if choice.index not in self._by_choice:
            self._by_choice[choice.index] = next(self.ids)
        return self._by_choice[choice.index]


def pcm_to_wav(pcm: bytes, *, rate: int = SAMPLE_RATE) -> bytes:
    """Return 16-bit mono samples (little-endian, as sent by Gemini) as a WAV file; `rate` in Hz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(SAMPLE_BYTES)
        writer.setframerate(rate)
        writer.writeframes(pcm)
    return file.getvalue()


def sample_rate(mime_type: str) -> int:
    """Return the rate in a type such as `audio/L16;codec=pcm;rate=24000`, in Hz; 24,000 if it has none."""
    named = _RATE.search(mime_type)
    return int(named[1]) if named else SAMPLE_RATE
