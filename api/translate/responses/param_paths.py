"""Maps parameter paths of the shared translations to paths of a Responses request.

The shared translations read messages, tools and formats in the form of chat completions, and name them so in errors and
notes (`messages[2].tool_calls[0].function.arguments`). A client of the Responses API needs the path in its own request
(`input[5].arguments`).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from api.errors import GatewayError, InvalidRequestError
from api.notes import Note

_PREFIX_ENDS = frozenset(".[")
_QUOTED = re.compile(r"'([a-z_]+(?:\[[0-9]+\]|\.[a-z_]+)*)'")
_MESSAGE = re.compile(r"messages\[([0-9]+)\]")
# Fields nested one level deeper in chat completions.
_NESTED = (
    (".image_url.url", ".image_url"),
    (".image_url.detail", ".detail"),
    (".file.file_data", ".file_data"),
    (".file.file_id", ".file_id"),
)
_PARAMETERS = {
    "response_format.json_schema": "text.format",
    "response_format": "text.format",
    "reasoning_effort": "reasoning.effort",
    "max_completion_tokens": "max_output_tokens",
    "remembered": "previous_response_id",
    "messages": "input",
}


@dataclass(slots=True)
class Places:
    """`messages` has the path of each message.

    `inner` maps the prefixes of other paths, and the longest prefix wins.
    """

    messages: list[str] = field(default_factory=list)
    inner: dict[str, str] = field(default_factory=dict)

    def openai(self, param: str) -> str:
        """Return the client's path for `param`."""
        prefix = param
        while prefix:
            place = self.inner.get(prefix)
            if place is not None:
                return f"{place}{_flat(param[len(prefix) :])}"
            prefix = _shorter(prefix)
        found = _MESSAGE.match(param)
        if found is not None and int(found[1]) < len(self.messages):
            return f"{self.messages[int(found[1])]}{_flat(param[found.end() :])}"
        return next((_renamed(param, old, new) for old, new in _PARAMETERS.items() if _begins(param, old)), param)

    def notes(self, notes: Iterable[Note]) -> tuple[Note, ...]:
        """Return the notes under the client's paths."""
        return tuple(Note(note.kind, self.openai(note.param), note.reason) for note in notes)

    def error(self, error: InvalidRequestError) -> InvalidRequestError:
        """Return the error under the client's paths."""
        if error.param is None:
            return error
        param = self.openai(error.param)
        message = _QUOTED.sub(lambda found: f"'{self.openai(found[1])}'", error.message)
        named = InvalidRequestError(message, param=param, code=error.code, retryable=error.retryable)
        named.upstream_message = error.upstream_message
        return named

    def rename(self, error: GatewayError) -> None:
        """Rename the paths in an error that has been raised already."""
        if error.param is not None:
            error.param = self.openai(error.param)
            error.message = _QUOTED.sub(lambda found: f"'{self.openai(found[1])}'", error.message)


def _shorter(prefix: str) -> str:
    """Return the path of the parent of `prefix`; "" for a top-level parameter."""
    return prefix[: max(prefix.rfind("."), prefix.rfind("["), 0)]


def _flat(rest: str) -> str:
    for nested, flat in _NESTED:
        if rest.endswith(nested):
            return rest.removesuffix(nested) + flat
    return rest


def _begins(param: str, name: str) -> bool:
    return param.startswith(name) and (len(param) == len(name) or param[len(name)] in _PREFIX_ENDS)


def _renamed(param: str, old: str, new: str) -> str:
    # Messages of the stored conversation have no index in this request.
    return new if old in ("remembered", "messages") else f"{new}{param[len(old) :]}"
