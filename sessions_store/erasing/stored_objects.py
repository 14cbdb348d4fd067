"""Erasure of stored responses and chat completions with their items. `erasure` handles the tree."""

from collections.abc import Sequence

from sessions_store.models import StoredCompletion, StoredResponse
from sessions_store.state.items import release


def drop_stored(request_ids: Sequence[str]) -> None:
    """Erase the responses, completions and items stored by these requests. The caller opens the transaction."""
    rows = StoredResponse.objects.filter(request_id__in=request_ids).order_by("pk").select_for_update()
    lists = list(rows.values_list("input_items", "output_items"))
    if lists:
        release(key for inputs, outputs in lists for key in (*inputs, *outputs))
        StoredResponse.objects.filter(request_id__in=request_ids).delete()
    completions = StoredCompletion.objects.filter(request_id__in=request_ids).order_by("pk").select_for_update()
    held = list(completions.values_list("input_items", flat=True))
    if held:
        release(key for inputs in held for key in inputs or ())
        StoredCompletion.objects.filter(request_id__in=request_ids).delete()
