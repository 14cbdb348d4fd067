"""Items of the Responses API, each stored once however many responses and conversations hold it."""

from typing import ClassVar

from django.db import models


class StoredItem(models.Model):
    """One item as it was sent or given out.

    `id` is a digest over principal and body, so that a client that sends its history again adds nothing. `uses` counts
    the places that hold the item; the row goes with the last of them (`sessions_store.state.items`).
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
