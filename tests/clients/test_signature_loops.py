"""Changes of clients to a history between two requests, and the thought signatures of Gemini 3: agent loops of two
steps (parallel calls first) and a further question; the emulator checks every signature.
"""

import base64
import copy
import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from openai import OpenAI

from tests.clients.programs.desk import TOOLS, Desk, declared
from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_3, fresh
from tests.live_gateway import LiveGateway

MADE_BY_THE_EMULATOR = b"emulated-signature:"
STEPS = 'What is the weather in Paris and what is the weather in London? Then save a note "umbrella".'
CALLS = [("get_weather", "Paris"), ("get_weather", "London"), ("save_note", "umbrella")]

Messages = list[dict[str, Any]]
Habit = Callable[[Messages], Messages]


def start(prompt: str = STEPS) -> Messages:
    """Return a new conversation."""
    return [{"role": "system", "content": f"You are {fresh('desk')}."}, {"role": "user", "content": prompt}]


def asked(client: OpenAI, messages: Messages, *, stream: bool = False, **options: Any) -> dict[str, Any]:
    """Return the assistant's message with every field that a client can store."""
    chat: Any = client.chat.completions
    request = {"model": GEMINI_3, "messages": messages, "tools": TOOLS, **options}
    if not stream:
        completion = chat.create(**request)
    else:
        with chat.stream(**request) as events:
            completion = events.get_final_completion()
    message: dict[str, Any] = completion.choices[0].message.model_dump(exclude_unset=True)
    return message


def results(message: dict[str, Any]) -> Messages:
    """Return the tool messages for an assistant's message."""
    desk = Desk()
    return [
        {
            "role": "tool",
            "tool_call_id": call["id"],
            "content": desk.call(call["function"]["name"], call["function"]["arguments"]),
        }
        for call in message["tool_calls"]
    ]


def looped(client: OpenAI, messages: Messages, habit: Habit | None = None, *, stream: bool = False) -> Messages:
    """Run the tools until the model sends text; `habit` changes the history before each request."""
    history = list(messages)
    while True:
        seen = habit(copy.deepcopy(history)) if habit else history
        message = asked(client, seen, stream=stream)
        history.append(message)
        if not message.get("tool_calls"):
            return history
        history += results(message)


def parts(body: Any, name: str) -> list[Any]:
    """Return all parts of a request's contents with the field `name`."""
    return [part for content in body["contents"] for part in content["parts"] if name in part]


def accepted(emulator: Emulator) -> list[Any]:
    """Return the bodies of the requests to Gemini, which were all accepted."""
    received = [entry for entry in emulator.received() if entry["method"] == "POST"]
    assert {entry["status"] for entry in received} == {200}
    return [entry["body"] for entry in received]


def restored(body: Any) -> int:
    """Return the number of parts of a request with a signature of the emulator."""
    signed = parts(body, "thoughtSignature")
    return sum(base64.b64decode(part["thoughtSignature"]).startswith(MADE_BY_THE_EMULATOR) for part in signed)


def called(body: Any) -> list[tuple[str, str]]:
    """Return the calls in a request: each name with its single argument."""
    calls = [part["functionCall"] for part in parts(body, "functionCall")]
    return [(call["name"], *call["args"].values()) for call in calls]


def as_it_came(messages: Messages) -> Messages:
    """Keep all fields, including unknown ones."""
    return messages


def known_fields_only(messages: Messages) -> Messages:
    """Drop the fields that OpenAI's types do not have."""
    for message in messages:
        for key in message.keys() - {"role", "content", "tool_calls", "tool_call_id"}:
            del message[key]
        for call in message.get("tool_calls") or ():
            for key in call.keys() - {"id", "type", "function"}:
                del call[key]
    return messages


def content_as_parts(messages: Messages) -> Messages:
    """Rewrite every text as a list of parts."""
    for message in known_fields_only(messages):
        if isinstance(message.get("content"), str):
            message["content"] = [{"type": "text", "text": message["content"]}]
    return messages


def empty_content(messages: Messages) -> Messages:
    """Replace missing texts by empty ones."""
    for message in known_fields_only(messages):
        message["content"] = message.get("content") or ""
    return messages


def results_reversed(messages: Messages) -> Messages:
    """Send the results of parallel calls in another order."""
    known_fields_only(messages)
    for index, (one, other) in enumerate(pairwise(messages)):
        if one["role"] == other["role"] == "tool":
            messages[index], messages[index + 1] = other, one
            break
    return messages


def arguments_rewritten(messages: Messages) -> Messages:
    """Parse the arguments and serialise them again."""
    for message in known_fields_only(messages):
        for call in message.get("tool_calls") or ():
            call["function"]["arguments"] = json.dumps(json.loads(call["function"]["arguments"]), indent=4)
    return messages


