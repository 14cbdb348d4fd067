"""Items of the Responses API, each stored once for any number of responses and conversations."""

from typing import ClassVar

from django.db import models


class StoredItem(models.Model):
    """One input or output item.

    `id` is a digest of principal and body, so a repeated history adds no row. `uses` counts the responses,
    conversations and completions that refer to the item; the row is deleted at 0 (`sessions_store.state.items`).
    """

    id = models.UUIDField(primary_key=True, editable=False)
    principal = models.ForeignKey("sessions_store.User", on_delete=models.PROTECT, related_name="+", db_index=False)
    item_id = models.CharField(max_length=256, help_text="Item id in the API.")
    body = models.TextField(help_text="Item as JSON.")
    uses = models.IntegerField(default=0, help_text="Number of references to the item.")

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["principal", "item_id"], name="item_by_id"),
        ]

    def __str__(self) -> str:
        return self.item_id
