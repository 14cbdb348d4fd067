"""Output items with their events: calls, searches, images and refusals at once, code runs and compactions in steps."""

from collections.abc import Sequence
from typing import Any

import orjson

from api.translate.candidates.choice import Call
from api.translate.responses.output.builder import Events, Output
from api.translate.responses.tools.client_tools import CLIENT_TOOLS, TOOLS, client_action
from api.translate.responses.tools.names import CalledTool
from api.translate.tools.custom import custom_input


def call_item(output: Output, call: Call, tool: CalledTool) -> Events:
    """Return the events of a call for the client."""
    if tool.kind == "custom":
        return _custom_call(output, call, tool)
    if tool.kind == "tool_search":
        return _search_call(output, call)
    if tool.kind in CLIENT_TOOLS and (action := client_action(tool.kind, call.arguments)) is not None:
        return _client_call(output, call, tool.kind, action)
    named = {"arguments": "", "call_id": call.id, "name": tool.name, **_namespace(tool)}
    item = output.begin("fc", "function_call", status="in_progress", **named)
    events = [item.added(), item.event("response.function_call_arguments.delta", delta=call.arguments)]
    events.append(item.event("response.function_call_arguments.done", name=tool.name, arguments=call.arguments))
    item.item |= {"arguments": call.arguments, "status": "completed"}
    return [*events, item.done()]


def search_item(output: Output, queries: Sequence[str]) -> Events:
    """Return the events of a web search by Google."""
    action = {"type": "search", "query": queries[0], "queries": list(queries)}
    item = output.begin("ws", "web_search_call", status="in_progress", action=action)
    events = [item.added()]
    events += [item.event(f"response.web_search_call.{step}") for step in ("in_progress", "searching", "completed")]
    item.item["status"] = "completed"
    return [*events, item.done()]


def page_item(output: Output, url: str, *, read: bool) -> Events:
    """Return the events of a page retrieved by Google; `read` is False if the retrieval failed."""
    action = {"type": "open_page", "url": url}
    item = output.begin("ws", "web_search_call", status="in_progress", action=action)
    events = [item.added()]
    events += [item.event(f"response.web_search_call.{step}") for step in ("in_progress", "searching")]
    if read:
        events.append(item.event("response.web_search_call.completed"))
    item.item["status"] = "completed" if read else "failed"
    return [*events, item.done()]


class CodeWriter:
    """A run of Google's code interpreter: the code first, then any number of outputs."""

    def __init__(self, output: Output) -> None:
        self._open = output.begin("ci", "code_interpreter_call", status="in_progress", code="", outputs=None)
        # Google has no containers that outlive a response.
        self._open.item["container_id"] = f"cntr_{self._open.item['id'].partition('_')[2]}"
        self.has_result = False

    def begin(self, code: str) -> Events:
        """Return the first events of the run."""
        event = self._open.event
        events = [self._open.added(), event("response.code_interpreter_call.in_progress")]
        events += [
            event("response.code_interpreter_call_code.delta", delta=code),
            event("response.code_interpreter_call_code.done", code=code),
            event("response.code_interpreter_call.interpreting"),
        ]
        self._open.item |= {"code": code, "status": "interpreting"}
        return events

    def add(self, logs: str) -> None:
        """Add one output of the run; OpenAI has no event for it."""
        self.has_result = True
        if logs:
            outputs = self._open.item["outputs"] or []
            self._open.item["outputs"] = [*outputs, {"type": "logs", "logs": logs}]

    def end(self) -> Events:
        """End the run; `outputs` is null without any output."""
        self._open.item["status"] = "completed"
        return [self._open.event("response.code_interpreter_call.completed"), self._open.done()]


class CompactionWriter:
    """A compaction: an item without content first, then its carried state."""

    def __init__(self, output: Output) -> None:
        self._open = output.begin("cmp", "compaction", encrypted_content="")

    def begin(self) -> Events:
        """Return the first events of the compaction."""
        return [self._open.added(), self._open.event("response.compaction.compacting")]

    def end(self, state: str) -> Events:
        """End the compaction with its carried state."""
        self._open.item["encrypted_content"] = state
        return [self._open.done()]


def image_item(output: Output, url: str) -> Events:
    """Return the events of an image; `url` is its data URL."""
    head, _, base64 = url.partition(";base64,")
    kind = head.removeprefix("data:image/")
    item = output.begin("ig", "image_generation_call", status="in_progress", result=None)
    events = [item.added()]
    events += [item.event(f"response.image_generation_call.{step}") for step in ("in_progress", "generating")]
    item.item |= {"status": "completed", "result": base64, "output_format": kind}
    return [*events, item.event("response.image_generation_call.completed"), item.done()]


def refusal_item(output: Output, refusal: str) -> Events:
    """Return the events of a message with a refusal."""
    item = output.begin("msg", "message", status="in_progress", content=[], role="assistant")
    part: dict[str, Any] = {"type": "refusal", "refusal": ""}
    events = [item.added(), item.event("response.content_part.added", content_index=0, part=dict(part))]
    part["refusal"] = refusal
    item.item |= {"content": [part], "status": "completed"}
    events += [
        item.event("response.refusal.delta", content_index=0, delta=refusal),
        item.event("response.refusal.done", content_index=0, refusal=refusal),
        item.event("response.content_part.done", content_index=0, part=dict(part)),
    ]
    return [*events, item.done()]


def _custom_call(output: Output, call: Call, tool: CalledTool) -> Events:
    text = custom_input(call.arguments)
    named = {"call_id": call.id, "input": "", "name": tool.name, **_namespace(tool)}
    item = output.begin("ctc", "custom_tool_call", status="in_progress", **named)
    events = [item.added(), item.event("response.custom_tool_call_input.delta", delta=text)]
    events.append(item.event("response.custom_tool_call_input.done", input=text))
    item.item |= {"input": text, "status": "completed"}
    return [*events, item.done()]


def _search_call(output: Output, call: Call) -> Events:
    arguments = orjson.loads(call.arguments)
    named = {"call_id": call.id, "execution": "client"}
    item = output.begin("tsc", "tool_search_call", status="in_progress", arguments={}, **named)
    events = [item.added()]
    item.item |= {"arguments": arguments, "status": "completed"}
    return [*events, item.done()]


def _client_call(output: Output, call: Call, kind: str, action: dict[str, Any]) -> Events:
    """Return the events of a client-side tool's call; only a shell's commands have events of their own."""
    tool = TOOLS[kind]
    begun = {name: "" if name == "diff" else value for name, value in action.items()}
    if kind == "shell":
        begun["commands"] = []
    own = {"environment": None} if kind == "shell" else {}
    item = output.begin(
        tool.prefix, tool.item_type, status="in_progress", call_id=call.id, **{tool.field: begun}, **own
    )
    events = [item.added()]
    for index, command in enumerate(action["commands"] if kind == "shell" else ()):
        events += item.command(index, command)
    item.item |= {tool.field: action, "status": "completed"}
    return [*events, item.done()]


def _namespace(tool: CalledTool) -> dict[str, str]:
    return {"namespace": tool.namespace} if tool.namespace else {}