def ids_only(messages: Messages) -> Messages:
    """Change the system prompt in each request (the time, for example): only the call ids stay equal."""
    messages[0]["content"] = f"You are a desk. It is {fresh('now')}."
    return known_fields_only(messages)


def last_turn_only(messages: Messages) -> Messages:
    """Drop the messages before the newest question."""
    newest = max(index for index, message in enumerate(messages) if message["role"] == "user")
    return known_fields_only(messages[newest:])


def ids_replaced(messages: Messages) -> Messages:
    """Replace the ids of the calls, like clients of several providers."""
    return _with_other_ids(known_fields_only(messages))


def _with_other_ids(messages: Messages) -> Messages:
    names: dict[str, str] = {}
    for message in messages:
        for call in message.get("tool_calls") or ():
            call["id"] = names.setdefault(call["id"], f"tool{len(names):05d}")
        if message["role"] == "tool":
            message["tool_call_id"] = names[message["tool_call_id"]]
    return messages


def carried_only(messages: Messages) -> Messages:
    """Keep the calls' signatures in the field of Google's API, and change everything else."""
    messages[0]["content"] = f"You are a desk. It is {fresh('now')}."
    for message in messages:
        message.pop("extra_content", None)
    return _with_other_ids(messages)


HABITS = (
    as_it_came,
    known_fields_only,
    content_as_parts,
    empty_content,
    results_reversed,
    arguments_rewritten,
    ids_only,
    last_turn_only,
    ids_replaced,
    carried_only,
)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("habit", HABITS)
def test_signatures_are_sent_back_for_every_habit(
    client: OpenAI, emulator: Emulator, habit: Habit, stream: bool
) -> None:
    history = looped(client, start(), habit, stream=stream)
    assert "Saved: umbrella" in history[-1]["content"]
    question = {"role": "user", "content": "What is the weather in Rome?"}
    looped(client, [*history, question], habit, stream=stream)

    first, second, third, fourth, fifth = accepted(emulator)
    assert [called(body) for body in (first, second, third)] == [[], CALLS[:2], CALLS]
    assert [restored(body) for body in (first, second, third)] == [0, 1, 2]
    if habit is last_turn_only:
        assert (called(fourth), called(fifth), restored(fifth)) == ([], [("get_weather", "Rome")], 1)
    else:
        assert called(fifth) == [*CALLS, ("get_weather", "Rome")]
        texts = 0 if habit in {ids_only, carried_only} else 1  # a text has no id for a lookup
        assert (restored(fourth), restored(fifth)) == (2 + texts, 3 + texts)
    for body in (second, third, fifth):
        answered = {part["functionResponse"]["id"]: str(part) for part in parts(body, "functionResponse")}
        for part in parts(body, "functionCall"):
            [argument] = part["functionCall"]["args"].values()
            assert argument in answered[part["functionCall"]["id"]]


@pytest.mark.parametrize("stream", [False, True])
def test_the_signature_of_a_text_is_sent_back(client: OpenAI, emulator: Emulator, stream: bool) -> None:
    messages = start("Good morning!")
    message = asked(client, messages, stream=stream)
    assert message["extra_content"]["google"]["thought_signature"]
    other: Messages = [*start("Good morning!"), message, {"role": "user", "content": "And good night!"}]
    asked(client, other, stream=stream)

    assert [restored(body) for body in accepted(emulator)] == [0, 1]


def test_a_loop_continues_after_a_restart(emulator_url: str, emulator: Emulator, django_db_setup: None) -> None:
    messages = start()
    for _ in range(3):  # each request has a new gateway on the same database
        with (
            LiveGateway.start(upstream=emulator_url) as gateway,
            OpenAI(base_url=gateway.base_url, api_key="key", max_retries=0) as client,
        ):
            message = asked(client, known_fields_only(copy.deepcopy(messages)))
            messages += [message, *(results(message) if message.get("tool_calls") else [])]

    assert "Saved: umbrella" in messages[-1]["content"]
    assert [restored(body) for body in accepted(emulator)] == [0, 1, 2]


def test_each_of_two_regenerated_responses_can_be_continued(client: OpenAI, emulator: Emulator) -> None:
    messages = start()
    tries = [asked(client, messages, seed=seed) for seed in (1, 2, 1)]
    ids = {call["id"] for message in tries for call in message["tool_calls"]}
    assert len(ids) == 6
    for message in (tries[1], tries[0], tries[2]):
        history = looped(client, known_fields_only([*messages, message, *results(message)]))
        assert "Saved: umbrella" in history[-1]["content"]

    assert [restored(body) for body in accepted(emulator)] == [0, 0, 0, *[1, 2] * 3]


