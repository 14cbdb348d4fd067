"""OpenAI's client-side tools `shell`, `local_shell` and `apply_patch`: functions for Gemini, items for the client.

A call's arguments are the fields of the item's `action` or `operation`, so that an item in the history is converted
back to the same arguments. Source: https://platform.openai.com/docs/guides/tools-shell, tools-local-shell and
tools-apply-patch.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, cast, get_args

import orjson

Fields = dict[str, Any]
ClientToolKind = Literal["shell", "local_shell", "apply_patch"]
CLIENT_TOOLS: Final = frozenset(get_args(ClientToolKind))
# Environments of a `shell` that runs at OpenAI.
_HOSTED: Final = frozenset({"container_auto", "container_reference"})

_MILLISECONDS: Final = {"type": "integer", "description": "How long the commands may run, in milliseconds."}
_SHELL: Final = {
    "description": "Runs shell commands on the user's machine and returns what each printed and its exit code.",
    "parameters": {
        "type": "object",
        "properties": {
            "commands": {
                "type": "array",
                "items": {"type": "string"},
                "description": "The shell commands, in the order in which they run.",
            },
            "timeout_ms": _MILLISECONDS,
            "max_output_length": {"type": "integer", "description": "How many characters of output to return."},
        },
        "required": ["commands"],
    },
}
_LOCAL_SHELL: Final = {
    "description": "Runs one command on the user's machine and returns what it printed.",
    "parameters": {
        "type": "object",
        "properties": {
            "command": {
                "type": "array",
                "items": {"type": "string"},
                "description": 'The program and its arguments, such as ["bash", "-lc", "ls"].',
            },
            "env": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": "Environment variables to set.",
            },
            "timeout_ms": _MILLISECONDS,
            "user": {"type": "string", "description": "The user to run the command as."},
            "working_directory": {"type": "string", "description": "The directory to run the command in."},
        },
        "required": ["command"],
    },
}
_APPLY_PATCH: Final = {
    "description": (
        "Creates, updates or deletes one file of the user's workspace. `diff` is a V4A diff without a header: for "
        "create_file the whole content, each line behind a `+`; for update_file hunks, each begun by a line `@@` or "
        "`@@ <a line that stands above, such as a class or function>`, then lines behind a blank (kept context, about "
        "three lines on both sides), `-` (removed) or `+` (added), without line numbers."
    ),
    "parameters": {
        "type": "object",
        "properties": {
            "type": {"type": "string", "enum": ["create_file", "update_file", "delete_file"]},
            "path": {"type": "string", "description": "The file, relative to the root of the workspace."},
            "diff": {"type": "string", "description": "The V4A diff; empty for delete_file."},
        },
        "required": ["type", "path", "diff"],
    },
}


class ClientTool(NamedTuple):
    """The function of a tool, and the item of its calls: type, id prefix, and field of the arguments."""

    function: Mapping[str, Any]
    item_type: str
    prefix: str
    field: str


TOOLS: Final[Mapping[str, ClientTool]] = {
    "shell": ClientTool(_SHELL, "shell_call", "sh", "action"),
    "local_shell": ClientTool(_LOCAL_SHELL, "local_shell_call", "lsh", "action"),
    "apply_patch": ClientTool(_APPLY_PATCH, "apply_patch_call", "apc", "operation"),
}
CALL_ITEMS: Final[Mapping[str, str]] = {tool.item_type: kind for kind, tool in TOOLS.items()}


def runs_at_client(tool: Mapping[str, Any]) -> bool:
    """Whether the client runs the calls of a tool, unlike a shell in a container of OpenAI."""
    environment = tool.get("environment")
    hosted = isinstance(environment, Mapping) and environment.get("type") in _HOSTED
    return tool["type"] in CLIENT_TOOLS and not hosted


def client_function(tool: Mapping[str, Any]) -> Fields:
    """Return the function for a tool; its description lists the skills of a local environment.

    {"type": "shell"}
    {"description": "Runs shell commands …", "parameters": {"type": "object", "properties": {"commands": …}, …}}
    """
    function = dict(TOOLS[tool["type"]].function)
    environment = tool.get("environment")
    skills = environment.get("skills") if isinstance(environment, Mapping) else None
    lines = [_skill(skill) for skill in skills or () if isinstance(skill, Mapping)]
    if lines:
        function["description"] = "\n".join([f"{function['description']} Skills, each in a directory:", *lines])
    return function


def client_action(kind: str, arguments: str) -> Fields | None:
    """Return the action or operation of a call's item from the model's arguments; None for unusable arguments.

    {"commands": ["ls"]}   {"commands": ["ls"], "timeout_ms": None, "max_output_length": None}
    """
    given = orjson.loads(arguments)
    return _READERS[kind](given) if isinstance(given, dict) else None


def action_arguments(kind: str, action: Any) -> Fields:
    """Return the arguments for an item's action or operation, without empty fields."""
    if not isinstance(action, Mapping):
        return {}
    named = _FIELDS[kind]
    return {name: action[name] for name in named if action.get(name) not in (None, {})}


def normal_arguments(kind: str, arguments: str) -> str:
    """Return a call's arguments as `action_arguments` of its item; arguments without an action stay unchanged."""
    action = client_action(kind, arguments)
    return arguments if action is None else orjson.dumps(action_arguments(kind, action)).decode()


def _shell_action(given: Fields) -> Fields | None:
    commands = _texts(given.get("commands"))
    if not commands:
        return None
    limits = {name: _whole(given.get(name)) for name in ("timeout_ms", "max_output_length")}
    return {"commands": commands, **limits}


def _local_shell_action(given: Fields) -> Fields | None:
    """Return the action without absent fields, because clients reject a null there."""
    command = _texts(given.get("command"))
    if not command:
        return None
    env = given.get("env")
    variables = {name: str(value) for name, value in env.items()} if isinstance(env, dict) else {}
    named = {name: _text(given.get(name)) for name in ("user", "working_directory")}
    beside = {"timeout_ms": _whole(given.get("timeout_ms")), **named}
    action = {"type": "exec", "command": command, "env": variables}
    return action | {name: value for name, value in beside.items() if value is not None}


def _operation(given: Fields) -> Fields | None:
    kind, path, diff = given.get("type"), _text(given.get("path")), given.get("diff", "")
    if path is None:
        return None
    if kind == "delete_file":
        return {"type": kind, "path": path}
    if kind not in ("create_file", "update_file") or not isinstance(diff, str):
        return None
    return {"type": kind, "path": path, "diff": diff}


def _skill(skill: Mapping[str, Any]) -> str:
    return f"- {skill.get('name')} ({skill.get('path')}): {skill.get('description')}"


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    if isinstance(value, Sequence) and all(isinstance(item, str) for item in value):
        return cast("list[str]", list(value))
    return []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _whole(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if value == int(value) else None


_READERS: Final[Mapping[str, Callable[[Fields], Fields | None]]] = {
    "shell": _shell_action,
    "local_shell": _local_shell_action,
    "apply_patch": _operation,
}
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "shell": ("commands", "timeout_ms", "max_output_length"),
    "local_shell": ("command", "env", "timeout_ms", "user", "working_directory"),
    "apply_patch": ("type", "path", "diff"),
}
