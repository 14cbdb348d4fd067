"""A check of the Gemini key at start: the log reports a wrong key or an unreachable Gemini before the first request.

The check is free of charge and runs in the background.
"""

import asyncio
import logging

from django.conf import settings

from api.errors import GatewayError, UpstreamTimeoutError, UpstreamUnreachableError
from api.gemini.client import GeminiClient
from api.gemini.error_mapping import KEY_REJECTED

logger = logging.getLogger(__name__)


def begin_key_check(client: GeminiClient) -> "asyncio.Task[None] | None":
    """Start the check if an API key is configured; the caller stores the returned task."""
    if settings.GEMINI_UPSTREAM != "gemini":
        return None
    return asyncio.ensure_future(check_key(client))


async def check_key(client: GeminiClient) -> None:
    """Request one model of the list and log a problem for the operator."""
    try:
        await client.list_models()
    except (UpstreamUnreachableError, UpstreamTimeoutError):
        logger.warning("Gemini cannot be reached. Check the network (DNS, proxy, firewall). Requests fail until then")
    except GatewayError as error:
        if error.code == KEY_REJECTED:
            logger.error("Gemini rejects the API key. Requests fail until GEMINI_API_KEY is valid")
        else:
            logger.warning("Gemini returned an error to the key test: %s", error.message)
    else:
        logger.info("Gemini accepts the API key")
