"""The signer of state that clients of the Responses API send back: its key is derived from SECRET_KEY, the same in
every worker.
"""

import hmac
from functools import lru_cache
from typing import Final

from django.conf import settings

from api.translate.responses.carried_state import StateSigner

_PURPOSE: Final = b"gemini_gateway: state that clients carry"


def state_signer() -> StateSigner:
    """Return the signer of this installation."""
    return _signer(settings.SECRET_KEY)


@lru_cache(maxsize=1)
def _signer(secret_key: str) -> StateSigner:
    return StateSigner(hmac.digest(secret_key.encode(), _PURPOSE, "sha256"))
