"""Callers for tests without HTTP."""

from sessions_store.accounts.access import Caller


def local_caller(principal_id: int) -> Caller:
    """Return the caller of a request without a key."""
    return Caller(principal_id=principal_id, owner_id=principal_id, project_id=1, project="proj_default")
