"""The subject of a rate limit or a budget: the gateway, a project, a principal or a key."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models


class Scope(models.TextChoices):
    """The kinds of subjects, from the largest to the smallest."""

    GATEWAY = "gateway", "gateway"
    PROJECT = "project", "project"
    PRINCIPAL = "principal", "account"
    KEY = "key", "key"


def one_subject(name: str) -> models.CheckConstraint:
    """Return the constraint that a row names its subject, and only its subject."""
    absent = {"project__isnull": True, "principal__isnull": True, "key__isnull": True}
    condition = models.Q(scope=Scope.GATEWAY.value, **absent)
    for scope in (Scope.PROJECT.value, Scope.PRINCIPAL.value, Scope.KEY.value):
        condition |= models.Q(scope=scope, **{**absent, f"{scope}__isnull": False})
    return models.CheckConstraint(name=name, condition=condition)


def once_per_subject(name: str) -> list[models.UniqueConstraint]:
    """Return the constraints that a subject has one row per model pattern."""
    constraints = []
    for scope in Scope:
        column = [] if scope is Scope.GATEWAY else [scope.value]
        constraints.append(
            models.UniqueConstraint(
                fields=[*column, "model_pattern"],
                condition=models.Q(scope=scope.value),
                name=f"{name}_once_per_{scope.value}",
            )
        )
    return constraints


class Subject(models.Model):
    """The columns that name a subject. `model_pattern` restricts a row to public models; empty: all models."""

    scope = models.CharField(max_length=10, choices=Scope.choices)
    project = models.ForeignKey(
        "sessions_store.Project", null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    principal = models.ForeignKey(
        "sessions_store.User",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name="account",
    )
    key = models.ForeignKey("sessions_store.Key", null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    model_pattern = models.CharField(
        "model",
        max_length=200,
        blank=True,
        help_text="Requested model, or a pattern with * and ?. Empty: all models together.",
    )

    class Meta:
        abstract = True

    def clean(self) -> None:
        """Raise ValidationError unless the row names exactly the subject of its scope."""
        super().clean()
        for scope in (Scope.PROJECT.value, Scope.PRINCIPAL.value, Scope.KEY.value):
            named = getattr(self, f"{scope}_id") is not None
            if named and scope != self.scope:
                raise ValidationError({scope: "Leave this empty for the chosen scope."})
            if not named and scope == self.scope:
                raise ValidationError({scope: "Required for the chosen scope."})

    @property
    def subject(self) -> Any:
        """The project, principal or key; None for the gateway."""
        return None if self.scope == Scope.GATEWAY.value else getattr(self, self.scope)
