"""BOOTSTRAP_CLIENT_KEY and BOOTSTRAP_ADMIN_KEY: keys that exist from the first start, for deployments by script."""

import logging
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError

from sessions_store.accounts.bootstrap import ensure_key, key_problem

if TYPE_CHECKING:
    from sessions_store.accounts.key_form import Kind

logger = logging.getLogger(__name__)


def bootstrap_keys() -> "list[tuple[Kind, str]]":
    """Return the kind and the text of each key in the settings."""
    given: list[tuple[Kind, str]] = [
        ("client", settings.BOOTSTRAP_CLIENT_KEY),
        ("admin", settings.BOOTSTRAP_ADMIN_KEY),
    ]
    return [(kind, key) for kind, key in given if key]


def bootstrap_problems() -> list[str]:
    """Return the reasons for which keys of the settings are not acceptable, without the keys."""
    problems = []
    for kind, key in bootstrap_keys():
        if problem := key_problem(key, kind):
            problems.append(f"BOOTSTRAP_{kind.upper()}_KEY {problem}.")
    return problems


def ensure_bootstrap_keys() -> None:
    """Store the keys of the settings unless they are stored already; gateway.E018 reports invalid ones before."""
    for kind, key in bootstrap_keys():
        try:
            stored = ensure_key(key, kind)
        except IntegrityError:  # another worker has stored the same key
            stored = False
        if stored:
            logger.info("The %s key of the environment is stored", kind)