def test_a_conversation_continues_with_an_edited_message_and_with_the_original(
    client: OpenAI, emulator: Emulator
) -> None:
    original = looped(client, start())
    edited = looped(client, [original[0], {"role": "user", "content": STEPS.replace("London", "Oslo")}])
    further = {"role": "user", "content": "What is the weather in Rome?"}
    for history in (edited, original):
        assert "Rome: 21 degrees" in looped(client, known_fields_only([*history, further]))[-1]["content"]

    assert [restored(body) for body in accepted(emulator)] == [0, 1, 2, 0, 1, 2, 3, 4, 3, 4]


def clear_old_results(messages: Messages) -> Messages:
    """Clear old results."""
    for message in messages[:-1]:
        if message["role"] == "tool":
            message["content"] = "[cleared]"
    return known_fields_only(messages)


def calls_apart(messages: Messages) -> Messages:
    """Split parallel calls: a message for each call, followed by its result."""
    apart: Messages = []
    for message in known_fields_only(messages):
        calls = message.get("tool_calls") or ()
        for call in calls:
            [response] = [entry for entry in messages if entry.get("tool_call_id") == call["id"]]
            apart += [{"role": "assistant", "content": None, "tool_calls": [call]}, response]
        if not calls and message["role"] != "tool":
            apart.append(message)
    return apart


def without_the_first_call(messages: Messages) -> Messages:
    """Drop the signed call and its result."""
    for message in known_fields_only(messages):
        if len(message.get("tool_calls") or ()) > 1:
            gone = message["tool_calls"].pop(0)["id"]
            return [entry for entry in messages if entry.get("tool_call_id") != gone]
    return messages


def calls_reordered(messages: Messages) -> Messages:
    """Send parallel calls in another order."""
    for message in known_fields_only(messages):
        if message.get("tool_calls"):
            message["tool_calls"].reverse()
    return messages


def arguments_changed(messages: Messages) -> Messages:
    """Change the arguments of a call: the signature becomes invalid."""
    for message in known_fields_only(messages):
        for call in message.get("tool_calls") or ():
            call["function"]["arguments"] = call["function"]["arguments"].replace("Paris", "Lisbon")
    return messages


def answers_changed(messages: Messages) -> Messages:
    """Append to the assistant's texts: the signatures become invalid."""
    for message in known_fields_only(messages):
        if message["role"] == "assistant" and message.get("content"):
            message["content"] += "\n\n(Checked.)"
    return messages


# The number of Gemini's signatures in the last request, out of four: three steps and a text. A client that changes or
# drops a signed part, or sends a text in another history each time, loses only that signature.
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("habit", "left"),
    [
        (clear_old_results, 3),
        (without_the_first_call, 3),
        (calls_reordered, 4),
        (arguments_changed, 3),
        (answers_changed, 3),
    ],
)
def test_a_changed_history_is_accepted(
    client: OpenAI, emulator: Emulator, habit: Habit, left: int, stream: bool
) -> None:
    history = looped(client, start(), habit, stream=stream)
    assert "Saved: umbrella" in history[-1]["content"]
    question = {"role": "user", "content": "What is the weather in Rome?"}
    history = looped(client, [*history, question], habit, stream=stream)
    assert "Rome: 21 degrees" in history[-1]["content"]

    bodies = accepted(emulator)
    assert len(bodies) == 5
    assert restored(bodies[-1]) == left


def test_split_parallel_calls_are_accepted(client: OpenAI, emulator: Emulator) -> None:
    messages = start("What is the weather in Paris and what is the weather in London?")
    history = looped(client, messages, calls_apart)

    assert "London: 21 degrees" in history[-1]["content"]
    _, apart = accepted(emulator)
    roles = [content["role"] for content in apart["contents"]]
    assert roles == ["user", "model", "user", "model", "user"]
    assert called(apart) == CALLS[:2]
    assert restored(apart) == 1
    assert len(parts(apart, "thoughtSignature")) == 2  # the unsigned call is the first of its step now


def test_reordered_calls_with_equal_arguments_keep_their_results(client: OpenAI, emulator: Emulator) -> None:
    tools = [TOOLS[0], declared("get_time", "Get the time in a city.", "city")]
    messages = start("What is the weather in Paris and what is the time in Paris?")
    message = asked(client, messages, tools=tools)
    assert [call["function"]["name"] for call in message["tool_calls"]] == ["get_weather", "get_time"]
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": f"from {call['function']['name']}"}
        for call in message["tool_calls"]
    ]
    asked(client, calls_reordered([*messages, message, *results]), tools=tools)

    _, again = accepted(emulator)
    answered = [part["functionResponse"] for part in parts(again, "functionResponse")]
    assert sorted(result["name"] for result in answered) == ["get_time", "get_weather"]
    for result in answered:
        assert f"from {result['name']}" in str(result["response"])
    assert restored(again) == 1
    assert len(parts(again, "thoughtSignature")) == 1  # no skip value: the calls are unchanged
