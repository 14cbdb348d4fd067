"""Stored chat completions (`store: true`)."""

from typing import ClassVar

from django.db import models


class StoredCompletion(models.Model):
    """A chat completion. Its messages are nodes of the transcript tree; stored items hold them exactly as sent."""

    public_id = models.CharField(max_length=64, unique=True, editable=False)
    principal = models.ForeignKey(
        "sessions_store.User", on_delete=models.PROTECT, related_name="stored_completions", db_index=False
    )
    request_id = models.CharField(max_length=100, db_index=True, help_text="Request id of the usage record.")
    model = models.CharField(max_length=200)
    user = models.CharField("end user", max_length=256, blank=True, help_text="Value of the “user” field.")
    metadata = models.JSONField(default=dict)
    message = models.ForeignKey(
        "sessions_store.Message",
        null=True,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
        help_text="Last message of the request.",
    )
    answer = models.ForeignKey(
        "sessions_store.Message",
        null=True,
        on_delete=models.DO_NOTHING,
        related_name="stored_completions",
        db_constraint=False,
        help_text="Message of the first choice.",
    )
    message_count = models.IntegerField(default=0, help_text="Number of messages in the request.")
    # Null in rows older than this column: their messages are read from the tree.
    input_items = models.JSONField(
        null=True, blank=True, help_text="Item ids of the messages of the request, in order."
    )
    body = models.TextField(help_text="Chat completion as JSON.")
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = "stored completion"
        ordering: ClassVar[list[str]] = ["-id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["principal", "id"], name="completion_of_principal"),
        ]

    def __str__(self) -> str:
        return self.public_id
