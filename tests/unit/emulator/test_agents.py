"""Agents: the call loops in the introductory examples of well-known clients, each to the end of the loop."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.emulator.conftest import NEW, Gemini, calls_of, candidate_text, contents

STRING = {"type": "string"}
INTEGER = {"type": "integer"}
NUMBER = {"type": "number"}
LONGEST = 8

Tools = dict[str, Callable[..., Any]]
Calls = list[list[tuple[str, dict[str, Any]]]]


def function(name: str, description: str = "", *, optional: bool = False, **properties: Any) -> dict[str, Any]:
    """The declaration of a function; its parameters are required unless they are `optional`."""
    schema = {"type": "object", "properties": properties, "required": [] if optional else list(properties)}
    return {"name": name, "description": description, "parametersJsonSchema": schema}


def run(
    gemini: Gemini,
    prompt: str,
    declarations: list[dict[str, Any]],
    tools: Tools,
    *,
    mode: str = "AUTO",
    system: str = "",
) -> tuple[Calls, str]:
    """Run an agent until the model sends text or calls an unknown function. Return the calls and the text."""
    messages = contents(prompt)
    made: Calls = []
    request: dict[str, Any] = {
        "tools": [{"functionDeclarations": declarations}],
        "toolConfig": {"functionCallingConfig": {"mode": mode}},
    }
    if system:
        request["systemInstruction"] = {"parts": [{"text": system}]}
    for _ in range(LONGEST):
        answer = gemini.post(NEW, {"contents": messages, **request}).json()
        calls = calls_of(answer)
        if not calls:
            return made, candidate_text(answer)
        made.append([(call["name"], call["args"]) for call in calls])
        if any(call["name"] not in tools for call in calls):
            return made, ""
        results = [
            {
                "functionResponse": {
                    "id": call["id"],
                    "name": call["name"],
                    "response": {"output": tools[call["name"]](**call["args"])},
                }
            }
            for call in calls
        ]
        messages += [answer["candidates"][0]["content"], {"role": "user", "parts": results}]
    raise AssertionError(f"The loop does not end: {made}")


ARITHMETIC = [
    function("add", "Adds a and b.", a=INTEGER, b=INTEGER),
    function("multiply", "Multiplies a and b.", a=INTEGER, b=INTEGER),
    function("divide", "Divide a and b.", a=INTEGER, b=INTEGER),
    function("subtract", "Subtracts b from a", a=INTEGER, b=INTEGER),
]
COMPUTING: Tools = {
    "add": lambda a, b: a + b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "subtract": lambda a, b: a - b,
}


@pytest.mark.parametrize(
    ("prompt", "calls", "result"),
    [
        ("What is 3 * 12? Also, what is 11 + 49?", [[("multiply", 3, 12), ("add", 11, 49)]], "60"),
        ("what is 5 * 4", [[("multiply", 5, 4)]], "20"),
        ("What is 5 multiplied by 4?", [[("multiply", 5, 4)]], "20"),
        ("What is 20+(2*4)? Calculate step by step.", [[("multiply", 2, 4)], [("add", 20, 8)]], "28"),
        ("What is (121 + 2) * 5?", [[("add", 121, 2)], [("multiply", 123, 5)]], "615"),
        ("Subtract 5 from 10", [[("subtract", 10, 5)]], "5"),
        ("What is the product of six and 7?", [[("multiply", 6, 7)]], "42"),
        (
            "Add 3 and 4. Multiply the output by 2. Divide the output by 5",
            [[("add", 3, 4)], [("multiply", 7, 2)], [("divide", 14, 5)]],
            "2.8",
        ),
        ("Take 3 and multiply by 4, then add 5", [[("multiply", 3, 4)], [("add", 12, 5)]], "17"),
    ],
)
def test_sums_are_computed_with_tools(
    gemini: Gemini, prompt: str, calls: list[list[tuple[str, int, int]]], result: str
) -> None:
    made, text = run(gemini, prompt, ARITHMETIC, COMPUTING)
    assert made == [[(name, {"a": a, "b": b}) for name, a, b in step] for step in calls]
    assert f"returned {result}" in text


def test_arithmetic_without_a_tool_is_computed_by_the_emulator(gemini: Gemini) -> None:
    assert run(gemini, "What is 2 + 3 * 4?", ARITHMETIC[:1], COMPUTING)[0] == [[("add", {"a": 2, "b": 12})]]
    assert "7 / 2 = 3.5" in run(gemini, "What is 7 / 2?", ARITHMETIC[:2], COMPUTING)[1]


@pytest.mark.parametrize(
    ("declaration", "args"),
    [
        (function("calculator", "Useful for math", expression=STRING), {"expression": "5 * 4"}),
        (
            function("calculate", op={"type": "string", "enum": ["add", "multiply"]}, x=NUMBER, y=NUMBER),
            {"op": "multiply", "x": 5, "y": 4},
        ),
        (function("product", numbers={"type": "array", "items": NUMBER}), {"numbers": [5, 4]}),
    ],
)
def test_calculators_with_other_schemas_are_called(gemini: Gemini, declaration: dict[str, Any], args: Any) -> None:
    tools: Tools = {declaration["name"]: lambda **_: 20}
    made, text = run(gemini, "What is 5 * 4?", [declaration], tools)
    assert made == [[(declaration["name"], args)]]
    assert "20" in text


WEATHER = function("get_weather", "Get weather for a given city.", city=STRING)


@pytest.mark.parametrize(
    ("answer", "args"),
    [
        (function("WeatherResponse", temperature=NUMBER, condition=STRING), {"temperature": 72, "condition": "sunny"}),
        (
            function("final_result", "The final response which ends this conversation", city=STRING, answer=STRING),
            {
                "city": "Paris",
                "answer": "[Gemini emulator] Here is what I found: get_weather returned 72 degrees, sunny.",
            },
        ),
        (function("report_back", temperature=INTEGER), {"temperature": 72}),
        (function("Forecast", optional=True, temperature=NUMBER), {"temperature": 72}),
    ],
)
def test_a_required_call_ends_with_the_final_output(
    gemini: Gemini, answer: dict[str, Any], args: dict[str, Any]
) -> None:
    tools: Tools = {"get_weather": lambda city: "72 degrees, sunny"}
    for declarations in ([WEATHER, answer], [answer, WEATHER]):
        made, _ = run(gemini, "What is the weather in Paris?", declarations, tools, mode="ANY")
        assert made == [[("get_weather", {"city": "Paris"})], [(answer["name"], args)]]


def test_a_required_call_is_not_repeated_while_another_is_left(gemini: Gemini) -> None:
    note = function("save_note", "Saves a note", text=STRING)
    tools: Tools = {"get_weather": lambda city: f"{city}: sunny"}
    made, _ = run(gemini, "What is the weather in Paris?", [note, WEATHER], tools, mode="ANY")
    assert [call[0] for step in made for call in step] == ["get_weather", "save_note"]


def test_a_function_that_returns_a_missing_argument_is_called_first(gemini: Gemini) -> None:
    declarations = [
        function("get_weather_for_location", "Get weather for a given city.", city=STRING),
        function("get_user_location", "Retrieve user information based on user ID."),
        function("ResponseFormat", "Response schema for the agent.", punny_response=STRING, weather_conditions=STRING),
    ]
    tools: Tools = {
        "get_weather_for_location": lambda city: f"It's always sunny in {city}!",
        "get_user_location": lambda: "Florida",
    }
    made, _ = run(gemini, "what is the weather outside?", declarations, tools, mode="ANY")
    assert made[:2] == [[("get_user_location", {})], [("get_weather_for_location", {"city": "Florida"})]]
    [[name, args]] = made[2]
    assert name == "ResponseFormat"
    assert "always sunny in Florida" in args["punny_response"]
    assert args["weather_conditions"] == "sunny"


def test_results_become_arguments_one_by_one(gemini: Gemini) -> None:
    declarations = [
        function("get_lat_lng", "Get the latitude and longitude of a location.", location_description=STRING),
        function("get_weather", "Get the weather at a location.", lat=NUMBER, lng=NUMBER),
    ]
    places = {"London": {"lat": 51.1, "lng": -0.1}, "Wiltshire": {"lat": 50.2, "lng": -1.5}}
    tools: Tools = {
        "get_lat_lng": lambda location_description: places[location_description],
        "get_weather": lambda lat, lng: f"21 degrees at {lat}, {lng}",
    }
    made, text = run(gemini, "What is the weather like in London and in Wiltshire?", declarations, tools)
    assert made[1] == [("get_weather", place) for place in places.values()]
    assert "21 degrees at 50.2, -1.5" in text


def test_a_result_is_converted_if_the_prompt_requests_the_conversion(gemini: Gemini) -> None:
    declarations = [
        function("weather", "Get the weather in a location (fahrenheit)", location=STRING),
        function("convertFahrenheitToCelsius", "Convert a temperature in fahrenheit to celsius", temperature=NUMBER),
    ]
    tools: Tools = {
        "weather": lambda location: {"location": location, "temperature": 75},
        "convertFahrenheitToCelsius": lambda temperature: {"celsius": round((temperature - 32) / 1.8)},
    }
    made, text = run(gemini, "What is the weather in New York in celsius?", declarations, tools)
    assert made == [
        [("weather", {"location": "New York"})],
        [("convertFahrenheitToCelsius", {"temperature": 75})],
    ]
    assert "returned 24" in text
    assert len(run(gemini, "What is the weather in New York?", declarations, tools)[0]) == 1


def test_the_system_instruction_requires_calls(gemini: Gemini) -> None:
    declarations = [
        function("roll_dice", "Roll a six-sided die and return the result."),
        function("get_player_name", "Get the player's name."),
        function("quit", "Quits the game"),
    ]
    system = (
        "You should roll the die and compare. If they want to stop, use quit. Use the player's name in the response."
    )
    tools: Tools = {"roll_dice": lambda: "4", "get_player_name": lambda: "Anne"}
    made, text = run(gemini, "My guess is 4", declarations, tools, system=system)
    assert made == [[("roll_dice", {}), ("get_player_name", {})]]
    assert "Anne" in text


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("who was the first president of the united states?", "transfer_to_history_tutor"),
        ("can you help me solve for x: 2x + 5 = 11", "transfer_to_math_tutor"),
        ("Hola, ¿cómo estás?", "transfer_to_spanish_agent"),
    ],
)
def test_a_handoff_forwards_the_prompt(gemini: Gemini, prompt: str, name: str) -> None:
    declarations = [
        function(
            "transfer_to_history_tutor", "Handoff to the History Tutor. Specialist agent for historical questions"
        ),
        function("transfer_to_math_tutor", "Handoff to the Math Tutor. Specialist agent for math questions"),
        function("transfer_to_spanish_agent", "Handoff to the Spanish agent to handle the request."),
    ]
    tools: Tools = {entry["name"]: lambda: {"assistant": "other"} for entry in declarations}
    made, text = run(gemini, prompt, declarations, tools)
    assert made == [[(name, {})]]
    assert "transfer_to" not in text


def test_an_optional_output_function_is_called_only_with_all_arguments(gemini: Gemini) -> None:
    box = function("final_result", "The final response", width=INTEGER, height=INTEGER, depth=INTEGER, units=STRING)
    made, text = run(gemini, "The box is 10x20x30", [box], {})
    assert made == []
    assert text
    made, _ = run(gemini, "The box is 10x20x30 cm", [box], {})
    assert made == [[("final_result", {"width": 10, "height": 20, "depth": 30, "units": "cm"})]]


def test_functions_named_like_classes_are_called_in_parallel(gemini: Gemini) -> None:
    declarations = [
        function("Weather", location=STRING, units={"type": "string", "enum": ["imperial", "metric"]}),
        function("GoogleSearch", query=STRING),
    ]
    prompt = "What is the weather in toronto and dallas in celsius and who won the super bowl?"
    made, _ = run(gemini, prompt, declarations, {"Weather": lambda **_: "cold", "GoogleSearch": lambda **_: "they"})
    assert made == [
        [
            ("Weather", {"location": "toronto", "units": "metric"}),
            ("Weather", {"location": "dallas", "units": "metric"}),
            ("GoogleSearch", {"query": "who won the super bowl"}),
        ]
    ]
