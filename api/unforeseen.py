"""The last answer to an exception that nobody foresaw: logged with its trace, told without a word of it."""

import logging

from api.errors import GatewayError, InternalError

logger = logging.getLogger(__name__)


def gateway_error(exc: BaseException) -> GatewayError:
    """Return `exc` itself if it is ours; log anything else and return a plain 500 for it."""
    if isinstance(exc, GatewayError):
        return exc
    logger.error("unforeseen failure", exc_info=exc)
    return InternalError("The server had an error while processing your request.")
