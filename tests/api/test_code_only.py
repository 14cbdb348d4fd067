"""A message that is only a code run stays in the history when a client sends its items back."""

from typing import Any

import httpx2
import pytest

from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_3, fresh
from tests.responses import CONVERSATIONS, RESPONSES, ask, named_events

pytestmark = pytest.mark.usefixtures("live_db")

RUN: Any = {"executableCode": {"language": "PYTHON", "code": "print(6 * 7)"}}
PRINTED: Any = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "42\n"}}


def code_only(*said: Any) -> dict[str, Any]:
    """Return the script step of a response with a code run, or with other parts."""
    content = {"role": "model", "parts": [*said] or [RUN, PRINTED]}
    return {"body": {"candidates": [{"content": content, "finishReason": "STOP"}]}}


@pytest.mark.parametrize("store", [True, False])
@pytest.mark.parametrize("stream", [True, False])
def test_a_code_run_sent_back_as_items_is_kept(
    http: httpx2.Client, emulator: Emulator, store: bool, stream: bool
) -> None:
    emulator.script(code_only())
    asked = {"role": "user", "content": fresh("Run it")}
    output = ask(http, input=[asked], store=store)["output"]
    assert [item["type"] for item in output] == ["code_interpreter_call"]
    body = {"model": GEMINI_3, "input": [asked, *output, {"role": "user", "content": "And?"}], "stream": stream}
    response = http.post(RESPONSES, json=body)
    assert response.status_code == 200, response.text
    if stream:
        assert named_events(response.text)[-1]["type"] == "response.completed"
    *_, sent = emulator.bodies()
    assert [content["role"] for content in sent["contents"]] == ["user", "model", "user"]
    assert sent["contents"][1]["parts"] == [RUN, PRINTED]


def test_a_code_run_of_a_conversation_or_previous_response_is_kept(http: httpx2.Client, emulator: Emulator) -> None:
    conversation = http.post(CONVERSATIONS, json={}).json()["id"]
    emulator.script(code_only())
    made = ask(http, input=fresh("Run it"), conversation=conversation)
    for place in ({"conversation": conversation}, {"previous_response_id": made["id"]}):
        ask(http, input="And?", **place)
        *_, sent = emulator.bodies()
        assert sent["contents"][1] == {"role": "model", "parts": [RUN, PRINTED]}


def test_a_code_interpreter_call_of_another_server_is_kept(http: httpx2.Client, emulator: Emulator) -> None:
    run = {
        "type": "code_interpreter_call",
        "id": "ci_1",
        "status": "completed",
        "container_id": "cntr_1",
        "code": "print(6 * 7)",
        "outputs": [{"type": "logs", "logs": "42\n"}],
    }
    ask(http, input=[{"role": "user", "content": fresh("Run it")}, run, {"role": "user", "content": "And?"}])
    *_, sent = emulator.bodies()
    said = "".join(part["text"] for part in sent["contents"][1]["parts"])
    assert sent["contents"][1]["role"] == "model"
    assert "print(6 * 7)" in said
    assert "42" in said


def test_a_code_run_beside_equal_messages_is_kept(http: httpx2.Client, emulator: Emulator) -> None:
    asked, done = fresh("Run it"), {"text": "Done."}
    other = [{"executableCode": {"language": "PYTHON", "code": "now()"}}, PRINTED]
    failed = [RUN, {"codeExecutionResult": {"outcome": "OUTCOME_FAILED", "output": "No."}}]
    silent = {"candidates": [{"content": {"role": "model", "parts": []}, "finishReason": "MAX_TOKENS"}]}
    ask_for = {"input": asked, "tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]}
    emulator.script({"body": silent})
    ask(http, **ask_for)
    for parts in ([RUN, PRINTED], other, failed, [done], [RUN, PRINTED, done], [*failed, done], [*other, done]):
        emulator.script(code_only(*parts))
        made = ask(http, **ask_for)
        ask(http, input="And?", previous_response_id=made["id"])
        *_, sent = emulator.bodies()
        assert sent["contents"][1] == {"role": "model", "parts": parts}
