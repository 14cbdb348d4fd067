"""Items in their stored and listed form: the API's full form, each with an id.

An item without an id gets one derived from the items before it, so that a client that sends its history again with each
request refers to, and stores, the same items.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import orjson

from api.exchange.responses.item_forms import id_prefix, whole_item
from api.exchange.responses.state_signer import state_signer
from api.translate.responses.carried_state import without_forged
from sessions_store.transcript.canonical import NodeKey
from sessions_store.writing.state_records import NewItem, new_item

Item = dict[str, Any]


def stored_items(principal_id: int, items: Iterable[Mapping[str, Any]], *, after: str) -> tuple[NewItem, ...]:
    """Return a request's items in their stored form; `after` names their predecessor (see `chain_start`)."""
    chain, signer = after.encode(), state_signer()
    stored = []
    for item in items:
        whole = without_forged(whole_item(item), signer)
        if not whole.get("id"):
            text = orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)
            chain = blake2b(chain + text, digest_size=24, key=principal_id.to_bytes(8, "big")).digest()
            whole = {"id": f"{id_prefix(whole['type'])}_{chain.hex()}", **whole}
        else:
            chain = blake2b(chain + whole["id"].encode(), digest_size=24).digest()
        stored.append(new_item(principal_id, whole))
    return tuple(stored)


def output_items(principal_id: int, items: Sequence[Mapping[str, Any]]) -> tuple[NewItem, ...]:
    """Return a response's output items in their stored form."""
    return tuple(new_item(principal_id, item) for item in items)


def chain_start(head: NodeKey | None, conversation: str = "") -> str:
    """Return the name of the predecessor of a request's items: a node, a conversation or nothing."""
    return f"{conversation}|{head or ''}"
