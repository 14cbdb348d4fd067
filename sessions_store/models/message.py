"""The transcript tree: each message is stored once, under the digest of its principal, its
ancestors and its content.
"""

from typing import ClassVar

from django.db import models


class Message(models.Model):
    """A node of the transcript tree, in both forms: OpenAI's message, and Gemini's content unchanged.

    `key` is the digest of `sessions_store.transcript.canonical`: equal messages after equal histories are one row.
    Other tables refer to a node by its `id`, which increases with time, so their indexes grow at the end
    (docs/decisions/0018). Only `sessions_store.erasing.erasure` deletes nodes.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    # Never null; nullable because SQLite would copy the table to add a column without a default.
    key = models.UUIDField(null=True, editable=False)
    principal = models.ForeignKey("sessions_store.User", on_delete=models.PROTECT, related_name="+", db_index=False)
    parent = models.ForeignKey("self", null=True, on_delete=models.DO_NOTHING, related_name="children")
    depth = models.IntegerField(help_text="0 for the first message of a conversation.")
    role = models.CharField(max_length=20, help_text="OpenAI's role.")
    openai = models.TextField(help_text="OpenAI message as JSON.")
    gemini = models.TextField(blank=True, help_text="Gemini content as JSON, including thought signatures.")
    model = models.CharField(max_length=200, blank=True, help_text="Gemini model that wrote the message.")
    account = models.CharField(
        max_length=40, blank=True, default="", help_text="Gemini account of the thought signatures."
    )
    former_gemini = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text="Earlier Gemini content of the same message, from another model or account.",
    )
    former_model = models.CharField(max_length=200, blank=True, default="", db_default="")
    former_account = models.CharField(max_length=40, blank=True, default="", db_default="")
    tokens = models.IntegerField(default=0, help_text="Estimated number of tokens, for the token limit of a session.")
    instructions = models.UUIDField(
        null=True,
        editable=False,
        help_text="Nearest system message at or above this message: a truncated history keeps the instructions.",
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["key"], condition=models.Q(key__isnull=False), name="message_once"),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.id}"


class ToolCall(models.Model):
    """The message of a tool call: the second way to find stored thought signatures."""

    principal = models.ForeignKey("sessions_store.User", on_delete=models.PROTECT, related_name="+", db_index=False)
    call_id = models.CharField(max_length=256)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="tool_calls")
    position = models.IntegerField(help_text="Index of the tool call in the message, from 0.")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["principal", "call_id"], name="tool_call_once"),
        ]

    def __str__(self) -> str:
        return self.call_id


class CallSignature(models.Model):
    """The thought signature of a tool call whose message is not stored, because its key stores metadata only.

    `sealed` is the encrypted signature; `model` and `account` say where the signature is valid. A row is used and kept
    for 24 hours.
    """

    principal = models.ForeignKey("sessions_store.User", on_delete=models.PROTECT, related_name="+", db_index=False)
    call_id = models.CharField(max_length=256)
    sealed = models.BinaryField(editable=False)
    model = models.CharField(max_length=200)
    account = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["principal", "call_id"], name="call_signature_once"),
        ]

    def __str__(self) -> str:
        return self.call_id
