"""Looking up the principals that requests belong to."""

from sessions_store.models import User


def local_principal() -> tuple[int, bool]:
    """Return the id of the built-in local principal, and whether its chat sessions are remembered."""
    local = User.objects.local()
    return local.pk, local.memory
