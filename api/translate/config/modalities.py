"""Output modalities: `modalities` and `audio` to `responseModalities` and `speechConfig`.

Source: https://ai.google.dev/gemini-api/docs/speech-generation and .../image-generation. Gemini generates raw PCM only,
which `speech` converts.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from api.errors import InvalidRequestError
from api.gemini.wire import GenerationConfig
from api.translate.request.context import RequestContext

# OpenAI's voices and Gemini's prebuilt voices of similar pitch and character.
VOICES: Final[Mapping[str, str]] = {
    "alloy": "Kore",
    "ash": "Charon",
    "ballad": "Algieba",
    "cedar": "Orus",
    "coral": "Aoede",
    "echo": "Iapetus",
    "fable": "Puck",
    "marin": "Sulafat",
    "nova": "Leda",
    "onyx": "Algenib",
    "sage": "Despina",
    "shimmer": "Zephyr",
    "verse": "Fenrir",
}
GEMINI_VOICES: Final = (
    "Achernar",
    "Achird",
    "Algenib",
    "Algieba",
    "Alnilam",
    "Aoede",
    "Autonoe",
    "Callirrhoe",
    "Charon",
    "Despina",
    "Enceladus",
    "Erinome",
    "Fenrir",
    "Gacrux",
    "Iapetus",
    "Kore",
    "Laomedeia",
    "Leda",
    "Orus",
    "Puck",
    "Pulcherrima",
    "Rasalgethi",
    "Sadachbia",
    "Sadaltager",
    "Schedar",
    "Sulafat",
    "Umbriel",
    "Vindemiatrix",
    "Zephyr",
    "Zubenelgenubi",
)
_VOICES: Final = {**VOICES, **{name.lower(): name for name in GEMINI_VOICES}}
SPEECH_FORMATS: Final = ("wav", "pcm16")
_KNOWN: Final = ("text", "audio", "image")
_TEXT_ONLY: Final = ("TEXT",)


def modalities_to_config(
    modalities: Sequence[str] | None, audio: Mapping[str, Any] | None, *, stream: bool, context: RequestContext
) -> GenerationConfig:
    """Return the modalities of the generation config; empty for text.

    Raises InvalidRequestError naming `modalities` or `audio` for a modality that the model does not support.

        ["text", "audio"], {"voice": "alloy", "format": "wav"}
        {"responseModalities": ["AUDIO"],
         "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}}
    """
    if not modalities and audio is None and context.profile.output_modalities == _TEXT_ONLY:
        return {}
    requested = frozenset(modalities or ())
    _check(requested, context)
    if "audio" in requested:
        return _speech(audio, stream=stream)
    if audio is not None:
        context.note("dropped", "audio", "'modalities' does not ask for audio")
    if "IMAGE" in context.profile.output_modalities:
        return {"responseModalities": ["TEXT"] if requested == {"text"} else ["TEXT", "IMAGE"]}
    return {}


def _check(requested: frozenset[str], context: RequestContext) -> None:
    unknown = requested - frozenset(_KNOWN)
    if unknown:
        raise _rejection(f"Invalid value for 'modalities': supported values are {', '.join(_KNOWN)}.", "modalities")
    possible = context.profile.output_modalities
    for modality in sorted(requested - {"text"}):
        if modality.upper() not in possible:
            raise _rejection(
                f"Invalid value for 'modalities': the model does not answer with {modality}.", "modalities"
            )
    if possible == ("AUDIO",) and "audio" not in requested:
        raise _rejection(
            "The model answers with speech only: set 'modalities' to [\"text\", \"audio\"] and choose 'audio'.",
            "modalities",
        )


def _speech(audio: Mapping[str, Any] | None, *, stream: bool) -> GenerationConfig:
    if audio is None:
        raise InvalidRequestError(
            "Missing required parameter: 'audio'.", param="audio", code="missing_required_parameter"
        )
    sound = audio["format"]
    if sound not in SPEECH_FORMATS:
        raise _rejection(
            f"Invalid value for 'audio.format': supported formats are {', '.join(SPEECH_FORMATS)}.", "audio.format"
        )
    if stream and sound != "pcm16":
        raise _rejection("Invalid value for 'audio.format': only pcm16 can be streamed.", "audio.format")
    return {
        "responseModalities": ["AUDIO"],
        "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": _voice(audio["voice"])}}},
    }


def _voice(voice: str | Mapping[str, Any]) -> str:
    name = voice if isinstance(voice, str) else voice.get("id")
    found = _VOICES.get(name.lower()) if isinstance(name, str) else None
    if found is None:
        raise _rejection(
            f"Invalid value for 'audio.voice': supported voices are {', '.join((*VOICES, *GEMINI_VOICES))}.",
            "audio.voice",
        )
    return found


def _rejection(message: str, param: str) -> InvalidRequestError:
    return InvalidRequestError(message, param=param, code="unsupported_value")
