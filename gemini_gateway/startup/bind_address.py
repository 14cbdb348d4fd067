"""The rule for listening on a public address: only if requests without a key are rejected."""

import contextlib

from django.conf import settings
from django.db import DatabaseError

from api.auth.loopback import is_loopback_host
from sessions_store.accounts.bootstrap import is_keyed

ADVICE = (
    "Create a client key first (manage.py create_key --name NAME), or set REQUIRE_KEY=1, or listen on loopback "
    "(HOST=127.0.0.1). ALLOW_INSECURE_KEYLESS=1 is for a port that only a proxy with authentication can reach."
)


def keyless_is_closed() -> bool:
    """Return whether requests without a key are rejected: by REQUIRE_KEY, or because a key exists in the database."""
    with contextlib.suppress(DatabaseError):
        return settings.REQUIRE_KEY or is_keyed()
    return False


def exposure_problem(host: str) -> str:
    """Return the reason that forbids listening on `host`, or ""."""
    if is_loopback_host(host) or settings.ALLOW_INSECURE_KEYLESS or keyless_is_closed():
        return ""
    return f"Anyone who can reach {host} could use this server without a key."
