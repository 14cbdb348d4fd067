"""The last answer to an exception that nobody foresaw: logged with its trace, told without a word of it. A database
that takes or gives nothing is foreseen, and logged by the store.
"""

import logging

from api.errors import GatewayError, InternalError, StorageUnavailableError
from sessions_store.recording import StoreUnavailableError, report_fault

logger = logging.getLogger(__name__)


def gateway_error(exc: BaseException) -> GatewayError:
    """Return `exc` itself if it is ours, or the 503 of a database that is not available; log anything else and return
    a plain 500 for it.
    """
    if isinstance(exc, GatewayError):
        return exc
    if isinstance(exc, StoreUnavailableError) or report_fault(exc):
        return StorageUnavailableError()
    logger.error("Unexpected error", exc_info=exc)
    return InternalError("The server had an error while processing your request.")
