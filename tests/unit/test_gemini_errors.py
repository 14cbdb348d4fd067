"""Google's errors to the gateway's: message, retry, delay, and the text that no client receives."""

from typing import Any

import orjson
import pytest

from api.errors import (
    GatewayError,
    InvalidRequestError,
    ModelNotFoundError,
    NotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitError,
    UpstreamError,
    UpstreamOverloadedError,
    UpstreamTimeoutError,
)
from api.gemini.error_mapping import is_corrupted_signature, upstream_error

RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"
ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
QUOTA_FAILURE = "type.googleapis.com/google.rpc.QuotaFailure"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


def body(code: int, status: str, message: str = "", *details: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"code": code, "status": status, "message": message, "details": list(details)}}


def fault(status: int, answer: Any = None, headers: dict[str, str] | None = None) -> GatewayError:
    return upstream_error(status, answer, headers or {}, openai_model="gpt-4o")


def invalid(message: str, *details: dict[str, Any]) -> GatewayError:
    return fault(400, body(400, "INVALID_ARGUMENT", message, *details))


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        (400, "INVALID_ARGUMENT", InvalidRequestError),
        (400, "FAILED_PRECONDITION", UpstreamError),
        (401, "UNAUTHENTICATED", UpstreamError),
        (403, "PERMISSION_DENIED", UpstreamError),
        (404, "NOT_FOUND", ModelNotFoundError),
        (409, "ABORTED", UpstreamError),
        (413, "", PayloadTooLargeError),
        (429, "RESOURCE_EXHAUSTED", RateLimitError),
        (499, "CANCELLED", UpstreamError),
        (500, "INTERNAL", UpstreamError),
        (501, "UNIMPLEMENTED", UpstreamError),
        (503, "UNAVAILABLE", UpstreamOverloadedError),
        (504, "DEADLINE_EXCEEDED", UpstreamTimeoutError),
    ],
)
def test_each_status_of_google_has_an_error(code: int, status: str, expected: type[GatewayError]) -> None:
    assert type(fault(code, body(code, status))) is expected
    assert type(fault(code, None)) in (expected, InvalidRequestError)
    # The same error inside a stream with status 200, with and without its code.
    assert type(fault(200, body(code, status))) is expected
    if status:
        assert type(fault(200, {"error": {"status": status}})) is expected


@pytest.mark.parametrize("wrap", [lambda error: error, lambda error: [error], orjson.dumps])
def test_rule_102_an_error_is_an_object_an_array_or_raw_bytes(wrap: Any) -> None:
    error = fault(404, wrap(body(404, "NOT_FOUND", "models/gemini-9 is not found for API version v1beta")))
    assert isinstance(error, ModelNotFoundError)
    assert error.message == "The model `gpt-4o` does not exist or you do not have access to it."
    assert (error.param, error.code) == ("model", "model_not_found")


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [("34.4s", 35), ("45.837906927s", 46), ("5s", 5), ("0.000000001s", 1), ("900ms", 1), ("1h2m3.5s", 3724), ("0s", 1)],
)
def test_rule_103_retry_delays_are_whole_seconds_rounded_up(delay: str, seconds: int) -> None:
    exhausted = "RESOURCE_EXHAUSTED"
    info = {"@type": RETRY_INFO, "retryDelay": delay}
    reset = {"@type": ERROR_INFO, "metadata": {"quotaResetDelay": delay}}
    assert fault(429, body(429, exhausted, "", info)).retry_after == seconds
    assert fault(429, body(429, exhausted, "", reset)).retry_after == seconds
    assert (
        fault(429, body(429, exhausted, f"You exceeded your quota.\nPlease retry in {delay}.")).retry_after == seconds
    )


def test_rule_103_retry_info_wins_then_metadata_then_the_sentence_then_the_header() -> None:
    info = {"@type": RETRY_INFO, "retryDelay": "1s"}
    reset = {"@type": ERROR_INFO, "metadata": {"quotaResetDelay": "2s"}}
    sentence, header = "Please retry in 3s.", {"Retry-After": "4"}
    assert fault(429, body(429, "RESOURCE_EXHAUSTED", sentence, reset, info), header).retry_after == 1
    assert fault(429, body(429, "RESOURCE_EXHAUSTED", sentence, reset), header).retry_after == 2
    assert fault(429, body(429, "RESOURCE_EXHAUSTED", sentence), header).retry_after == 3
    assert fault(429, body(429, "RESOURCE_EXHAUSTED"), header).retry_after == 4
    assert fault(503, None, {"retry-after": "7"}).retry_after == 7
    assert fault(429).retry_after is None


