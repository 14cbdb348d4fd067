"""Stored responses of the Responses API, and the events of background responses."""

from typing import ClassVar

from django.db import models

from sessions_store.writing.state_records import ACTIVE


class StoredResponse(models.Model):
    """A response: two nodes of the transcript tree, the object without its items, and the ids of the items.

    `answer` is the node that `previous_response_id` continues from. For a background response, `worker` and
    `heartbeat_at` identify the process that runs it: without a recent heartbeat the response has failed.
    """

    class Status(models.TextChoices):
        """OpenAI's values."""

        QUEUED = "queued", "queued"
        IN_PROGRESS = "in_progress", "in progress"
        COMPLETED = "completed", "completed"
        INCOMPLETE = "incomplete", "incomplete"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"

    public_id = models.CharField(max_length=64, unique=True, editable=False)
    principal = models.ForeignKey(
        "sessions_store.User", on_delete=models.PROTECT, related_name="stored_responses", db_index=False
    )
    request_id = models.CharField(max_length=100, db_index=True, help_text="Request id of the usage record.")
    previous_id = models.CharField(max_length=64, blank=True, help_text="Previous response.")
    conversation = models.ForeignKey(
        "sessions_store.Conversation",
        null=True,
        on_delete=models.SET_NULL,
        related_name="responses",
        db_constraint=False,  # a response may outlive its conversation
    )
    status = models.CharField(max_length=20, choices=Status.choices)
    background = models.BooleanField(default=False)
    model = models.CharField(max_length=200)
    user = models.CharField("end user", max_length=256, blank=True, help_text="Value of the “user” field.")
    # No constraints on nodes, as in usage records: the deletion of a node would search every table that refers to
    # nodes.
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
        related_name="responses",
        db_constraint=False,
        help_text="Message that a next response continues from.",
    )
    body = models.TextField(help_text="Response as JSON, without the output.")
    input_items = models.JSONField(default=list, help_text="Ids of the input items of the request, in order.")
    output_items = models.JSONField(default=list, help_text="Ids of the output items, in order.")
    settings = models.TextField(
        default="[]", help_text="Instruction items of the conversation up to this response, as JSON."
    )
    created_at = models.DateTimeField(db_index=True)
    completed_at = models.DateTimeField(null=True)
    worker = models.CharField(max_length=40, blank=True, editable=False)
    heartbeat_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = "response"
        ordering: ClassVar[list[str]] = ["-id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["heartbeat_at"],
                condition=models.Q(status__in=ACTIVE),
                name="response_running",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id


class ResponseEvents(models.Model):
    """A batch of the events of a background response, for clients that reconnect to its stream."""

    response = models.ForeignKey(StoredResponse, on_delete=models.CASCADE, related_name="events", db_index=False)
    first = models.IntegerField(help_text="First sequence number.")
    last = models.IntegerField(help_text="Last sequence number.")
    body = models.TextField(help_text="Events, one JSON object per line.")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["response", "first"], name="response_events_once"),
        ]

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"
