"""Expands compaction items of this server in a list of items.

A compaction item replaces everything before it, whether the client still sends these items or not. Instructions and
settings are the exception: the client's own ones, if any, are newer than the carried ones.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from api.errors import InvalidRequestError
from api.openai.responses.items import item_type
from api.openai.responses.request import InputTokensRequest
from api.translate.responses.carried_state import CarriedConversation, StateSigner, unpack_conversation
from sessions_store.transcript.values import INSTRUCTION_ROLES

Item = Mapping[str, Any]
Placed = tuple[Item, str]
# Items with settings of the response, read by `responses_to_gemini`.
SETTINGS: Final = frozenset({"additional_tools", "configuration_update", "tool_search_output"})


def expanded(items: Sequence[Item], signer: StateSigner) -> list[Placed]:
    """Return the effective items, each with its path; the verbatim items of a compaction follow the compaction item.

    Items before the last whole compaction are left out, except instructions and settings.
    """
    placed = [(item, f"input[{index}]") for index, item in enumerate(items)]
    for index in range(len(items) - 1, -1, -1):
        if items[index].get("type") == "compaction":
            carried = unpack_conversation(items[index]["encrypted_content"], signer)
            if carried is not None and carried.whole and (read := _replaced(placed, index, carried)) is not None:
                return read
    return placed


def instruction_of(item: Item) -> Item | None:
    """Return the instruction or the settings in an item; None for any other item.

    The tools of a tool search result are declared without the search.
    """
    kind = item_type(dict(item))
    if kind == "tool_search_output":
        return {"type": "additional_tools", "tools": item["tools"]}
    return item if kind in SETTINGS or (kind == "message" and item["role"] in INSTRUCTION_ROLES) else None


def _replaced(placed: list[Placed], index: int, carried: CarriedConversation) -> list[Placed] | None:
    """Return the items with a compaction instead of the earlier ones; None if this release cannot read its items."""
    own = [(instruction, path) for item, path in placed[:index] if (instruction := instruction_of(item)) is not None]
    item, path = placed[index]
    try:
        rules = own or [(instruction, path) for instruction in _checked(carried.rules)]
        latest = [(kept, path) for kept in _checked(carried.latest)]
    except InvalidRequestError:
        return None
    return [*rules, (item, path), *latest, *placed[index + 1 :]]


def _checked(items: Sequence[Item]) -> Sequence[Item]:
    """Return carried items in parsed form, because another release may have written them."""
    return InputTokensRequest.parse({"input": list(items)}).items if items else ()
