"""Google's known messages about invalid requests, each with the message for our client.

Clients receive only a message of this table, or a field's path: Google quotes values, and values are prompt text. The
messages come from recorded traffic and public bug reports; an unknown message is not passed on.
"""

import re
from dataclasses import dataclass
from typing import Final

# Google's field names -> OpenAI's parameters; a longer path stands before its prefix.
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
_VALIDATION: Final = re.compile(rf"\* (?:[A-Za-z]*GenerateContentRequest\.)?({_PATH}): ([^\n]*)")
# A validation message without quotation marks and braces quotes no value.
_HARMLESS: Final = re.compile(r"[A-Za-z0-9_ ,.;:()\[\]/+<>=-]{1,200}")


@dataclass(frozen=True, slots=True)
class KnownError:
    """The client's error: message, OpenAI's parameter and code."""

    message: str
    param: str | None = None
    code: str | None = None


# Placeholder for a parameter: the request's schemas, whichever it has.
SCHEMA: Final = "<schema>"
_RESPONSE_SCHEMAS: Final = (b'"responseJsonSchema":', b'"responseSchema":')
_TOOL_SCHEMA: Final = b'"parametersJsonSchema":'
_PDF: Final = b'"mimeType":"application/pdf"'
# Google's whole message for a schema that costs too much to serve, and for a document that it cannot read.
_BARE: Final = re.compile(r"\s*Request contains an invalid argument\.?\s*", re.IGNORECASE)

_MAX_LOGGED: Final = 300

_TOOL: Final = "invalid_function_parameters"
_SCHEMA: Final = "invalid_json_schema"
_CONTEXT: Final = "context_length_exceeded"
_VALUE: Final = "unsupported_value"
_PARAMETER: Final = "unsupported_parameter"

