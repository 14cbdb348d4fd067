"""The other end of `tests/clients/client_process.py`: reads one task a line, does it, answers with one line of JSON.

Runs in the clients' own virtual environments, so it knows neither Django nor pytest.
"""

import base64
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A task: where to send it (`base_url` ends in /v1) and what to say. `image` is a data URL, "" without one."""

    base_url: str
    model: str
    system: str
    prompt: str
    image: str

    @property
    def image_bytes(self) -> bytes:
        """The image itself, for clients that build the data URL on their own."""
        return base64.b64decode(self.image.partition(",")[2])

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The task in OpenAI's own form."""
        content: Any = self.prompt
        if self.image:
            content = [
                {"type": "text", "text": self.prompt},
                {"type": "image_url", "image_url": {"url": self.image}},
            ]
        return [{"role": "system", "content": self.system}, {"role": "user", "content": content}]


Task = Callable[[Ask], dict[str, Any]]


def serve(tasks: Mapping[str, Task]) -> None:
    """Answer until the input ends. Whatever a client prints itself goes to the error output, not among the answers."""
    responses = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin:
        request = json.loads(line)
        task = tasks[request.pop("task")]
        responses.write(json.dumps(_answered(task, Ask(**request))) + "\n")
        responses.flush()


def _answered(task: Task, ask: Ask) -> dict[str, Any]:
    try:
        return task(ask)
    except Exception:  # noqa: BLE001  whatever a client raises is the answer to the test that asked
        return {"error": traceback.format_exc()}
