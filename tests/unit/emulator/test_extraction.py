"""Extraction: values of the prompt fill the fields of a forced call and of JSON output alike."""

import json
import time
from typing import Any

import pytest

from api.emulator.conversation import Conversation
from api.emulator.output.calls import calls_for
from api.emulator.output.json_values import json_for
from api.emulator.output.text import text_for
from tests.unit.emulator.conftest import Gemini, calls_of, candidate_text

STRING = {"type": "string"}
INTEGER = {"type": "integer"}
NUMBER = {"type": "number"}
STRINGS = {"type": "array", "items": STRING}


def model(**properties: Any) -> dict[str, Any]:
    """Return the schema of an object with required fields only."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def optional(schema: dict[str, Any]) -> dict[str, Any]:
    """As pydantic writes an optional field."""
    return {"anyOf": [schema, {"type": "null"}], "default": None}


PERSON = model(name=STRING, age=INTEGER)
PEOPLE = {"type": "array", "items": PERSON}
ADDRESS = model(street=STRING, city=STRING, state=STRING, zip_code=STRING)
RATING = {"type": "integer", "minimum": 1, "maximum": 5}
SENTIMENT = {"type": "string", "enum": ["negative", "neutral", "positive"]}
LABEL = {"type": "string", "enum": ["spam", "not_spam"]}

CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("Extract: Erick is 27", PERSON, {"name": "Erick", "age": 27}),
    ("Jason is 25 years old", PERSON, {"name": "Jason", "age": 25}),
    ("extract jason liu is 30 years old", PERSON, {"name": "jason liu", "age": 30}),
    ("Extract the user from: John Smith, 41, lives in Berlin", PERSON, {"name": "John Smith", "age": 41}),
    ("John Smith", model(first_name=STRING, last_name=STRING), {"first_name": "John", "last_name": "Smith"}),
    (
        "I am Ada King Lovelace",
        model(lastName=STRING, firstName=STRING),
        {"lastName": "King Lovelace", "firstName": "Ada"},
    ),
    ("What is the capital of France?", model(capital=STRING), {"capital": "Paris"}),
    ("Capital of Japan as JSON", model(city=STRING), {"city": "Tokyo"}),
    ("What is the capital of Italy?", model(city=STRING, country=STRING), {"city": "Rome", "country": "Italy"}),
    (
        "What are the capitals of France and Japan?",
        model(found={"type": "array", "items": model(country=STRING, capital=STRING)}),
        {"found": [{"country": "France", "capital": "Paris"}, {"country": "Japan", "capital": "Tokyo"}]},
    ),
    ("San Francisco, CA", model(location=STRING), {"location": "San Francisco, CA"}),
    ("San Francisco, CA", model(city=STRING, state=STRING), {"city": "San Francisco", "state": "CA"}),
    (
        "Jason is 25 years old and lives at 123 Main St, San Francisco, CA 94105",
        model(name=STRING, age=INTEGER, address=ADDRESS),
        {
            "name": "Jason",
            "age": 25,
            "address": {"street": "123 Main St", "city": "San Francisco", "state": "CA", "zip_code": "94105"},
        },
    ),
    (
        "Jason lives in San Francisco, CA",
        model(name=STRING, address=ADDRESS),
        {
            "name": "Jason",
            "address": {
                "street": "emulated street",
                "city": "San Francisco",
                "state": "CA",
                "zip_code": "emulated zip code",
            },
        },
    ),
    (
        "Extract contact info from: John Doe, john@example.com, (555) 123-4567",
        model(name=STRING, email=STRING, phone=STRING),
        {"name": "John Doe", "email": "john@example.com", "phone": "(555) 123-4567"},
    ),
    (
        "Analyze this review: 'Great product: 5 out of 5 stars. Fast shipping, but expensive'",
        model(rating=optional(RATING), sentiment=SENTIMENT, key_points=STRINGS),
        {
            "rating": 5,
            "sentiment": "positive",
            "key_points": ["Great product: 5 out of 5 stars", "Fast shipping", "expensive"],
        },
    ),
    (
        "From our meeting: Sarah needs to update the project timeline as soon as possible",
        model(task=STRING, assignee=STRING, priority={"type": "string", "enum": ["low", "medium", "high"]}),
        {"task": "update the project timeline", "assignee": "Sarah", "priority": "high"},
    ),
    (
        "Alice and Bob are going to a science fair on Friday.",
        model(name=STRING, date=STRING, participants=STRINGS),
        {"name": "science fair", "date": "Friday", "participants": ["Alice", "Bob"]},
    ),
    (
        "Alan Smith is 6 feet tall and has blond hair.",
        model(name=STRING, hair_color=STRING, height=NUMBER),
        {"name": "Alan Smith", "hair_color": "blond", "height": 6},
    ),
    ("Classify: I hate waiting", model(sentiment=SENTIMENT), {"sentiment": "negative"}),
    ("Classify: You are a lottery winner", model(label=LABEL), {"label": "spam"}),
    ("Classify: See you at 3pm", model(label=LABEL), {"label": "not_spam"}),
    (
        "Transfer $250.50 from Alice to Bob",
        model(to=STRING, sender=STRING, amount=NUMBER),
        {"to": "Bob", "sender": "Alice", "amount": 250.5},
    ),
    (
        "red square, blue circle, green triangle",
        model(shapes=STRINGS),
        {"shapes": ["red square", "blue circle", "green triangle"]},
    ),
    (
        "The invoice INV-1001 from Acme Corp is due on March 15, 2027 and totals $1,234.56",
        model(invoice_number=STRING, due_date=STRING, total=NUMBER),
        {"invoice_number": "INV-1001", "due_date": "March 15, 2027", "total": 1234.56},
    ),
]


@pytest.mark.parametrize(("prompt", "schema", "expected"), CASES, ids=[prompt[:40] for prompt, *_ in CASES])
def test_fields_are_filled_from_the_prompt(gemini: Gemini, prompt: str, schema: Any, expected: Any) -> None:
    config = {"responseMimeType": "application/json", "responseJsonSchema": schema}
    assert json.loads(candidate_text(gemini.ask(prompt, generationConfig=config))) == expected
    tools = [{"functionDeclarations": [{"name": "Extracted", "parametersJsonSchema": schema}]}]
    forced = {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["Extracted"]}}
    [call] = calls_of(gemini.ask(prompt, tools=tools, toolConfig=forced))
    assert call["args"] == expected


@pytest.mark.parametrize(
    ("prompt", "people"),
    [
        ("Jason is 10 and John is 30", [("Jason", 10), ("John", 30)]),
        ("jason is 10 and sarah is 12", [("jason", 10), ("sarah", 12)]),
        ("Extract users: 1. Jason is 25 years old 2. Sarah is 30 years old", [("Jason", 25), ("Sarah", 30)]),
        ("1. Jason is 25 years old\n2. Sarah is 30\n3. Mike is 28", [("Jason", 25), ("Sarah", 30), ("Mike", 28)]),
        ("- John Doe, 30\n- Jane Roe, 25", [("John Doe", 30), ("Jane Roe", 25)]),
        ("Alice (30), Bob (25)", [("Alice", 30), ("Bob", 25)]),
        (
            "Consider the data below:\nMake sure the JSON is correct\nJason is 10 and John is 30",
            [("Jason", 10), ("John", 30)],
        ),
    ],
)
def test_a_forced_list_without_required_fields_has_each_person(
    gemini: Gemini, prompt: str, people: list[tuple[str, int]]
) -> None:
    schema = {
        "$defs": {"User": PERSON},
        "type": "object",
        "properties": {"tasks": optional({"type": "array", "items": {"$ref": "#/$defs/User"}})},
    }
    tools = [{"functionDeclarations": [{"name": "IterableUser", "parametersJsonSchema": schema}]}]
    forced = {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["IterableUser"]}}
    [call] = calls_of(gemini.ask(prompt, tools=tools, toolConfig=forced))
    assert call["args"] == {"tasks": [{"name": name, "age": age} for name, age in people]}


def test_a_forced_call_without_values_in_the_prompt_gets_generated_values(gemini: Gemini) -> None:
    schema = {"type": "object", "properties": {"tasks": optional(PEOPLE)}}
    tools = [{"functionDeclarations": [{"name": "IterableUser", "parametersJsonSchema": schema}]}]
    [call] = calls_of(gemini.ask("Create 2 people", tools=tools, toolConfig={"functionCallingConfig": {"mode": "ANY"}}))
    assert len(call["args"]["tasks"]) == 2
    plain = {"name": "make", "parametersJsonSchema": {"type": "object", "properties": {"title": STRING}}}
    [call] = calls_of(
        gemini.ask(
            "Go", tools=[{"functionDeclarations": [plain]}], toolConfig={"functionCallingConfig": {"mode": "ANY"}}
        )
    )
    assert call["args"] == {"title": "emulated title"}


def test_of_several_output_functions_the_best_match_is_called(gemini: Gemini) -> None:
    declarations = [
        {"name": "ContactInfo", "parametersJsonSchema": model(name=STRING, email=STRING)},
        {"name": "EventDetails", "parametersJsonSchema": model(event_name=STRING, date=STRING)},
    ]
    for prompt, expected in (
        ("Reach Ann Lee at ann@lee.org", ("ContactInfo", {"name": "Ann Lee", "email": "ann@lee.org"})),
        ("Tech Conference on March 15th", ("EventDetails", {"event_name": "Tech Conference", "date": "March 15th"})),
    ):
        forced = {"functionCallingConfig": {"mode": "ANY"}}
        [call] = calls_of(gemini.ask(prompt, tools=[{"functionDeclarations": declarations}], toolConfig=forced))
        assert (call["name"], call["args"]) == expected


def test_an_email_goes_to_each_address(gemini: Gemini) -> None:
    to = {"type": "string", "description": "The recipient email address."}
    declaration = {"name": "send_email", "parametersJsonSchema": model(to=to, subject=STRING, body=STRING)}
    prompt = "Can you send an email to ilan@example.com and katia@example.com saying hi?"
    calls = calls_of(gemini.ask(prompt, tools=[{"functionDeclarations": [declaration]}]))
    assert [call["args"] for call in calls] == [
        {"to": address, "subject": "Hi", "body": "hi"} for address in ("ilan@example.com", "katia@example.com")
    ]


def test_coordinates_of_capitals_are_filled(gemini: Gemini) -> None:
    declaration = {"name": "get_weather", "parametersJsonSchema": model(latitude=NUMBER, longitude=NUMBER)}
    prompt = "What's the weather like in Paris today?"
    [call] = calls_of(gemini.ask(prompt, tools=[{"functionDeclarations": [declaration]}]))
    assert call["args"] == {"latitude": 48.86, "longitude": 2.35}


def test_json_without_a_schema_names_the_capital_and_fills_named_keys(gemini: Gemini) -> None:
    config = {"responseMimeType": "application/json"}

    def answer(prompt: str) -> Any:
        return json.loads(candidate_text(gemini.ask(prompt, generationConfig=config)))

    assert answer("What is the capital of France? Answer in JSON.")["capital"] == "Paris"
    assert answer("The capital of Japan? Return JSON with keys country and capital") == {
        "country": "Japan",
        "capital": "Tokyo",
    }
    assert answer("Ada is 36. Reply with JSON with the keys name, age") == {"name": "Ada", "age": 36}


PIECES = [
    "Ada ", "1+", "1-", "A-", "a.", "a@b.", "~", "(1", "weather in Paris and London, ", "add 3 and 4. ", "why? ",
    "tell me, ", "from: ", "3 * 4, ", "$1,", "buy 3 ", "\"q\" ", "capital of ",
]  # fmt: skip
SCHEMA = model(name=STRING, phone=STRING, date=STRING, email=STRING, file=STRING, n=NUMBER, users=PEOPLE, answer=STRING)


@pytest.mark.parametrize("piece", PIECES)
def test_long_prompts_are_read_in_linear_time(piece: str) -> None:
    def spent(length: int) -> float:
        messages = [{"role": "user", "parts": [{"text": piece * (length // len(piece))}]}]
        tools = [{"functionDeclarations": [{"name": "User", "parametersJsonSchema": SCHEMA}]}]
        config = {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}
        start = time.process_time()
        calling = {"functionCallingConfig": {"mode": "ANY"}}
        conversation = Conversation({"contents": messages, "tools": tools, "toolConfig": calling})
        calls_for(conversation)
        text_for(conversation)
        json_for(Conversation({"contents": messages, "generationConfig": config}))
        return time.process_time() - start

    short, long = (min(spent(length) for _ in range(2)) for length in (4000, 16000))
    assert long < 9 * max(short, 0.005)
