"""The transcript tree: each message stored once, found by the hash of its principal, its parent and its content."""

from typing import ClassVar

from django.db import models


class Message(models.Model):
    """A node of the transcript tree, with both faces: OpenAI's message and Gemini's content exactly as it was.

    `key` is the digest that `sessions_store.transcript.reading` computes, so that the same message after the same
    history is the same row. Other tables name a node by its `id`, which grows with time: their indexes then grow at the
    end (docs/decisions/0018). Nodes are removed by `chat_sessions.forget` only, which knows what else still needs them.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    # Never null: only so that SQLite could add the column without copying the table.
    key = models.UUIDField(null=True, editable=False)
    principal = models.ForeignKey("sessions_store.User", on_delete=models.PROTECT, related_name="+", db_index=False)
    parent = models.ForeignKey("self", null=True, on_delete=models.DO_NOTHING, related_name="children")
    depth = models.IntegerField(help_text="0 for the first message of a conversation.")
    role = models.CharField(max_length=20, help_text="OpenAI's role.")
    openai = models.TextField(help_text="The OpenAI message as JSON.")
    gemini = models.TextField(blank=True, help_text="The Gemini content as JSON, thought signatures included.")
    model = models.CharField(max_length=200, blank=True, help_text="The upstream model that wrote it.")
    account = models.CharField(
        max_length=40, blank=True, default="", help_text="Whose Gemini account signed it; signatures hold for it only."
    )
    former_gemini = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text="The Gemini content of the same answer as another model or account had given it before.",
    )
    former_model = models.CharField(max_length=200, blank=True, default="", db_default="")
    former_account = models.CharField(max_length=40, blank=True, default="", db_default="")
    tokens = models.IntegerField(default=0, help_text="Approximate size in tokens, for the budget of a session.")
    instructions = models.UUIDField(
        null=True,
        editable=False,
        help_text="The nearest system message at or above this one: a shortened history keeps its instructions.",
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["key"], condition=models.Q(key__isnull=False), name="message_once"),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.id}"


class ToolCall(models.Model):
    """Which message made a tool call: the second key by which stored thought signatures are found."""

    principal = models.ForeignKey("sessions_store.User", on_delete=models.PROTECT, related_name="+", db_index=False)
    call_id = models.CharField(max_length=256)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="tool_calls")
    position = models.IntegerField(help_text="Which of the message's tool calls, from 0.")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["principal", "call_id"], name="tool_call_once"),
        ]

    def __str__(self) -> str:
        return self.call_id
