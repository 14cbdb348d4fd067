"""Function calls: when, which, how many, and with which arguments."""

from typing import Any

import pytest

from tests.unit.emulator.conftest import NEW, OLD, Gemini, calls_of, candidate_text, contents, declared, parts_of

STRING = {"type": "string"}
INTEGER = {"type": "integer"}
UNIT = {"type": "string", "enum": ["celsius", "fahrenheit"]}
TOOLS = [
    declared("get_weather", "Get the current weather for a location", location=STRING),
    declared("get_time", "Tells the time in a city", city=STRING),
    declared("add", "Adds two numbers", a=INTEGER, b=INTEGER),
    declared("search_web", "Searches the web", query=STRING),
    declared("send_email", "Sends an email", to={"type": "array", "items": STRING}, subject=STRING),
    declared("book_flight", "Books a flight", origin=STRING, destination=STRING, passengers=INTEGER),
    declared("set_thermostat", "Sets the temperature", temperature={"type": "number", "maximum": 30}, unit=UNIT),
]


@pytest.mark.parametrize(
    ("prompt", "calls"),
    [
        ("Hello!", []),
        ("What is the capital of France?", []),
        ("What is the weather in Paris?", [("get_weather", {"location": "Paris"})]),
        ("What is the weather in San Francisco, CA?", [("get_weather", {"location": "San Francisco, CA"})]),
        (
            "weather in Glasgow, Scotland and Bogotá, Colombia",
            [("get_weather", {"location": place}) for place in ("Glasgow, Scotland", "Bogotá, Colombia")],
        ),
        (
            "Is it warmer in Paris or London?",
            [("get_weather", {"location": "Paris"}), ("get_weather", {"location": "London"})],
        ),
        (
            "What is the weather in toronto and dallas?",
            [("get_weather", {"location": "toronto"}), ("get_weather", {"location": "dallas"})],
        ),
        ("Use the get_time tool for Oslo", [("get_time", {"city": "Oslo"})]),
        ("My home address is in Paris", []),
        (
            "What's 3 + 12 and what's the weather in Paris?",
            [("add", {"a": 3, "b": 12}), ("get_weather", {"location": "Paris"})],
        ),
        ("Who invented the telephone?", [("search_web", {"query": "Who invented the telephone"})]),
        ("weather in boston please", [("get_weather", {"location": "boston"})]),
        (
            "What's the weather like in San Francisco, Tokyo, and Paris?",
            [("get_weather", {"location": city}) for city in ("San Francisco", "Tokyo", "Paris")],
        ),
        (
            "What's the weather in Paris and the time in Tokyo?",
            [("get_weather", {"location": "Paris"}), ("get_time", {"city": "Tokyo"})],
        ),
        ("Add 2 and 3", [("add", {"a": 2, "b": 3})]),
        ("Please add seven and 12.", [("add", {"a": 7, "b": 12})]),
        ('Search the web for "django asgi"', [("search_web", {"query": "django asgi"})]),
        (
            'Send an email to Bob and Alice with the subject "Lunch"',
            [("send_email", {"to": ["Bob", "Alice"], "subject": "Lunch"})],
        ),
        (
            "Book a flight from Paris to London for 2 passengers",
            [("book_flight", {"origin": "Paris", "destination": "London", "passengers": 2})],
        ),
        (
            "Set the thermostat to 72.5 fahrenheit",
            [("set_thermostat", {"temperature": 30, "unit": "fahrenheit"})],
        ),
    ],
)
def test_the_prompt_decides_which_functions_are_called(
    gemini: Gemini, prompt: str, calls: list[tuple[str, Any]]
) -> None:
    for model in (OLD, NEW):
        response = gemini.ask(prompt, model=model, tools=TOOLS)
        assert [(call["name"], call["args"]) for call in calls_of(response)] == calls
        assert bool(candidate_text(response)) == (not calls)
        assert response["candidates"][0]["finishReason"] == "STOP"


