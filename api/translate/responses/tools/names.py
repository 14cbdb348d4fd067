"""Names of tools in namespaces: one flat name for the model, and the mapping back to the client's name."""

from dataclasses import dataclass
from typing import Literal

from api.translate.responses.tools.client_tools import ClientToolKind

TOOL_SEARCH = "tool_search"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalledTool:
    """A tool in the client's terms: kind, name and namespace ("" without one)."""

    kind: Literal["function", "custom", "tool_search"] | ClientToolKind
    name: str
    namespace: str = ""


class CalledTools(dict[str, CalledTool]):
    """The client's tools by their flat names."""

    def __init__(self) -> None:
        super().__init__()
        self._by_own_name: dict[str, list[str]] | None = None  # built on first use

    def __setitem__(self, flat: str, tool: CalledTool) -> None:
        super().__setitem__(flat, tool)
        self._by_own_name = None

    def namesakes(self, name: str) -> list[str]:
        """Return the flat names of all tools with this name, in order."""
        if self._by_own_name is None:
            self._by_own_name = {}
            for flat, tool in self.items():
                self._by_own_name.setdefault(tool.name, []).append(flat)
        return self._by_own_name.get(name, [])


def flat_name(name: str, namespace: str | None) -> str:
    """Return `namespace.name`; the result depends on nothing else, so that names in the history stay equal.

    OpenAI's tool search sets a function's own name as its namespace: such a name stays plain.
    """
    return f"{namespace}.{name}" if namespace and namespace != name else name


def client_tool(name: str, called: CalledTools) -> CalledTool:
    """Return the client's tool for a name in a model's call.

    A model may omit the namespace, if only one tool has the name. An undeclared name is passed on unchanged: the client
    responds to it.
    """
    found = called.get(name)
    if found is not None:
        return found
    namesakes = called.namesakes(name)
    return called[namesakes[0]] if len(namesakes) == 1 else CalledTool(kind="function", name=name)
