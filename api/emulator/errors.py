"""Errors in the wording and the envelope of Google's REST API (google.rpc.Status).

See https://ai.google.dev/gemini-api/docs/troubleshooting and https://google.aip.dev/193.
"""

from typing import Any

STATUS_CODES = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "INTERNAL": 500,
}


class GoogleError(Exception):
    """An error with the canonical `status` name, Google's `message` and the `details` of google.rpc."""

    def __init__(self, message: str, *, status: str = "INVALID_ARGUMENT", details: list[Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.details = details

    @property
    def code(self) -> int:
        """The HTTP status of the canonical status."""
        return STATUS_CODES[self.status]

    def envelope(self) -> dict[str, Any]:
        """The JSON body: `{"error": {"code", "message", "status", "details"?}}`."""
        error: dict[str, Any] = {"code": self.code, "message": self.message, "status": self.status}
        if self.details:
            error["details"] = self.details
        return {"error": error}


class InvalidField(GoogleError):
    """An invalid value in a well-formed request, in the form `* Request.path: reason`."""

    def __init__(self, path: str, reason: str, *, request: str = "GenerateContentRequest") -> None:
        super().__init__(f"* {request}.{path}: {reason}\n")


def bad_request(violations: list[tuple[str, str]]) -> GoogleError:
    """Return the error of a body that does not match the schema: all violations, joined, and each as a field
    violation.
    """
    fields = [
        {"field": field, "description": description} if field else {"description": description}
        for field, description in violations
    ]
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": fields}]
    return GoogleError("\n".join(description for _, description in violations), details=details)


def model_not_found(model: str, method: str, version: str = "v1beta") -> GoogleError:
    """Return Google's 404 for a model that does not exist, is shut down, or does not support the method."""
    listing = "ModelService.ListModels" if method in {"generateContent", "streamGenerateContent"} else "ListModels"
    return GoogleError(
        f"models/{model} is not found for API version {version}, or is not supported for {method}. "
        f"Call {listing} to see the list of available models and their supported methods.",
        status="NOT_FOUND",
    )


def unregistered_caller() -> GoogleError:
    """Return Google's 403 for a request without a key."""
    return GoogleError(
        "Method doesn't allow unregistered callers (callers without established identity). "
        "Please use API Key or other form of API consumer identity to call this API.",
        status="PERMISSION_DENIED",
    )
