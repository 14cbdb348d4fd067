"""`shell`, `local_shell` and `apply_patch`: offered as functions, called in OpenAI's own items, and read back."""

import json
from typing import Any, Final

import pytest

from sessions_store.transcript.canonical import canonical_message
from tests.unit.responses.building import (
    accumulator_of,
    gemini_chunk,
    items_to_messages,
    noted,
    parsed,
    plain_of,
    stream_of,
    translate,
    translation_error,
)
from tests.unit.translate.requests import FLASH_2, FLASH_3, PLAIN, SIGNATURE

Item = dict[str, Any]
USER: Final[Item] = {"role": "user", "content": "Hi"}
SHELL: Final[Item] = {"type": "shell", "environment": {"type": "local"}}
LOCAL_SHELL: Final[Item] = {"type": "local_shell"}
PATCH: Final[Item] = {"type": "apply_patch"}
ALL: Final = [SHELL, LOCAL_SHELL, PATCH]
# The arguments of the model's call, and the item of the call without its ids.
CALLS: Final[dict[str, tuple[str, Item, Item]]] = {
    "commands": (
        "shell",
        {"commands": ["ls", "pwd"], "timeout_ms": 1000.0},
        {
            "type": "shell_call",
            "status": "completed",
            "action": {"commands": ["ls", "pwd"], "timeout_ms": 1000, "max_output_length": None},
            "environment": None,
        },
    ),
    "a command": (
        "local_shell",
        {"command": ["bash", "-lc", "ls"], "env": {"A": "1"}, "working_directory": "/srv"},
        {
            "type": "local_shell_call",
            "status": "completed",
            "action": {
                "type": "exec",
                "command": ["bash", "-lc", "ls"],
                "env": {"A": "1"},
                "working_directory": "/srv",
            },
        },
    ),
    "a file made": (
        "apply_patch",
        {"type": "create_file", "path": "a.txt", "diff": "+one\n"},
        {
            "type": "apply_patch_call",
            "status": "completed",
            "operation": {"type": "create_file", "path": "a.txt", "diff": "+one\n"},
        },
    ),
    "a file changed": (
        "apply_patch",
        {"type": "update_file", "path": "a.txt", "diff": "@@\n-one\n+two\n"},
        {
            "type": "apply_patch_call",
            "status": "completed",
            "operation": {"type": "update_file", "path": "a.txt", "diff": "@@\n-one\n+two\n"},
        },
    ),
    "a file deleted": (
        "apply_patch",
        {"type": "delete_file", "path": "a.txt"},
        {
            "type": "apply_patch_call",
            "status": "completed",
            "operation": {"type": "delete_file", "path": "a.txt"},
        },
    ),
}
PREFIXES: Final = {"shell_call": "sh_", "local_shell_call": "lsh_", "apply_patch_call": "apc_"}


def declared(**parameters: Any) -> dict[str, Any]:
    """Return the functions of Gemini's request, by name."""
    tools = translate(**parameters).body.get("tools", [])
    return {function["name"]: function for tool in tools for function in tool.get("functionDeclarations", ())}


def calling(**parameters: Any) -> Any:
    """Return the calling config of Gemini's request."""
    return translate(**parameters).body.get("toolConfig", {}).get("functionCallingConfig")


def made(name: str, arguments: Any) -> Any:
    """Return a signed call of Gemini."""
    return gemini_chunk(
        {"functionCall": {"name": name, "args": arguments}, "thoughtSignature": SIGNATURE}, finish="STOP"
    )


@pytest.mark.parametrize("profile", [FLASH_2, FLASH_3], ids=lambda profile: profile.family)
def test_client_tools_are_declared_as_functions(profile: Any) -> None:
    functions = declared(tools=ALL, profile=profile)

    assert list(functions) == ["shell", "local_shell", "apply_patch"]
    properties = {name: function["parametersJsonSchema"]["properties"] for name, function in functions.items()}
    assert list(properties["shell"]) == ["commands", "timeout_ms", "max_output_length"]
    assert list(properties["local_shell"]) == ["command", "env", "timeout_ms", "user", "working_directory"]
    assert properties["apply_patch"]["type"]["enum"] == ["create_file", "update_file", "delete_file"]
    assert noted(translate(tools=ALL, profile=profile)) == []


def test_a_shell_without_an_environment_runs_at_the_client() -> None:
    assert list(declared(tools=[{"type": "shell"}])) == ["shell"]


def test_skills_are_part_of_the_declaration() -> None:
    skill = {"name": "sums", "description": "Adds numbers.", "path": "/skills/sums"}
    tool = {"type": "shell", "environment": {"type": "local", "skills": [skill]}}
    assert "- sums (/skills/sums): Adds numbers." in declared(tools=[tool])["shell"]["description"]


