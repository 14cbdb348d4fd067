"""Conversations of OpenAI's Conversations API: a list of items, and a head in the transcript tree."""

from typing import ClassVar

from django.db import models


class Conversation(models.Model):
    """A conversation. The items are authoritative; `head` is a cached node of the transcript tree for the same
    messages.

    `head` is null after an edit of the items, or after two concurrent responses: the next response builds the messages
    from the items. Every change increments `version`.
    """

    public_id = models.CharField(max_length=64, unique=True, editable=False)
    principal = models.ForeignKey(
        "sessions_store.User", on_delete=models.PROTECT, related_name="conversations", db_index=False
    )
    head = models.ForeignKey(
        "sessions_store.Message",
        null=True,
        on_delete=models.DO_NOTHING,
        related_name="conversations",
        db_constraint=False,
        editable=False,
    )
    metadata = models.JSONField(default=dict)
    settings = models.TextField(default="[]", help_text="Instruction items of the conversation, as JSON.")
    version = models.IntegerField(default=0, editable=False)
    next_position = models.IntegerField(default=0, editable=False)
    created_at = models.DateTimeField()
    last_active_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]

    def __str__(self) -> str:
        return self.public_id


class ConversationItem(models.Model):
    """The position of an item in a conversation."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="items", db_index=False)
    position = models.IntegerField()
    item = models.ForeignKey("sessions_store.StoredItem", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["conversation", "position"], name="conversation_position_once"),
        ]

    def __str__(self) -> str:
        return str(self.position)