def test_newer_models_give_short_unique_ids(gemini: Gemini) -> None:
    calls = calls_of(gemini.ask("What is the weather in Paris and London?", tools=TOOLS))
    assert len({call["id"] for call in calls}) == 2
    assert all(len(call["id"]) == 8 for call in calls)
    assert not any("id" in call for call in calls_of(gemini.ask("Weather in Paris?", model=OLD, tools=TOOLS)))


def test_the_calling_mode_is_obeyed(gemini: Gemini) -> None:
    def config(**values: Any) -> dict[str, Any]:
        return {"tools": TOOLS, "toolConfig": {"functionCallingConfig": values}}

    forced = gemini.ask("Hello", **config(mode="ANY", allowedFunctionNames=["get_time"]))
    assert [call["name"] for call in calls_of(forced)] == ["get_time"]
    assert calls_of(gemini.ask("Weather in Paris?", **config(mode="NONE"))) == []
    only = gemini.ask("Weather in Paris?", **config(mode="ANY", allowedFunctionNames=["get_time"]))
    assert [call["name"] for call in calls_of(only)] == ["get_time"]
    assert calls_of(gemini.ask("Weather in Paris?", **config(mode="VALIDATED")))


def test_a_stream_has_each_call_in_one_chunk_and_an_empty_part_at_the_end(gemini: Gemini) -> None:
    chunks = gemini.stream("What is the weather in Paris and London?", tools=TOOLS)
    assert [len(calls_of(chunk)) for chunk in chunks] == [1, 1, 0]
    assert ["thoughtSignature" in parts_of(chunk)[0] for chunk in chunks] == [True, False, False]
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"


def test_steps_of_a_prompt_are_called_in_order(gemini: Gemini) -> None:
    messages = contents('Get the weather in Paris, then send an email to Bob with the subject "Weather"')
    for name in ("get_weather", "send_email"):
        response = gemini.post(NEW, {"contents": messages, "tools": TOOLS}).json()
        (call,) = calls_of(response)
        assert call["name"] == name
        result = {"functionResponse": {"id": call["id"], "name": name, "response": {"done": name}}}
        messages += [response["candidates"][0]["content"], {"role": "user", "parts": [result]}]
    last = gemini.post(NEW, {"contents": messages, "tools": TOOLS}).json()
    assert calls_of(last) == []
    assert "send_email returned send_email" in candidate_text(last)


def test_both_schema_languages_and_references_are_filled(gemini: Gemini) -> None:
    openapi = {
        "type": "OBJECT",
        "properties": {
            "when": {"type": "STRING", "format": "date"},
            "loud": {"type": "BOOLEAN"},
            "note": {"type": "STRING", "nullable": True},
        },
        "required": ["when", "loud"],
    }
    json_schema = {
        "$defs": {"Point": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}},
        "type": "object",
        "properties": {"point": {"$ref": "#/$defs/Point"}, "label": {"type": ["string", "null"]}},
        "required": ["point"],
    }
    tools = [
        {"functionDeclarations": [{"name": "set_alarm", "parameters": openapi}]},
        {"functionDeclarations": [{"name": "plot_point", "parametersJsonSchema": json_schema}]},
        {"functionDeclarations": [{"name": "reboot", "description": "Restarts"}]},
    ]
    for prompt, args in (
        ("Set a loud alarm on 2027-01-31", {"when": "2027-01-31", "loud": True}),
        ("Set an alarm without loud noise", {"when": "2026-01-01", "loud": False}),
        ("Plot the point 5", {"point": {"x": 5}}),
        ("Please reboot", {}),
    ):
        (call,) = calls_of(gemini.ask(prompt, tools=tools))
        assert call["args"] == args


def test_a_call_beyond_the_token_limit_is_cut(gemini: Gemini) -> None:
    response = gemini.ask("What is the weather in Paris?", tools=TOOLS, generationConfig={"maxOutputTokens": 4})
    assert response["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert calls_of(response) == []
