"""The mapping of any exception to an error of the tree in `api.errors`, the only one: for HTTP responses, streams,
WebSocket frames and background responses. `api.openai.shared.error_body` encodes the error.
"""

import logging
from collections.abc import Callable
from typing import Any, Final

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404
from rest_framework import exceptions

from api.errors import (
    GatewayError,
    InternalError,
    InvalidRequestError,
    MethodNotAllowedError,
    NotFoundError,
    PayloadTooLargeError,
    StorageUnavailableError,
)
from sessions_store.writing.storage_health import storage_fault
from sessions_store.writing.store import StoreUnavailableError

logger = logging.getLogger(__name__)


def _method_not_allowed(exc: exceptions.MethodNotAllowed) -> GatewayError:
    return MethodNotAllowedError(f"Not allowed to {exc.args[0] if exc.args else 'use this method'} on this path.")


# Exceptions of other packages and of the store. The first matching row applies: RequestDataTooBig is a
# SuspiciousOperation, MethodNotAllowed and NotFound are APIExceptions.
_COUNTERPARTS: Final[tuple[tuple[tuple[type[BaseException], ...], Callable[[Any], GatewayError]], ...]] = (
    ((StoreUnavailableError,), lambda _: StorageUnavailableError()),
    ((exceptions.MethodNotAllowed,), _method_not_allowed),
    ((Http404, exceptions.NotFound), lambda _: NotFoundError("Not found.")),
    ((RequestDataTooBig,), lambda _: PayloadTooLargeError()),
    ((SuspiciousOperation, exceptions.APIException), lambda _: InvalidRequestError("The request is malformed.")),
)


def to_gateway_error(exc: BaseException) -> GatewayError:
    """Return `exc` itself if it is a GatewayError, else its counterpart in the tree.

    An exception without a counterpart is logged with its traceback and becomes a 500 that quotes none of it. An
    unavailable database becomes a 503; the store logs it.
    """
    if isinstance(exc, GatewayError):
        return exc
    for kinds, counterpart in _COUNTERPARTS:
        if isinstance(exc, kinds):
            return counterpart(exc)
    if storage_fault(exc) is not None:
        return StorageUnavailableError()
    logger.error("Unexpected error", exc_info=exc)
    return InternalError("The server had an error while processing your request.")
