"""Bodies and queries beside responses: conversations, updates of metadata, pages of lists."""

from typing import Any

import orjson
import pytest
from openai.pagination import SyncConversationCursorPage
from openai.types.conversations import Conversation as SDKConversation

from api.errors import InvalidRequestError
from api.openai.conversations.objects import Conversation, list_page
from api.openai.conversations.requests import (
    parse_conversation_create,
    parse_items_create,
    parse_metadata_update,
)
from api.openai.shared.list_query import parse_list_query, parse_starting_after

MESSAGE = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize("body", [b"", b"  ", b"{}", b'{"items": null, "metadata": null}'])
def test_a_conversation_may_begin_empty(body: bytes) -> None:
    request = parse_conversation_create(body)
    assert request.items is None
    assert request.metadata is None


def test_a_conversation_begins_with_items() -> None:
    request = parse_conversation_create(orjson.dumps({"items": [MESSAGE], "metadata": {"topic": "x"}}))
    assert request.items == [MESSAGE]
    assert request.metadata == {"topic": "x"}


@pytest.mark.parametrize(
    ("items", "param"),
    [(None, "items"), ([], "items"), ([MESSAGE] * 21, "items"), ([{"type": "x"}], "items[0].type")],
)
def test_items_to_append_are_1_to_20(items: Any, param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parse_items_create(orjson.dumps({"items": items}))
    assert caught.value.param == param
    assert len(parse_items_create(orjson.dumps({"items": [MESSAGE] * 20})).items) == 20


def test_metadata_may_be_replaced_and_removed_but_not_omitted() -> None:
    assert parse_metadata_update(b'{"metadata": {"a": "b"}}').metadata == {"a": "b"}
    assert parse_metadata_update(b'{"metadata": null}').metadata is None
    with pytest.raises(InvalidRequestError) as caught:
        parse_metadata_update(b"{}")
    assert caught.value.param == "metadata"


def test_the_query_of_a_page_is_parsed() -> None:
    pairs = [
        ("limit", "5"),
        ("after", "msg_1"),
        ("order", "asc"),
        ("model", "gpt-4o"),
        ("metadata[topic]", "x"),
        ("include[]", "a"),
        ("include[]", "b"),
        ("colour", "red"),
    ]
    query = parse_list_query(pairs)
    assert (query.limit, query.after, query.order, query.model) == (5, "msg_1", "asc", "gpt-4o")
    assert query.metadata == {"topic": "x"}
    assert query.include == ("a", "b")


def test_the_query_of_a_page_has_defaults() -> None:
    query = parse_list_query([], order="asc")
    assert (query.limit, query.order, query.after) == (20, "asc", None)
    assert parse_list_query([("order", "")]).order == "desc"


@pytest.mark.parametrize(
    ("name", "value"), [("limit", "0"), ("limit", "101"), ("limit", "ten"), ("limit", "1e9"), ("order", "up")]
)
def test_an_invalid_page_query_is_rejected_by_name(name: str, value: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parse_list_query([(name, value)])
    assert caught.value.param == name


def test_too_many_filters_are_rejected() -> None:
    with pytest.raises(InvalidRequestError):
        parse_list_query([(f"metadata[{number}]", "x") for number in range(17)])


@pytest.mark.parametrize("name", ["metadata", "metadata[]", "metadata[a", "metadata[a][b]", f"metadata[{'k' * 65}]"])
def test_a_filter_without_a_key_and_a_value_is_rejected(name: str) -> None:
    with pytest.raises(
        InvalidRequestError
    ) as caught:  # not ignored: the page would contain objects that the filter excludes
        parse_list_query([(name, "x")])
    assert caught.value.param == "metadata"


def test_a_stream_is_resumed_after_a_number() -> None:
    assert parse_starting_after(None) is None
    assert parse_starting_after("0") == 0
    with pytest.raises(InvalidRequestError):
        parse_starting_after("-1")


def test_the_sdk_reads_conversations_and_list_pages() -> None:
    conversation: Conversation = {"id": "conv_1", "object": "conversation", "created_at": 1, "metadata": {}}
    assert SDKConversation.model_validate(conversation, strict=True).id == "conv_1"
    page = list_page([{"id": "a"}, {"id": "b"}], has_more=True)
    assert SyncConversationCursorPage[Any].model_validate(page).last_id == "b"
    assert (page["first_id"], page["last_id"], page["has_more"]) == ("a", "b", True)
    empty = list_page([], has_more=True)
    assert (empty["first_id"], empty["last_id"], empty["has_more"]) == ("", "", False)