# Pattern in Google's message -> our message. `{0}`, `{1}` are its groups: digits and level names, never free text.
_KNOWN: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), KnownError(message, param, code))
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
            "The upstream model rejected a thought signature of an earlier message.",
            "messages",
            "invalid_thought_signature",
        ),
        (
            r"missing a `?thought_signature",
            "The thought signature of an earlier function call is missing.",
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
            "This model supports one choice per call: n must be 1.",
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
            "This model does not support reasoning: reasoning_effort cannot be set.",
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
            r"cachedcontent can ?not be used|cached ?content.{0,60}(?:expired|not found|does not match|permission)",
            "The cached content cannot be used with this request: it may be expired or belong to another model.",
            "google.cached_content",
            _VALUE,
        ),
        (
            r"permission to access the file|file .{0,80}(?:not exist|not found|expired|not in an active state)",
            "A file of the messages is not, or no longer, stored at Gemini.",
            "messages",
            "file_not_found",
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
            "Every tool call of an assistant message needs exactly one tool message.",
            "messages",
            None,
        ),
        (
            r"cannot fetch content from the provided url",
            "The upstream model could not fetch the content of a URL in the messages.",
            "messages",
            "invalid_image_url",
        ),
        (
            r"unable to process input image|provided image is not valid",
            "The upstream model could not read an image in the messages.",
            "messages",
            "invalid_image",
        ),
        (
            r"document has no pages|unable to process input (?:pdf|document|file)|(?:invalid|corrupt\w*) pdf|"
            r"(?:pdf|document) .{0,60}(?:password|corrupt|encrypted|could not be|is not valid|is invalid)",
            "The upstream model could not read a document in the messages: it may be damaged, empty or protected by a "
            "password.",
            "messages",
            "invalid_file",
        ),
        (
            r"(?:document|pdf|pages).{0,60}(?:exceeds|more than|maximum|limit).{0,60}pages",
            "A document in the messages has more pages than the upstream model accepts.",
            "messages",
            "invalid_file",
        ),
        (
            r"unable to process input (?:audio|video)|(?:audio|video) .{0,40}(?:is not valid|is invalid|corrupt)",
            "The upstream model could not read an audio or video file in the messages.",
            "messages",
            "invalid_file",
        ),
        (
            r"functiondeclaration.{0,160}exceeds the maximum allowed nesting depth",
            "The parameters of a function are nested more deeply than this model accepts: flatten their schema.",
            "tools",
            _TOOL,
        ),
        (
            r"generationconfig.{0,60}exceeds the maximum allowed nesting depth",
            "The schema of 'response_format' is nested more deeply than this model accepts: flatten it.",
            "response_format",
            _SCHEMA,
        ),
        (
            r"duplicate function declaration",
            "Two functions have the same name: function names must be unique.",
            "tools",
            _TOOL,
        ),
        (
            r"at most (\d+) function declarations|(?:too many|number of) function.?declarations",
            "The request declares more functions than this model accepts: remove functions that are not needed.",
            "tools",
            "array_above_max_length",
        ),
        (
            r"function calling config is set without function.?declarations|is not one of the function declarations",
            "tool_choice names a function that is not declared.",
            "tool_choice",
            _VALUE,
        ),
        (
            r"exceeds the maximum allowed nesting depth",
            "{schema} is nested more deeply than this model accepts: flatten it.",
            SCHEMA,
            None,
        ),
        (
            r"too many states|too much branching|constraint .{0,60}for serving|schema .{0,40}too (?:complex|large)",
            "{schema} is too complex for this model. Use fewer and shorter names, fewer optional properties and "
            "branches, shorter enums, and smaller or no maxItems, minLength and maxLength.",
            SCHEMA,
            None,
        ),
        (
            r"reference to undefined schema",
            "{schema} contains a '$ref' that this model cannot resolve.",
            SCHEMA,
            None,
        ),
        (
            r"(?:recursive|recursion|cyclic|circular).{0,60}(?:schema|reference)|schema.{0,60}(?:recurs|cycl|circular)",
            "{schema} contains a recursion that this model does not accept: only optional properties may be recursive.",
            SCHEMA,
            None,
        ),
        (
            r"\b(?:min|max)_?(?:items|length|properties)\b",
            "{schema} has a length bound (minItems, maxItems, minLength, maxLength) that this model does not accept.",
            SCHEMA,
            None,
        ),
        (
            r"\bschema\b.{0,80}\b(?:invalid|not valid|unsupported|not supported|must)\b|"
            r"\b(?:invalid|unsupported) (?:json |response )?schema\b",
            "{schema} is not accepted by this model.",
            SCHEMA,
            None,
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
    """Return OpenAI's parameter for one of Google's field paths (camelCase or snake_case); None if unknown."""
    bare = path.replace("_", "").lower()
    return next((param for prefix, param in _PARAMS if bare.startswith(prefix)), None)


def known_error(message: str, request: bytes = b"") -> KnownError | None:
    """Return the client's error for Google's message, or None for an unknown message.

    `request` is the request's body, which identifies the schema if the message names none.
    """
    if _BARE.fullmatch(message):
        return _likely(request)
    for pattern, known in _KNOWN:
        if (match := pattern.search(message)) is not None:
            if known.param == SCHEMA:
                return _of_schemas(known.message, request)
            return KnownError(known.message.format(*match.groups()), known.param, known.code)
    return _by_path(message)


def known_sentence(message: str) -> str:
    """Return Google's message if it is a known one, which quotes no prompt; else ""."""
    is_known = _BARE.fullmatch(message) or any(pattern.search(message) for pattern, _ in _KNOWN)
    return message.strip().partition("\n")[0][:_MAX_LOGGED] if is_known else ""


def _by_path(message: str) -> KnownError | None:
    """Return the client's error for a message that names a field of the request."""
    if (match := _UNKNOWN_NAME.search(message)) is not None:
        where = match[1] or ""
        return KnownError(f"A field of the request is unknown to the upstream model{_at(where)}.", openai_param(where))
    if (match := _INVALID_VALUE.search(message)) is not None:
        return KnownError(f"The upstream model rejected a value of the request{_at(match[1])}.", openai_param(match[1]))
    if (match := _VALIDATION.search(message)) is not None:
        sentence = match[2].strip()
        why = f": {sentence}" if _HARMLESS.fullmatch(sentence) else "."
        return KnownError(f"The upstream model rejected the request{_at(match[1])}{why}", openai_param(match[1]))
    return None


def lost_reference(message: str) -> KnownError | None:
    """Return the client's error if Google does not find a resource of the request other than the model."""
    known = known_error(message)
    return known if known is not None and known.code in (_VALUE, "file_not_found") and known.param != "model" else None


def _likely(request: bytes) -> KnownError | None:
    """Return the likely cause of an error without one; None if the request has none of the usual causes."""
    has_document = _PDF in request
    if _schemas(request):
        also = " Another possible cause is an unreadable document in the messages." if has_document else ""
        known = _of_schemas(
            "The upstream model rejected the request without a reason. The likely cause is {schema}, if it is too "
            "complex: try fewer properties and branches, shorter enums, and smaller or no maxItems and minItems.",
            request,
        )
        return KnownError(known.message + also, known.param, known.code)
    if has_document:
        return KnownError(
            "The upstream model rejected the request without a reason. The likely cause is a document in the messages: "
            "it may be damaged, empty or protected by a password.",
            "messages",
            "invalid_file",
        )
    return None


def _schemas(request: bytes) -> tuple[str, ...]:
    """Return the request's parameters that hold a schema; text in a JSON body has its quotes escaped."""
    response = ("response_format",) if any(name in request for name in _RESPONSE_SCHEMAS) else ()
    return (*response, "tools") if _TOOL_SCHEMA in request else response


def _of_schemas(message: str, request: bytes) -> KnownError:
    params = _schemas(request)
    names = {"response_format": "the schema of 'response_format'", "tools": "the schema of a function's parameters"}
    named = " or ".join(names[param] for param in params) or "a schema of the request"
    text = message.format(schema=named)
    code = {"response_format": _SCHEMA, "tools": _TOOL}[params[0]] if params else None
    return KnownError(text[:1].upper() + text[1:], params[0] if params else None, code)


def _at(path: str) -> str:
    return f" (Gemini's field {path})" if path else ""
