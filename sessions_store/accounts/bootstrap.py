"""Keys that the environment of the server names: each start ensures that they exist."""

from django.db import transaction

from sessions_store.accounts.issuing import NewKey, close_keyless, create_key
from sessions_store.accounts.key_form import PREFIXES, Kind, digest, is_key
from sessions_store.models import Key, Organization, Project, User
from sessions_store.models.access.project import DEFAULT_PROJECT

OWNER = "bootstrap"


def key_problem(key: str, kind: Kind) -> str:
    """Return why a given key is not acceptable, "" if it is. The form has 190 random bits, so it cannot be guessed."""
    if is_key(key) and key.startswith(PREFIXES[kind]):
        return ""
    return f"is not {'an admin' if kind == 'admin' else 'a client'} key of this gateway"


@transaction.atomic
def ensure_key(key: str, kind: Kind) -> bool:
    """Store a given key unless it is stored already, in the default project; return whether it was stored now.

    A key that an operator has revoked stays revoked. Raises IssuingError.
    """
    if Key.objects.filter(digest=digest(key)).exists():
        if kind == "client":
            close_keyless()
        return False
    owner = User.objects.filter(username=OWNER).first()
    if owner is None:
        owner = User(username=OWNER, kind=User.Kind.SERVICE, first_name="Keys of the environment")
        owner.set_unusable_password()
        owner.save()
    admin = kind == "admin"
    project = None if admin else Project.objects.get(public_id=DEFAULT_PROJECT)
    create_key(NewKey(name=f"bootstrap {kind} key", principal=owner, project=project, admin=admin), secret=key)
    return True


def is_keyed() -> bool:
    """Return whether requests without a key are rejected because a key exists or existed."""
    return Organization.objects.filter(keyed_at__isnull=False).exists()
