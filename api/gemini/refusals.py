"""Google's known sentences about a request that it refuses, each with what our client is told instead.

Only a sentence of this table, or a field's path, ever reaches a client: Google quotes values, and those are prompt
text. The sentences are those of recorded traffic and of public bug reports; what is not known stays unquoted.
"""

import re
from dataclasses import dataclass
from typing import Final

# The names that Google gives to what OpenAI's clients sent, longest path first where one begins another.
_PARAMS: Final = (
    ("generationconfig.temperature", "temperature"),
    ("generationconfig.topp", "top_p"),
    ("generationconfig.candidatecount", "n"),
    ("generationconfig.maxoutputtokens", "max_completion_tokens"),
    ("generationconfig.stopsequences", "stop"),
    ("generationconfig.seed", "seed"),
    ("generationconfig.presencepenalty", "presence_penalty"),
    ("generationconfig.frequencypenalty", "frequency_penalty"),
    ("generationconfig.responselogprobs", "logprobs"),
    ("generationconfig.logprobs", "top_logprobs"),
    ("generationconfig.responsemodalities", "modalities"),
    ("generationconfig.response", "response_format"),
    ("generationconfig.thinkingconfig", "reasoning_effort"),
    ("generationconfig.speechconfig", "audio"),
    ("generationconfig.mediaresolution", "google.media_resolution"),
    ("contents", "messages"),
    ("systeminstruction", "messages"),
    ("toolconfig", "tool_choice"),
    ("tools", "tools"),
    ("safetysettings", "safety_settings"),
    ("cachedcontent", "google.cached_content"),
    ("servicetier", "service_tier"),
    ("model", "model"),
)

_PATH: Final = r"[A-Za-z0-9_.\[\]$]{1,200}"
_UNKNOWN_NAME: Final = re.compile(rf"Unknown name \"[^\"]*\"(?: at '({_PATH})')?: Cannot find field")
_INVALID_VALUE: Final = re.compile(rf"Invalid value at '({_PATH})'")
_VALIDATION: Final = re.compile(rf"\* [A-Za-z]*GenerateContentRequest\.({_PATH}): ([^\n]*)")
# A validation sentence without quotation marks and braces quotes nothing.
_HARMLESS: Final = re.compile(r"[A-Za-z0-9_ ,.;:()\[\]/+<>=-]{1,200}")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What to tell the client: the message, OpenAI's name of the culprit, the code."""

    message: str
    param: str | None = None
    code: str | None = None


_CONTEXT: Final = "context_length_exceeded"
_VALUE: Final = "unsupported_value"
_PARAMETER: Final = "unsupported_parameter"

