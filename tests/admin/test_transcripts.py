"""Transcripts: the display of conversations with any content."""

import time
from typing import Any

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries

from sessions_store.models import ChatSession, Message, UsageRecord
from tests.admin.examples import Exchange, record
from tests.exchanges import user_message

SCRIPT = "<script>alert(1)</script>"
LIST = "admin:sessions_store_chatsession_changelist"


def assistant(text: str | None, **fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **fields}


CALL = {"id": "call_7", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
TALK = [
    {"role": "system", "content": "Be brief."},
    user_message("Is it cold in Oslo?"),
    assistant(None, tool_calls=[CALL]),
    {"role": "tool", "tool_call_id": "call_7", "content": '{"celsius": -7}'},
    assistant("Yes, -7 °C.", reasoning_content="Minus seven is cold."),
]
READ = (
    "Be brief.",
    "Is it cold in Oslo?",
    "weather",
    "call_7",
    "&quot;city&quot;: &quot;Oslo&quot;",
    "celsius",
    "Yes, -7 °C.",
    "Minus seven is cold.",
    "gemini-2.5-pro",
    ">thought signature<",
    "Reasoning",
    "<h4>OpenAI</h4>",
    "<h4>Gemini</h4>",
    "thoughtSignature",
)


def transcript(operator: Client, name: str, **query: str) -> str:
    session = ChatSession.objects.get(user=name)
    return operator.get(reverse("admin:sessions_store_transcript", args=[session.pk]), query).content.decode()


def test_a_transcript_shows_the_whole_conversation(operator: Client) -> None:
    record(Exchange(messages=TALK, user="ada"))
    page = transcript(operator, "ada")
    for text in READ:
        assert text in page, text
    positions = [page.index(f'dir="auto">{text}') for text in ("Be brief.", "Is it cold in Oslo?", "Yes, -7 °C.")]
    assert positions == sorted(positions)


@pytest.mark.parametrize("arguments", ['{"city": "Os', '{"a":' * 700 + "1" + "}" * 700, "[" * 5000])
def test_arguments_that_are_no_valid_json_are_shown_unchanged(operator: Client, arguments: str) -> None:
    record(Exchange(messages=TALK, user="ada"))
    (stored,) = Message.objects.filter(openai__contains="call_7", role="assistant")
    message = orjson.loads(stored.openai)
    message["tool_calls"][0]["function"]["arguments"] = arguments
    Message.objects.filter(pk=stored.pk).update(openai=orjson.dumps(message).decode())

    assert escape(arguments[:100]) in transcript(operator, "ada")


@pytest.mark.parametrize(
    "hostile", [SCRIPT, '"><img src=x onerror=alert(1)>', "javascript:alert(1)", "\u202egnp.exe", "{{ 7|add:7 }}"]
)
def test_markup_in_messages_is_shown_as_text(operator: Client, hostile: str) -> None:
    name = {"name": hostile, "arguments": orjson.dumps({"x": hostile}).decode()}
    record(
        Exchange(
            messages=[
                {"role": "system", "content": hostile},
                user_message([{"type": "text", "text": hostile}, {"type": "image_url", "image_url": {"url": hostile}}]),
                assistant(None, tool_calls=[{"id": hostile, "type": "function", "function": name}]),
                {"role": "tool", "tool_call_id": hostile, "content": hostile},
                assistant(hostile, reasoning_content=hostile),
            ],
            user=hostile,
            public_model=hostile,
            metadata={hostile: hostile},
            notes=[("dropped", hostile, hostile)],
        )
    )
    session = ChatSession.objects.get()
    ChatSession.objects.update(title=hostile)
    usage = UsageRecord.objects.get()
    pages = [
        reverse(LIST),
        reverse("admin:sessions_store_transcript", args=[session.pk]),
        reverse("admin:sessions_store_chatsession_change", args=[session.pk]),
        reverse("admin:sessions_store_chatsession_delete", args=[session.pk]),
        reverse("admin:sessions_store_usagerecord_changelist"),
        reverse("admin:sessions_store_usagerecord_change", args=[usage.pk]),
    ]
    for address in pages:
        page = operator.get(address).content.decode()
        assert "<script>alert" not in page, address
        assert "<img src=x" not in page, address
        assert 'href="javascript' not in page, address
    shown = operator.get(pages[1]).content.decode()
    assert hostile.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;") in shown


def test_a_raw_message_is_never_rendered(operator: Client) -> None:
    usage = record(Exchange(messages=[user_message(SCRIPT), assistant("no")], user="eve"))
    response = operator.get(reverse("admin:sessions_store_message_raw", args=[usage.message_id]))
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert orjson.loads(response.content)["openai"] == user_message(SCRIPT)


def test_files_are_shown_with_name_and_size_only(operator: Client) -> None:
    picture = "data:image/png;base64," + "A" * 400_000
    record(
        Exchange(
            messages=[user_message([{"type": "image_url", "image_url": {"url": picture}}]), assistant("A cat.")],
            user="ada",
        )
    )
    page = transcript(operator, "ada")
    assert "image/png, 300.0 kB" in page
    assert "AAAA" not in page


def test_a_line_of_a_megabyte_is_shown_shortened(operator: Client) -> None:
    usage = record(Exchange(messages=[user_message("x" * 1_000_000), assistant("Long.")], user="ada"))
    began = time.perf_counter()
    page = transcript(operator, "ada")
    assert time.perf_counter() - began < 2
    assert len(page) < 400_000
    assert "900.0 k more characters" in page
    whole = operator.get(reverse("admin:sessions_store_message_raw", args=[usage.message_id])).content
    assert b"x" * 1_000_000 in whole


def test_a_long_conversation_is_shown_in_pages_with_few_queries(
    operator: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    messages = [
        turn for number in range(125) for turn in (user_message(f"Question {number}."), assistant(f"Reply {number}."))
    ]
    record(Exchange(messages=messages, user="ada"))
    address = reverse("admin:sessions_store_transcript", args=[ChatSession.objects.get().pk])
    seen: list[int] = []
    for _ in range(3):
        with django_assert_max_num_queries(14):
            page = operator.get(address).content.decode()
        seen += [number for number in range(125) if f'dir="auto">Question {number}.<' in page]
        older = page.partition('class="older"><a href="')[2].partition('"')[0]
        address = older.replace("&amp;", "&")
    assert sorted(seen) == list(range(125))
    assert not older


def test_branches_link_to_each_other(operator: Client) -> None:
    start = [user_message("Pick a colour."), assistant("Red.")]
    record(Exchange(messages=[*start, user_message("Another?"), assistant("Blue.")], user="ada"))
    fork = record(Exchange(messages=[*start, user_message("Why red?"), assistant("It is warm.")]))
    page = transcript(operator, "ada")
    assert "Why red?" in page
    address = reverse("admin:sessions_store_message_newest", args=[fork.message_id])
    assert address in page
    other = operator.get(address, {"session": ChatSession.objects.get().pk}, follow=True).content.decode()
    assert "It is warm." in other
    assert "Another?" in other
    assert "Open the latest message of the session" in other


def test_a_message_of_several_requests_is_shown_as_sent_in_the_session(operator: Client) -> None:
    talk = [user_message("Capital of Chad?"), assistant("N'Djamena.")]
    own = record(Exchange(messages=talk, user="zoe", upstream_model="gemini-2.5-pro", latency_ms=111))
    other = record(Exchange(messages=talk, upstream_model="gemini-3.8-flash", latency_ms=222))

    def shown(page: str) -> tuple[bool, bool, bool, bool]:
        links = [f'href="{reverse("admin:sessions_store_usagerecord_change", args=[row.pk])}"' for row in (own, other)]
        models = [f'<span class="code">{row.upstream_model}</span>' for row in (own, other)]
        return (links[0] in page, models[0] in page, links[1] in page, models[1] in page)

    assert shown(transcript(operator, "zoe")) == (True, True, False, False)
    for usage, expected in ((own, (True, True, False, False)), (other, (False, False, True, True))):
        page = operator.get(reverse("admin:sessions_store_usagerecord_change", args=[usage.pk])).content.decode()
        address = page.partition("<dt>Transcript</dt>")[2].partition('href="')[2].partition('"')[0]
        assert shown(operator.get(address.replace("&amp;", "&")).content.decode()) == expected
    bare = reverse("admin:sessions_store_message", args=[own.answer_id])
    assert shown(operator.get(bare).content.decode()) == (
        False,
        False,
        True,
        True,
    )  # the newest request, which is not part of a page
    for nonsense in ("?request=%00", "?session=x", "?conversation=conv_0", f"?session={10**20}"):
        assert operator.get(bare + nonsense).status_code == 200


def test_a_call_of_several_requests_is_shown_with_all_its_ids(operator: Client) -> None:
    for call_id in ("call_7", "call_8"):
        talk = [user_message("Is it cold?"), assistant(None, tool_calls=[CALL | {"id": call_id}])]
        usage = record(Exchange(messages=talk, user="ada"))
    page = operator.get(reverse("admin:sessions_store_message", args=[usage.answer_id])).content.decode()
    [details] = page.split('<details class="call">')[1:]
    call = details.partition("</details>")[0]

    assert '<span class="quiet code">call_7</span>' in call
    assert 'Other ids of this call: <span class="code"><bdi>call_8</bdi></span>.' in call


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL plans by what the tables hold, here nothing")
def test_a_message_of_a_million_requests_is_looked_up_by_index(operator: Client) -> None:
    record(Exchange(messages=TALK, user="ada"))
    with CaptureQueriesContext(connection) as queries:
        transcript(operator, "ada")
    plans = []
    for query in queries:
        if "sessions_store_usagerecord" in query["sql"]:
            with connection.cursor() as cursor:
                cursor.execute("EXPLAIN QUERY PLAN " + query["sql"].replace("%", "%%"))
                plans += [row[-1] for row in cursor.fetchall() if "sessions_store_message" not in row[-1]]

    assert any("COVERING INDEX usage_of_session (session_id=? AND answer_id=?)" in step for step in plans)
    assert any("COVERING INDEX usage_of_answer (answer_id=?)" in step for step in plans)
    assert not [step for step in plans if step.startswith("SCAN") or "USE TEMP B-TREE" in step]


def test_other_conversations_under_one_system_message_are_no_branches(operator: Client) -> None:
    system = {"role": "system", "content": "Be kind."}
    for number in range(3):
        record(
            Exchange(messages=[system, user_message(f"Hello from {number}."), assistant("Hi.")], user=f"user-{number}")
        )
    assert "Hello from 1." not in transcript(operator, "user-0")


def test_a_title_is_edited(operator: Client) -> None:
    record(Exchange(messages=TALK, user="ada"))
    session = ChatSession.objects.get()
    address = reverse("admin:sessions_store_chatsession_change", args=[session.pk])
    assert operator.post(address, {"title": "Norwegian winters", "user": "eve"}).status_code == 302
    session.refresh_from_db()
    assert (session.title, session.user) == ("Norwegian winters", "ada")


def test_the_deletion_of_a_session_erases_its_content_and_keeps_the_usage_records(operator: Client) -> None:
    record(Exchange(messages=TALK, user="ada"))
    record(Exchange(messages=[user_message("Other."), assistant("Yes.")], user="bob"))
    session = ChatSession.objects.get(user="ada")
    address = reverse("admin:sessions_store_chatsession_delete", args=[session.pk])
    assert "Deletes the messages" in operator.get(address).content.decode()
    assert operator.post(address, {"post": "yes"}).status_code == 302
    assert list(ChatSession.objects.values_list("user", flat=True)) == ["bob"]
    assert not Message.objects.filter(openai__contains="Oslo").exists()
    assert Message.objects.count() == 2
    assert UsageRecord.objects.count() == 2


def test_several_sessions_are_erased_at_once(operator: Client) -> None:
    for name in ("ada", "bob"):
        record(Exchange(messages=[user_message(f"I am {name}."), assistant("Hi.")], user=name))
    chosen = [str(pk) for pk in ChatSession.objects.values_list("pk", flat=True)]
    fields = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    assert operator.post(reverse(LIST), fields).status_code == 302
    assert not ChatSession.objects.exists()
    assert not Message.objects.exists()


def test_sessions_are_found_by_user_id_and_state(operator: Client) -> None:
    for name in ("ada", "bob"):
        record(Exchange(messages=[user_message(f"I am {name}."), assistant("Hi.")], user=name))
    session = ChatSession.objects.get(user="bob")
    for query in ({"q": "bo"}, {"q": session.public_id}):
        page = operator.get(reverse(LIST), query).content.decode()
        assert "I am bob." in page
        assert "I am ada." not in page
    assert "Nothing matches" in operator.get(reverse(LIST), {"state": "ended"}).content.decode()
