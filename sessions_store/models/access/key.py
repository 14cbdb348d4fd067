"""Client keys and admin keys. A row has the SHA-256 of its key, never the key."""

from collections.abc import Mapping
from typing import ClassVar

from django.db import models
from django.utils import timezone

from sessions_store.models.access.project import new_public_id, validate_policy


def new_key_id() -> str:
    """Return the public id of a new key."""
    return new_public_id("key")


class Key(models.Model):
    """A key of one principal: a client key for `/v1` within one project, or an admin key for `/v1/organization`.

    A successor (`successor`) shares the policy of the key that it replaces. `revoked_at` rejects new requests;
    `cut_at` also ends the running ones.
    """

    class Kind(models.TextChoices):
        """The two kinds; neither can do what the other does."""

        CLIENT = "client", "client key"
        ADMIN = "admin", "admin key"

    public_id = models.CharField(max_length=40, unique=True, default=new_key_id, editable=False)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.CLIENT, editable=False)
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256 of the key, hexadecimal.")
    redacted_value = models.CharField(max_length=60, editable=False)
    principal = models.ForeignKey(
        "sessions_store.User", on_delete=models.PROTECT, related_name="keys", verbose_name="owner"
    )
    project = models.ForeignKey(
        "sessions_store.Project", null=True, blank=True, on_delete=models.PROTECT, related_name="keys"
    )
    policy = models.JSONField(default=dict, blank=True, validators=[validate_policy])
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    cut_at = models.DateTimeField(null=True, blank=True, editable=False)
    successor = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="predecessors", editable=False
    )
    created_by = models.ForeignKey(
        "sessions_store.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_from = models.CharField(max_length=64, blank=True, editable=False, help_text="Address of the client.")

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="key_has_project",
                condition=models.Q(kind="client", project__isnull=False) | models.Q(kind="admin", project__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.redacted_value})"

    @property
    def state(self) -> str:
        """`active`, `expired`, `revoked` or `inactive` (its owner or its project is not active)."""
        now = timezone.now()
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        if not self.principal.is_active or (self.project is not None and self.project.archived_at is not None):
            return "inactive"
        return "active"


def successors_of_keys() -> dict[int, int]:
    """Return the successor of each rotated key, by the ids."""
    replaced = Key.objects.order_by().exclude(successor=None).values_list("pk", "successor_id")
    return {key: successor for key, successor in replaced if successor is not None}


def with_successors(key_id: int, successors: Mapping[int, int]) -> tuple[int, ...]:
    """Return the id of a key and those of its successors: its limits and budgets count their requests too."""
    ids = [key_id]
    while (successor := successors.get(ids[-1])) and successor not in ids:
        ids.append(successor)
    return tuple(ids)


def with_predecessors(key_id: int) -> list[int]:
    """Return the id of a key and those of the keys that it replaces: their limits and budgets count its requests."""
    ids, newest = [key_id], [key_id]
    while newest:
        replaced = Key.objects.order_by().filter(successor__in=newest).exclude(pk__in=ids)
        newest = list(replaced.values_list("pk", flat=True))
        ids += newest
    return ids