@pytest.mark.parametrize("environment", ["container_auto", "container_reference"])
def test_a_shell_in_a_container_does_not_run_at_the_client(environment: str) -> None:
    upstream = translate(tools=[{"type": "shell", "environment": {"type": environment}}])
    assert "tools" not in upstream.body
    assert noted(upstream) == ["dropped tools[0]: shell in an OpenAI container is not supported by Gemini"]


def test_a_model_without_functions_gets_no_client_tools() -> None:
    assert noted(translate(tools=[PATCH], profile=PLAIN)) == ["dropped tools[0]: the model does not support tools"]


def test_client_tools_are_read_in_additional_tools() -> None:
    items = [{"type": "additional_tools", "role": "developer", "tools": [PATCH]}, USER]
    assert list(declared(input=items)) == ["apply_patch"]


@pytest.mark.parametrize("kind", ["shell", "local_shell", "apply_patch"])
def test_each_client_tool_can_be_chosen(kind: str) -> None:
    assert calling(tools=ALL, tool_choice={"type": kind}) == {"mode": "ANY", "allowedFunctionNames": [kind]}
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": kind}, {"type": "web_search"}]}
    assert calling(tools=ALL, tool_choice=allowed) == {"mode": "ANY", "allowedFunctionNames": [kind]}


def test_an_allowed_tool_of_an_unreadable_type_is_rejected() -> None:
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": ["shell"]}, {"type": "shell"}]}
    assert calling(tools=[SHELL], tool_choice=allowed) == {"mode": "ANY", "allowedFunctionNames": ["shell"]}


def test_a_client_tool_may_be_chosen_as_a_function() -> None:
    chosen = {"type": "function", "name": "shell"}
    assert calling(tools=[SHELL, PATCH], tool_choice=chosen) == {"mode": "ANY", "allowedFunctionNames": ["shell"]}


def test_any_client_tool_or_none_can_be_required() -> None:
    assert calling(tools=[SHELL], tool_choice="required") == {"mode": "ANY"}
    assert calling(tools=[SHELL], tool_choice="none") == {"mode": "NONE"}


def test_an_undeclared_client_tool_cannot_be_chosen() -> None:
    assert translation_error(tools=[PATCH], tool_choice={"type": "shell"}).param == "tool_choice"


@pytest.mark.parametrize(("name", "arguments", "item"), CALLS.values(), ids=CALLS)
def test_calls_become_openais_items(name: str, arguments: Item, item: Item) -> None:
    plain = plain_of(accumulator_of(parsed(tools=ALL)), [made(name, arguments)])

    [given] = plain["output"]
    assert given.pop("id").startswith(PREFIXES[item["type"]])
    assert given.pop("call_id") == "call_1"
    assert given == item
    events = stream_of(accumulator_of(parsed(tools=ALL)), [made(name, arguments)])
    assert events[-1]["response"]["output"] == [given | {"id": f"{PREFIXES[item['type']]}1", "call_id": "call_1"}]


def test_the_commands_of_a_shell_call_have_events() -> None:
    events = stream_of(accumulator_of(parsed(tools=ALL)), [made("shell", {"commands": ["ls", "pwd"]})])

    own = [event for event in events if "shell_call_command" in event["type"]]
    assert [(event["type"].rpartition(".")[2], event["command_index"]) for event in own] == [
        (step, index) for index in (0, 1) for step in ("added", "delta", "done")
    ]
    assert [event["command"] for event in own if event["type"].endswith("done")] == ["ls", "pwd"]
    assert [event["delta"] for event in own if event["type"].endswith("delta")] == ["ls", "pwd"]
    added, done = (event["item"] for event in events if "output_item" in event["type"])
    assert (added["status"], added["action"]["commands"]) == ("in_progress", [])
    assert (done["status"], done["action"]["commands"]) == ("completed", ["ls", "pwd"])


def test_a_patch_call_begins_without_its_diff() -> None:
    operation = {"type": "update_file", "path": "a.txt", "diff": "@@\n+x\n"}
    events = stream_of(accumulator_of(parsed(tools=ALL)), [made("apply_patch", operation)])

    added, done = (event["item"] for event in events if "output_item" in event["type"])
    assert added["operation"] == {"type": "update_file", "path": "a.txt", "diff": ""}
    assert done["operation"] == operation


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("shell", {"commands": []}),
        ("shell", {"commands": [1]}),
        ("shell", {}),
        ("local_shell", {"command": None}),
        ("apply_patch", {"type": "move_file", "path": "a"}),
        ("apply_patch", {"type": "create_file", "path": "a", "diff": ["+x"]}),
        ("apply_patch", {"type": "delete_file"}),
    ],
    ids=str,
)
def test_arguments_without_a_field_in_the_item_are_stored(name: str, arguments: Item) -> None:
    accumulator = accumulator_of(parsed(tools=ALL))
    [item] = plain_of(accumulator, [made(name, arguments)])["output"]

    assert (item["type"], item["name"], json.loads(item["arguments"])) == ("function_call", name, arguments)
    assert [str(note) for note in accumulator.notes] == [
        f"converted output: incomplete call of {name}: returned as a function call"
    ]


