"""Queries for the principals of requests."""

from sessions_store.models import User


def local_principal() -> tuple[int, bool]:
    """Return (id, memory): the built-in local principal, and whether its chat sessions are stored."""
    local = User.objects.local()
    return local.pk, local.memory