@pytest.mark.parametrize("delay", ["", "soon", "-5s", "1e9s", 5, None, {}, "5", "s", "9" * 40 + "s"])
def test_invalid_delays_are_ignored(delay: Any) -> None:
    details = {"@type": RETRY_INFO, "retryDelay": delay}
    assert fault(429, body(429, "RESOURCE_EXHAUSTED", "", details), {"retry-after": "tomorrow"}).retry_after is None


@pytest.mark.parametrize(
    "violation",
    [
        {"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier", "quotaValue": "50"},
        {"quotaId": "GenerateContentInputTokensPerModelPerMinute-FreeTier", "quotaValue": "0"},
    ],
)
def test_rule_104_quotas_that_waiting_does_not_bring_back_are_not_retryable(violation: dict[str, str]) -> None:
    quota = {"@type": QUOTA_FAILURE, "violations": [violation]}
    error = fault(429, body(429, "RESOURCE_EXHAUSTED", "", quota, {"@type": RETRY_INFO, "retryDelay": "3s"}))
    assert (error.type, error.code) == ("rate_limit_error", "upstream_quota_exhausted")
    assert (error.retryable, error.retry_after) == (False, None)


def test_a_minutes_quota_is_retryable() -> None:
    quota = {
        "@type": QUOTA_FAILURE,
        "violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"}],
    }
    error = fault(429, body(429, "RESOURCE_EXHAUSTED", "", quota, {"@type": RETRY_INFO, "retryDelay": "34.4s"}))
    assert (error.code, error.retryable, error.retry_after) == ("rate_limit_exceeded", True, 35)


def test_rule_106_a_429_in_a_5xx_envelope_is_a_rate_limit() -> None:
    assert isinstance(fault(503, body(429, "RESOURCE_EXHAUSTED")), RateLimitError)