def test_arguments_converted_to_an_items_form_are_noted() -> None:
    accumulator = accumulator_of(parsed(tools=ALL))
    [item] = plain_of(accumulator, [made("shell", {"commands": "ls", "cwd": "/srv"})])["output"]

    assert item["action"]["commands"] == ["ls"]
    assert [str(note) for note in accumulator.notes] == [
        "converted output: arguments of shell converted to the fields of the item"
    ]


@pytest.mark.parametrize(("name", "arguments", "item"), CALLS.values(), ids=CALLS)
def test_the_items_of_client_tools_equal_the_stored_message(name: str, arguments: Item, item: Item) -> None:
    accumulator = accumulator_of(parsed(tools=ALL, include=["reasoning.encrypted_content"]))
    output = plain_of(accumulator, [made(name, arguments)])["output"]

    assert item["type"] in [given["type"] for given in output]
    assert [canonical_message(message) for message in items_to_messages(output).messages] == [
        canonical_message(message) for message in accumulator.messages
    ]


RESULTS: Final[dict[str, tuple[str, Item, Item]]] = {
    "what commands printed": (
        "commands",
        {
            "type": "shell_call_output",
            "output": [{"stdout": "a.txt\n", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}],
            "max_output_length": 4096,
        },
        {
            "output": [{"stdout": "a.txt\n", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}],
            "max_output_length": 4096,
        },
    ),
    "commands that took too long": (
        "commands",
        {
            "type": "shell_call_output",
            "status": "incomplete",
            "output": [{"stdout": "", "stderr": "", "outcome": {"type": "timeout"}}],
        },
        {"output": [{"stdout": "", "stderr": "", "outcome": {"type": "timeout"}}], "status": "incomplete"},
    ),
    "what a command printed": (
        "a command",
        {"type": "local_shell_call_output", "output": '{"stdout": "a.txt"}'},
        {"stdout": "a.txt"},
    ),
    "a patch that failed": (
        "a file changed",
        {"type": "apply_patch_call_output", "status": "failed", "output": "No such file: a.txt"},
        {"status": "failed", "output": "No such file: a.txt"},
    ),
    "a patch": ("a file made", {"type": "apply_patch_call_output", "status": "completed"}, {"status": "completed"}),
}


@pytest.mark.parametrize("profile", [FLASH_2, FLASH_3], ids=lambda profile: profile.family)
@pytest.mark.parametrize(("called", "result", "response"), RESULTS.values(), ids=RESULTS)
def test_calls_and_results_of_the_history_are_sent(called: str, result: Item, response: Item, profile: Any) -> None:
    name, arguments, item = CALLS[called]
    items = [USER, {"id": "x_1", "call_id": "call_1", **item}, USER, {"call_id": "call_1", **result}]
    upstream = translate(input=items, tools=ALL, profile=profile)

    call, accumulator = (content["parts"][0] for content in upstream.body["contents"][1:3])
    assert call["functionCall"]["name"] == name
    assert call["functionCall"]["args"] == arguments
    assert accumulator["functionResponse"]["response"] == response
    assert not [note for note in noted(upstream) if note.startswith("dropped")]


@pytest.mark.parametrize("named", ["call_1", "lsh_1"], ids=["the id of the call", "the id of the item"])
def test_a_local_shells_result_names_its_call_by_id(named: str) -> None:
    call = {"id": "lsh_1", "call_id": "call_1", **CALLS["a command"][2]}
    result = {"type": "local_shell_call_output", "id": named, "output": "done"}
    body = translate(input=[USER, call, result]).body

    assert body["contents"][2]["parts"][0]["functionResponse"]["response"] == {"output": "done"}


def test_a_carried_signature_returns_to_the_client_tools_call() -> None:
    accumulator = accumulator_of(parsed(tools=ALL, include=["reasoning.encrypted_content"]))
    output = plain_of(accumulator, [made("shell", {"commands": ["ls"]})])["output"]
    result = {"type": "shell_call_output", "call_id": "call_1", "output": []}
    body = translate(input=[USER, *output, result], tools=ALL).body

    assert body["contents"][1]["parts"][0]["thoughtSignature"] == SIGNATURE


def test_a_missing_result_of_a_client_tool_is_rejected() -> None:
    call = {"call_id": "call_1", **CALLS["commands"][2]}
    assert translation_error(input=[USER, call], tools=ALL).message == "No tool output found for function call call_1."
