"""The names of tools that stand in namespaces: one flat name each for the model, and the way back for the client."""

from dataclasses import dataclass
from typing import Literal

from api.translate.responses.tools.client_tools import ClientToolKind

TOOL_SEARCH = "tool_search"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalledTool:
    """What a client calls a tool: its kind, its own name, and its namespace ("" for none)."""

    kind: Literal["function", "custom", "tool_search"] | ClientToolKind
    name: str
    namespace: str = ""


class CalledTools(dict[str, CalledTool]):
    """The client's tools by their flat names."""

    def __init__(self) -> None:
        super().__init__()
        self._by_own_name: dict[str, list[str]] | None = None  # made when it is first asked for

    def __setitem__(self, flat: str, tool: CalledTool) -> None:
        super().__setitem__(flat, tool)
        self._by_own_name = None

    def namesakes(self, name: str) -> list[str]:
        """Return the flat names of the tools whose own name this is, in order."""
        if self._by_own_name is None:
            self._by_own_name = {}
            for flat, tool in self.items():
                self._by_own_name.setdefault(tool.name, []).append(flat)
        return self._by_own_name.get(name, [])


def flat_name(name: str, namespace: str | None) -> str:
    """Return `namespace.name`, as prompts write it; depends on nothing else, so histories keep their names.

    OpenAI gives a function that a search found the namespace of its own name: that one stays plain.
    """
    return f"{namespace}.{name}" if namespace and namespace != name else name


def client_tool(name: str, called: CalledTools) -> CalledTool:
    """Return the client's tool for a name that the model called.

    A model may leave the namespace out; then the one tool of that name is meant. A name that nobody declared is given
    on as it is: the client answers it.
    """
    found = called.get(name)
    if found is not None:
        return found
    namesakes = called.namesakes(name)
    return called[namesakes[0]] if len(namesakes) == 1 else CalledTool(kind="function", name=name)
