"""Rate limits, and the heartbeats by which the workers share them."""

from typing import ClassVar

from django.db import models

from sessions_store.models.access.subject import Subject, once_per_subject, one_subject


def _limit(name: str, help_text: str) -> "models.PositiveBigIntegerField[int | None, int | None]":
    return models.PositiveBigIntegerField(name, null=True, blank=True, help_text=help_text)


class RateLimit(Subject):
    """The limits of one subject, for all models or for the models of one pattern. An empty limit does not apply."""

    requests_per_minute = _limit("requests per minute", "Requests per minute (RPM).")
    requests_per_day = _limit("requests per day", "Requests per day (RPD).")
    tokens_per_minute = _limit("tokens per minute", "Tokens of prompts and responses per minute (TPM).")
    tokens_per_day = _limit("tokens per day", "Tokens of prompts and responses per day (TPD).")
    images_per_minute = _limit("images per minute", "Generated images per minute.")
    concurrent_requests = _limit("concurrent requests", "Requests that run at the same time.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            one_subject("rate_limit_has_one_subject"),
            *once_per_subject("rate_limit"),
        ]

    def __str__(self) -> str:
        subject = self.subject
        return " ".join(filter(None, (self.scope, "" if subject is None else str(subject), self.model_pattern)))


class Worker(models.Model):
    """A running process of the gateway; without a recent heartbeat the process has ended."""

    name = models.CharField(max_length=40, primary_key=True)
    started_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.name