# Pattern in Google's message -> our answer. `{0}`, `{1}` are its groups: digits and level names, never free text.
_KNOWN: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), Refusal(message, param, code))
    for pattern, message, param, code in (
        (
            r"input token count[^0-9]{0,12}([\d,]+)\)? (?:exceeds the maximum number of tokens allowed|but model only "
            r"supports up to)[^0-9]{0,4}([\d,]+)",
            "This model's maximum context length is {1} tokens. However, your messages resulted in {0} tokens. "
            "Please reduce the length of the messages.",
            "messages",
            _CONTEXT,
        ),
        (
            r"exceeds the maximum number of tokens|input (?:context )?is too long|prompt is too long",
            "The messages are longer than this model's maximum context length. Please reduce their length.",
            "messages",
            _CONTEXT,
        ),
        (
            r"corrupted thought signature|thought signature is not valid",
            "The upstream model refused a thought signature of an earlier answer.",
            "messages",
            "invalid_thought_signature",
        ),
        (
            r"missing a `?thought_signature",
            "The upstream model misses the thought signature of an earlier function call.",
            "messages",
            "missing_thought_signature",
        ),
        (
            r"penalty is not enabled",
            "This model does not support presence_penalty and frequency_penalty.",
            "presence_penalty",
            _PARAMETER,
        ),
        (
            r"multiple candidates is not enabled|only one candidate can be specified",
            "This model gives one choice a call: n must be 1.",
            "n",
            _VALUE,
        ),
        (
            r"thinking level (minimal|low|medium|high|xhigh) is not supported",
            "This model does not support the thinking level {0}.",
            "reasoning_effort",
            _VALUE,
        ),
        (
            r"budget (-?\d+) is invalid|thinking budget (?:of )?(-?\d+) is invalid|only works in thinking mode",
            "This model does not support this thinking budget.",
            "reasoning_effort",
            _VALUE,
        ),
        (
            r"only one of thinking budget and thinking level",
            "A thinking budget and a thinking level exclude each other.",
            "reasoning_effort",
            "mutually_exclusive_parameters",
        ),
        (
            r"thinking is not enabled for this model|does not support thinking",
            "This model does not think: reasoning_effort cannot be set.",
            "reasoning_effort",
            _PARAMETER,
        ),
        (
            r"function calling.{0,40}with a response mime type: '[a-z/]+' is unsupported",
            "This model cannot combine function tools with a JSON response_format.",
            "response_format",
            "mutually_exclusive_parameters",
        ),
        (
            r"function calling is not enabled|does not support function calling",
            "This model does not support tools.",
            "tools",
            _PARAMETER,
        ),
        (
            r"tool use with function calling is unsupported|server_side_tool_invocations",
            "This model cannot combine function tools with Google's own tools.",
            "tools",
            "mutually_exclusive_parameters",
        ),
        (
            r"cachedcontent can ?not be used|cachedcontent not found|cached content .{0,40}(?:expired|not found)",
            "The cached content cannot be used with this request: it may have expired, or belong to another model.",
            "google.cached_content",
            _VALUE,
        ),
        (
            r"logprobs is not (?:enabled|supported)",
            "This model does not support logprobs.",
            "logprobs",
            _PARAMETER,
        ),
        (
            r"function call turn comes immediately after a user turn or after a function response turn",
            "An assistant message with tool_calls must directly follow a user message or a tool message.",
            "messages",
            None,
        ),
        (
            r"number of function response parts is equal to the number of function call parts",
            "Every tool call of an assistant message needs exactly one tool message that answers it.",
            "messages",
            None,
        ),
        (
            r"cannot fetch content from the provided url",
            "The upstream model could not fetch the content that a URL in the messages points to.",
            "messages",
            "invalid_image_url",
        ),
        (
            r"unable to process input image|provided image is not valid",
            "The upstream model could not read an image of the messages.",
            "messages",
            "invalid_image",
        ),
        (
            r"unsupported mime type",
            "The upstream model does not accept the media type of a file in the messages.",
            "messages",
            "unsupported_image_media_type",
        ),
    )
)


def openai_param(path: str) -> str | None:
    """Return OpenAI's name of the parameter behind one of Google's field paths, in either of its spellings."""
    bare = path.replace("_", "").lower()
    return next((param for prefix, param in _PARAMS if bare.startswith(prefix)), None)


def refusal(message: str) -> Refusal | None:
    """Return what to tell a client for Google's message, or None if the message is not one of the known forms."""
    for pattern, known in _KNOWN:
        match = pattern.search(message)
        if match is not None:
            return Refusal(known.message.format(*match.groups()), known.param, known.code)
    if (match := _UNKNOWN_NAME.search(message)) is not None:
        where = match[1] or ""
        return Refusal(f"The upstream model does not know a field of the request{_at(where)}.", openai_param(where))
    if (match := _INVALID_VALUE.search(message)) is not None:
        return Refusal(f"The upstream model refused a value of the request{_at(match[1])}.", openai_param(match[1]))
    if (match := _VALIDATION.search(message)) is not None:
        sentence = match[2].strip()
        why = f": {sentence}" if _HARMLESS.fullmatch(sentence) else "."
        return Refusal(f"The upstream model refused the request{_at(match[1])}{why}", openai_param(match[1]))
    return None


def _at(path: str) -> str:
    return f" (Gemini's field {path})" if path else ""