@pytest.mark.parametrize(
    "answer",
    [
        body(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", {"reason": "API_KEY_INVALID"}),
        body(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key."),
        body(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
        body(403, "PERMISSION_DENIED", "Requests are blocked.", {"reason": "API_KEY_SERVICE_BLOCKED"}),
        body(403, "PERMISSION_DENIED", "Generative Language API has not been used.", {"reason": "SERVICE_DISABLED"}),
    ],
)
def test_a_rejected_key_is_an_error_of_the_operator_not_the_client(answer: dict[str, Any]) -> None:
    error = fault(answer["error"]["code"], answer)
    assert type(error) is UpstreamError
    assert (error.status, error.code, error.retryable) == (502, "upstream_authentication_failed", False)
    assert "operator" in error.message


@pytest.mark.parametrize("code", [400, 403])
def test_an_unsupported_location_is_mapped(code: int) -> None:
    error = fault(code, body(code, "FAILED_PRECONDITION", "User location is not supported for the API use."))
    assert isinstance(error, PermissionDeniedError)
    assert error.code == "unsupported_country_region_territory"


@pytest.mark.parametrize(
    "message",
    [
        "The input token count (1234567) exceeds the maximum number of tokens allowed (1048576).",
        "The input token count 1234567 exceeds the maximum number of tokens allowed 1048576.",
        "Unable to submit request because the input token count is 1234567 but model only supports up to 1048576.",
    ],
)
def test_a_too_long_context_has_both_numbers_in_the_error(message: str) -> None:
    error = invalid(message)
    assert (error.param, error.code) == ("messages", "context_length_exceeded")
    assert "1048576 tokens" in error.message
    assert "1234567 tokens" in error.message


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ("Penalty is not enabled for models/gemini-2.5-flash", "presence_penalty"),
        ("Multiple candidates is not enabled for this model", "n"),
        (
            "Thinking level MINIMAL is not supported for this model. Please retry with other thinking level.",
            "reasoning_effort",
        ),
        ("Budget 0 is invalid. This model only works in thinking mode.", "reasoning_effort"),
        ("You can only set only one of thinking budget and thinking level.", "reasoning_effort"),
        (
            "Forced function calling (ANY mode) with a response mime type: 'application/json' is unsupported",
            "response_format",
        ),
        ("Function calling with a response mime type: 'application/json' is unsupported", "response_format"),
        ("Cannot fetch content from the provided URL. Please ensure the URL is valid.", "messages"),
        ("* GenerateContentRequest.contents[3].parts[0].function_response.name: Name cannot be empty.\n", "messages"),
        ("* GenerateContentRequest.generation_config.stop_sequences: too many\n", "stop"),
        ("Invalid JSON payload received. Unknown name \"x\" at 'generation_config.top_p': Cannot find field.", "top_p"),
        (
            "Invalid JSON payload received. Unknown name \"x\" at 'tools[0].function': Cannot find field.",
            "tools",
        ),
        ('Invalid JSON payload received. Unknown name "store": Cannot find field.', None),
        ("Invalid value at 'generation_config.response_schema.type' (TYPE_ENUM), \"x\"", "response_format"),
        ("Function call is missing a thought_signature in functionCall parts.", "messages"),
        ("* GenerateContentRequest.generation_config.response_modalities: not supported\n", "modalities"),
        ("* GenerateContentRequest.generation_config.media_resolution: not supported\n", "google.media_resolution"),
        ("* GenerateContentRequest.service_tier: not supported\n", "service_tier"),
        ("Tool use with function calling is unsupported", "tools"),
        ("CachedContent not found (or permission denied)", "google.cached_content"),
        ("Something entirely new", None),
    ],
)
def test_known_errors_name_openais_parameter(message: str, param: str | None) -> None:
    error = invalid(message)
    assert isinstance(error, InvalidRequestError)
    assert error.param == param
    assert not error.retryable


TOO_MANY_STATES = (
    "The specified schema produces a constraint that has too many states for serving. Typical causes of this error are "
    "schemas with lots of text (for example, very long property or enum names), schemas with long array length limits "
    "(especially when nested), or schemas using complex value matchers (for example, integers or numbers with "
    "minimum/maximum bounds or strings with complex formats like date-time)"
)
WITH_FORMAT = b'{"generationConfig":{"responseJsonSchema":{}}}'
WITH_TOOLS = b'{"tools":[{"functionDeclarations":[{"parametersJsonSchema":{}}]}]}'
WITH_BOTH = WITH_FORMAT + WITH_TOOLS
WITH_PDF = b'{"inlineData":{"mimeType":"application/pdf","data":""}}'
BARE = "Request contains an invalid argument."


@pytest.mark.parametrize(
    ("message", "request_", "param", "code", "says"),
    [
        (
            "A schema in GenerationConfig in the request exceeds the maximum allowed nesting depth.",
            WITH_BOTH,
            "response_format",
            "invalid_json_schema",
            "nested more deeply",
        ),
        (
            "FunctionDeclaration 'SECRET' in the request exceeds the maximum allowed nesting depth.",
            WITH_BOTH,
            "tools",
            "invalid_function_parameters",
            "nested more deeply",
        ),
        (TOO_MANY_STATES, WITH_FORMAT, "response_format", "invalid_json_schema", "too complex"),
        (TOO_MANY_STATES, WITH_TOOLS, "tools", "invalid_function_parameters", "too complex"),
        (
            "The specified schema produces a constraint that has too much branching for serving. SECRET",
            WITH_BOTH,
            "response_format",
            "invalid_json_schema",
            "'response_format' or the schema of a function",
        ),
        (
            "reference to undefined schema at properties.SECRET.items",
            WITH_TOOLS,
            "tools",
            "invalid_function_parameters",
            "'$ref'",
        ),
        ("Duplicate function declaration found: SECRET", WITH_TOOLS, "tools", "invalid_function_parameters", "unique"),
        (
            "The GenerateContentRequest proto is invalid:\n  * tools[0].function_declarations: [FIELD_INVALID] "
            "At most 512 function declarations can be specified.",
            WITH_TOOLS,
            "tools",
            "array_above_max_length",
            "more functions",
        ),
        (
            "* GenerateContentRequest.generation_config.response_schema.properties[SECRET].max_items: too large\n",
            WITH_FORMAT,
            "response_format",
            "invalid_json_schema",
            "length bound",
        ),
        ("The document has no pages.", WITH_PDF, "messages", "invalid_file", "document"),
        ("Unable to process input pdf", WITH_PDF, "messages", "invalid_file", "document"),
        (BARE, WITH_FORMAT, "response_format", "invalid_json_schema", "cause is the schema of 'response_format'"),
        (BARE, WITH_TOOLS, "tools", "invalid_function_parameters", "cause is the schema of a function"),
        (BARE, WITH_PDF, "messages", "invalid_file", "cause is a document"),
        (BARE, WITH_FORMAT + WITH_PDF, "response_format", "invalid_json_schema", "an unreadable document"),
        (BARE, rb'{"text":"\"responseJsonSchema\":"}', None, None, "rejected the request as invalid"),
        (
            "The GenerateContentRequest proto is invalid:\n  * tools[0].function_declarations[5].name: [FIELD_INVALID] "
            "Invalid function name.",
            WITH_TOOLS,
            "tools",
            None,
            "tools[0].function_declarations[5].name",
        ),
    ],
)
def test_causes_in_the_request_are_named(
    message: str, request_: bytes, param: str | None, code: str | None, says: str
) -> None:
    answer = body(400, "INVALID_ARGUMENT", message)
    error = upstream_error(400, answer, {}, openai_model="gpt-4o", request=request_)
    assert isinstance(error, InvalidRequestError)
    assert (error.param, error.code) == (param, code)
    assert says in error.message
    assert "SECRET" not in error.message
    assert error.upstream_message == message


@pytest.mark.parametrize(
    ("code", "message", "param"),
    [
        (403, "CachedContent not found (or permission denied)", "google.cached_content"),
        (404, "Cached content cachedContents/SECRET is not found or expired", "google.cached_content"),
        (403, "You do not have permission to access the File SECRET or it may not exist.", "messages"),
    ],
)
def test_an_expired_upstream_file_is_named(code: int, message: str, param: str) -> None:
    error = fault(code, body(code, "PERMISSION_DENIED" if code == 403 else "NOT_FOUND", message))
    assert type(error) is NotFoundError
    assert error.param == param
    assert "SECRET" not in error.message


def test_field_violations_name_the_parameter_of_an_unknown_message() -> None:
    violations = [{"field": "nowhere"}, {"field": "generationConfig.maxOutputTokens", "description": "SECRET"}]
    error = invalid("New words", {"@type": BAD_REQUEST, "fieldViolations": violations})
    assert error.param == "max_completion_tokens"
    assert "SECRET" not in error.message


@pytest.mark.parametrize(
    "message",
    [
        "Invalid value at 'contents[0].parts[0].text' (TYPE_STRING), SECRET",
        "Invalid JSON payload received. Unknown name \"SECRET\" at 'contents[0]': Cannot find field.",
        '* GenerateContentRequest.contents[0].parts[0].text: "SECRET" is not allowed\n',
        "API key not valid: SECRET",
        "Thinking level SECRET is not supported for this model.",
        "SECRET",
    ],
)
@pytest.mark.parametrize("code", [200, 400, 403, 404, 429, 500, 503, 504])
def test_googles_text_never_reaches_the_client(message: str, code: int) -> None:
    for status in ("INVALID_ARGUMENT", "FAILED_PRECONDITION", ""):
        assert "SECRET" not in fault(code, body(code, status, message)).message


def test_a_corrupted_signature_has_its_own_error() -> None:
    assert is_corrupted_signature(invalid("Corrupted thought signature."))
    assert not is_corrupted_signature(invalid("Function call is missing a thought_signature in functionCall parts."))
    assert not is_corrupted_signature(fault(500))


def test_another_missing_resource_is_not_reported_as_the_model() -> None:
    error = fault(404, body(404, "NOT_FOUND", "CachedContent not found"))
    assert type(error) is NotFoundError


def test_a_request_too_large_for_google_is_mapped() -> None:
    message = "Request payload size exceeds the limit: 20971520 bytes."
    assert isinstance(invalid(message), PayloadTooLargeError)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"",
        b"<html>",
        "text",
        5,
        [],
        [5],
        {},
        {"error": None},
        {"error": "x"},
        {"error": {"code": "x", "status": 5}},
        {"error": {"code": True, "message": {}, "details": {"a": 1}}},
        {"error": {"details": [None, {"violations": [5]}]}},
        {"error": {"details": [{"violations": {}, "metadata": [], "reason": 5, "fieldViolations": "x"}]}},
    ],
)
@pytest.mark.parametrize("code", [200, 302, 400, 418, 429, 500, 503])
def test_bodies_of_any_shape_give_an_error_by_status(answer: Any, code: int) -> None:
    error = fault(code, answer)
    expected = {400: InvalidRequestError, 429: RateLimitError, 503: UpstreamOverloadedError}.get(code, UpstreamError)
    assert type(error) is expected
