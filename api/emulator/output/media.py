"""Generated images and speech, from the standard library: a small PNG, and a tone as raw 16-bit samples.

The prompt determines the image's colours and the voice the tone's pitch, so that tests can tell them apart.
"""

import base64
import hashlib
import math
import struct
import zlib
from array import array
from typing import Any

from api.emulator.conversation import Conversation, Part
from api.emulator.models import Model

SIDE = 32
RATE = 24_000
SPEECH_TYPE = f"audio/L16;codec=pcm;rate={RATE}"
IMAGE_TOKENS = 1_290
SPEECH_TOKENS_PER_SECOND = 25
SECONDS_PER_WORD = 0.05
MAX_SECONDS = 2.0
PART_SECONDS = 0.25
LOUDNESS = 8_000


def generates_image(conversation: Conversation, model: Model) -> bool:
    """Whether the output has an image: the model generates images, and the request does not ask for text alone."""
    modalities = conversation.config.get("responseModalities") or model.output_modalities
    return "IMAGE" in model.output_modalities and "IMAGE" in modalities and conversation.mime_type == "text/plain"


def generates_speech(conversation: Conversation) -> bool:
    """Whether the output is speech."""
    return "AUDIO" in conversation.config.get("responseModalities", [])


def picture(conversation: Conversation, index: int) -> Part:
    """Return an image for the prompt; each candidate (`index`) has another one."""
    red, green, blue = hashlib.blake2b(f"{conversation.prompt}/{index}".encode(), digest_size=3).digest()
    rows = b"".join(
        b"\x00" + b"".join(bytes((red, (green + 4 * x) % 256, (blue + 4 * y) % 256)) for x in range(SIDE))
        for y in range(SIDE)
    )
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
    png = b"\x89PNG\r\n\x1a\n" + chunks
    return {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(png).decode()}}


def speech(conversation: Conversation) -> list[Part]:
    """Return the speech for the prompt, in parts of a quarter of a second."""
    seconds = min(max(len(conversation.prompt.split()), 1) * SECONDS_PER_WORD, MAX_SECONDS)
    pitch = 200 + hashlib.blake2b(_voice(conversation.config).encode(), digest_size=1).digest()[0]
    step = 2 * math.pi * pitch / RATE
    samples = array("h", (round(LOUDNESS * math.sin(step * number)) for number in range(round(seconds * RATE))))
    size = round(PART_SECONDS * RATE)
    chunks = [samples[start : start + size] for start in range(0, len(samples), size)]
    return [
        {"inlineData": {"mimeType": SPEECH_TYPE, "data": base64.b64encode(samples_chunk.tobytes()).decode()}}
        for samples_chunk in chunks
    ]


def speech_tokens(parts: list[Part]) -> int:
    """Return the token count of a speech."""
    samples = sum(len(part["inlineData"]["data"]) * 3 // 4 // 2 for part in parts)
    return max(1, round(samples / RATE * SPEECH_TOKENS_PER_SECOND))


def _voice(config: dict[str, Any]) -> str:
    voice: str = (
        config.get("speechConfig", {}).get("voiceConfig", {}).get("prebuiltVoiceConfig", {}).get("voiceName", "")
    )
    return voice


def _chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG file with its length and checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
