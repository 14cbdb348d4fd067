"""What a compaction item of the server's own making stands for, in a list of items that it is part of.

Such an item takes the place of everything before it, whether the client still sends that or not. Instructions and
settings are the exception: the client's own, if it sends any, are newer than those that the item carries.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from api.errors import InvalidRequestError
from api.openai.responses_items import item_type
from api.openai.responses_request import InputTokensRequest
from api.translate.responses.encrypted import CarriedConversation, unpack_conversation

Item = Mapping[str, Any]
Placed = tuple[Item, str]
# They say how to answer, not what was said; `responses_to_gemini` reads them.
SETTINGS: Final = frozenset({"additional_tools", "configuration_update", "tool_search_output"})
RULE_ROLES: Final = frozenset({"system", "developer"})


def unfolded(items: Sequence[Item]) -> list[Placed]:
    """Return the items that count, each with its place; a compaction item is followed by what it keeps word for word.

    Whatever stands before the last compaction that covers it is left out.
    """
    placed = [(item, f"input[{index}]") for index, item in enumerate(items)]
    for index in range(len(items) - 1, -1, -1):
        if items[index].get("type") == "compaction":
            carried = unpack_conversation(items[index]["encrypted_content"])
            if carried is not None and carried.whole:
                return _replaced(placed, index, carried)
    return placed


def rule_of(item: Item) -> Item | None:
    """Return what of an item says how to answer (an instruction, a setting); None for what was only said.

    The tools that a search found are there without the search.
    """
    kind = item_type(dict(item))
    if kind == "tool_search_output":
        return {"type": "additional_tools", "tools": item["tools"]}
    return item if kind in SETTINGS or (kind == "message" and item["role"] in RULE_ROLES) else None


def _replaced(placed: list[Placed], index: int, carried: CarriedConversation) -> list[Placed]:
    own = [(rule, path) for item, path in placed[:index] if (rule := rule_of(item)) is not None]
    item, path = placed[index]
    rules = own or [(rule, path) for rule in _checked(carried.rules, path)]
    latest = [(kept, path) for kept in _checked(carried.latest, path)]
    return [*rules, (item, path), *latest, *placed[index + 1 :]]


def _checked(items: Sequence[Item], path: str) -> Sequence[Item]:
    """Return carried items, checked as if the client had sent them: it could have changed them."""
    if not items:
        return ()
    try:
        return InputTokensRequest.parse({"input": list(items)}).items
    except InvalidRequestError:
        raise InvalidRequestError(
            f"Invalid value for '{path}.encrypted_content': the content was modified.",
            param=f"{path}.encrypted_content",
            code="invalid_value",
        ) from None
