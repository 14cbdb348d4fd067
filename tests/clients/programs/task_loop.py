"""The counterpart of `tests/clients/client_process.py`: read one task per line, run it, write one line of JSON.

The program runs in the clients' virtual environments, without Django and pytest.
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
    """A task: the server (`base_url` ends in /v1) and the prompt. `image` is a data URL, "" without an image."""

    base_url: str
    model: str
    system: str
    prompt: str
    image: str

    @property
    def image_bytes(self) -> bytes:
        """The bytes of the image, for clients that build the data URL."""
        return base64.b64decode(self.image.partition(",")[2])

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages of the task in OpenAI's form."""
        content: Any = self.prompt
        if self.image:
            content = [
                {"type": "text", "text": self.prompt},
                {"type": "image_url", "image_url": {"url": self.image}},
            ]
        return [{"role": "system", "content": self.system}, {"role": "user", "content": content}]


Task = Callable[[Ask], dict[str, Any]]


def serve(tasks: Mapping[str, Task]) -> None:
    """Run tasks until the input ends. The output of a client goes to standard error, not to the results."""
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
