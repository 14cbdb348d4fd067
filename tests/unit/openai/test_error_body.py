"""Errors have OpenAI's form, and headers that control the SDKs' retries."""

import pytest

from api.errors import (
    AuthenticationError,
    GatewayError,
    InternalError,
    InvalidRequestError,
    ModelNotFoundError,
    RateLimitError,
    UpstreamOverloadedError,
)
from api.openai.shared.error_body import error_body, error_headers


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            InvalidRequestError("Bad.", param="n", code="invalid_value"),
            {"message": "Bad.", "type": "invalid_request_error", "param": "n", "code": "invalid_value"},
        ),
        (
            ModelNotFoundError("None.", param="model"),
            {"message": "None.", "type": "invalid_request_error", "param": "model", "code": "model_not_found"},
        ),
        (
            AuthenticationError("No."),
            {"message": "No.", "type": "invalid_request_error", "param": None, "code": "invalid_api_key"},
        ),
        (InternalError("Oh."), {"message": "Oh.", "type": "server_error", "param": None, "code": None}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_error_body_has_openais_form(error: GatewayError, expected: dict[str, str | None]) -> None:
    assert error_body(error) == {"error": expected}


@pytest.mark.parametrize(
    ("error", "headers"),
    [
        (InternalError("Oh."), {}),
        (RateLimitError("Slow.", retry_after=7), {"Retry-After": "7"}),
        (UpstreamOverloadedError("Full.", retry_after=0), {"Retry-After": "1"}),
        (RateLimitError("Never.", retryable=False), {"x-should-retry": "false"}),
        (
            RateLimitError("Tomorrow.", retry_after=90_000, retryable=False),
            {"Retry-After": "90000", "x-should-retry": "false"},
        ),
    ],
    ids=str,
)
def test_the_error_headers_control_retries(error: GatewayError, headers: dict[str, str]) -> None:
    assert error_headers(error) == headers
