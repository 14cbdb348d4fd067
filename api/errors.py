"""Every failure that a client can see. Plain Python: no Django, no wire; `api.views` renders them in one place.

GatewayError
├── InvalidRequestError            400  the request's own fault; names the parameter
├── AuthenticationError            401
├── PermissionDeniedError          403
├── NotFoundError                  404
│   └── ModelNotFoundError         404  code model_not_found
├── MethodNotAllowedError          405
├── RequestTimeoutError            408  code request_timeout
├── PayloadTooLargeError           413
├── UnsupportedMediaTypeError      415
│   └── UnsupportedCodingError     415  tells the codings that are accepted
├── RateLimitError                 429  may carry retry_after (whole seconds)
│   └── QuotaExceededError         429  code insufficient_quota
├── InternalError                  500
│   └── StorageUnavailableError    503  code storage_unavailable; carries retry_after
├── OverloadedError                503  code gateway_overloaded; carries retry_after
├── ShuttingDownError              503  code server_shutting_down
└── UpstreamError                  502  Gemini's side
    ├── UpstreamOverloadedError    503  may carry retry_after
    │   └── UpstreamUnreachableError 503  code upstream_unreachable
    └── UpstreamTimeoutError       504

Messages never hold an upstream body, a key or prompt text. Types and codes are OpenAI's own
(https://platform.openai.com/docs/guides/error-codes).
"""

from typing import ClassVar


class GatewayError(Exception):
    """A failure with its OpenAI face.

    `status` is the HTTP status; `type`, `code`, `param` and `message` fill OpenAI's error object; `retry_after` are
    whole seconds for the `Retry-After` header; `retryable=False` sends `x-should-retry: false`.
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    default_code: ClassVar[str | None] = None
    # Google's own sentence, for the record and the log: it quotes the request.
    upstream_message: str = ""

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
        retryable: bool = True,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code if code is not None else self.default_code
        self.retry_after = retry_after
        self.retryable = retryable


class InvalidRequestError(GatewayError):
    """The request cannot be served as it stands; `param` names the culprit where there is one."""

    status = 400
    type = "invalid_request_error"


class AuthenticationError(GatewayError):
    """No credential where one is needed, or a wrong one."""

    status = 401
    type = "invalid_request_error"
    default_code = "invalid_api_key"


class PermissionDeniedError(GatewayError):
    """The caller is known, or cannot become known, and may not do this."""

    status = 403
    type = "permission_error"


class NotFoundError(GatewayError):
    """Nothing is here for this caller: the same answer for a missing thing and for somebody else's."""

    status = 404
    type = "invalid_request_error"


class ModelNotFoundError(NotFoundError):
    """No mapping and no catalogue row knows the model's name."""

    default_code = "model_not_found"


class MethodNotAllowedError(GatewayError):
    """The path exists, the method does not."""

    status = 405
    type = "invalid_request_error"
    default_code = "method_not_allowed"


class RequestTimeoutError(GatewayError):
    """The request body did not arrive within the time limit of this server."""

    status = 408
    type = "invalid_request_error"
    default_code = "request_timeout"

    def __init__(self) -> None:
        super().__init__("The request body did not arrive in time.")


class PayloadTooLargeError(GatewayError):
    """The request body is larger than the limit of this server."""

    status = 413
    type = "invalid_request_error"
    default_code = "request_too_large"

    def __init__(
        self, message: str = "The request body is larger than the limit of this server.", *, retryable: bool = True
    ) -> None:
        super().__init__(message, retryable=retryable)


class UnsupportedMediaTypeError(GatewayError):
    """The body is not declared as JSON: a web page could have sent it without asking its user."""

    status = 415
    type = "invalid_request_error"
    default_code = "unsupported_media_type"


class UnsupportedCodingError(UnsupportedMediaTypeError):
    """The body is compressed in a way that this server does not know; the header `Accept-Encoding` lists the others."""

    default_code = "unsupported_content_encoding"

    def __init__(self, accepted: str) -> None:
        super().__init__(f"Unsupported 'Content-Encoding': supported codings are {accepted}.")
        self.accepted = accepted


class RateLimitError(GatewayError):
    """Too many requests, ours or Gemini's limit."""

    status = 429
    type = "rate_limit_error"
    default_code = "rate_limit_exceeded"


class QuotaExceededError(RateLimitError):
    """Gemini's quota of the day is used up, or there is none: asking again does not help."""

    type = "insufficient_quota"
    default_code = "insufficient_quota"


class InternalError(GatewayError):
    """A fault of this server."""


class StorageUnavailableError(InternalError):
    """The gateway's database takes no records at present, so nothing is asked of Gemini, or given out."""

    status = 503
    type = "service_unavailable_error"
    default_code = "storage_unavailable"

    def __init__(self) -> None:
        super().__init__("The server cannot record requests at the moment. Please try again.", retry_after=1)


class OverloadedError(GatewayError):
    """Requests of other clients fill the memory that this server gives to requests."""

    status = 503
    type = "service_unavailable_error"
    default_code = "gateway_overloaded"

    def __init__(self) -> None:
        super().__init__(
            "This gateway is at its limit for bytes of concurrent requests. Please try again.", retry_after=1
        )


class ShuttingDownError(GatewayError):
    """This server takes nothing new any more."""

    status = 503
    type = "service_unavailable_error"
    default_code = "server_shutting_down"


class UpstreamError(GatewayError):
    """Gemini answered something that is no answer, or broke off."""

    status = 502
    type = "server_error"
    default_code = "upstream_error"


class UpstreamOverloadedError(UpstreamError):
    """Gemini is overloaded or down for now."""

    status = 503
    type = "service_unavailable_error"
    default_code = "server_is_overloaded"


class UpstreamUnreachableError(UpstreamOverloadedError):
    """No connection to Gemini comes about: this server's network, or an address that nobody listens at."""

    default_code = "upstream_unreachable"


class UpstreamTimeoutError(UpstreamError):
    """Gemini took longer than the deadline."""

    status = 504
    default_code = "upstream_timeout"
