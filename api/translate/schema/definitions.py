"""The `$defs` of a rewritten schema: whatever its references need, under names of its own."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from api.translate.schema.facts import Piece
from api.translate.schema.findings import Findings

Written = dict[str, Any]


class Definitions:
    """Names for referenced nodes. `waiting` are those named and not yet written, `written` the others by name."""

    def __init__(self, root: Mapping[str, Any], findings: Findings) -> None:
        self._root = root
        self._findings = findings
        self._names: dict[int, str] = {}
        self._taken: set[str] = set()
        self.waiting: list[tuple[str, Piece]] = []
        self.written: dict[str, Written] = {}

    def reference(self, piece: Piece) -> Written:
        """Return a reference to a node, wherever it stands; what is outside `$defs` gets a definition."""
        if piece.node is self._root:
            return {"$ref": "#"}
        if not self._taken:
            self._name_own()
        known = self._names.get(id(piece.node))
        name = known if known is not None else self.new_name(piece.path[1] if piece.path is not None else "")
        if known is None:
            self._findings.converted("$ref")
            self._names[id(piece.node)] = name
        if name not in self.written:
            self.written[name] = {}
            self.waiting.append((name, piece))
        return reference_to(name)

    def new_name(self, wanted: str) -> str:
        """Return a name that no definition has."""
        if not self._taken:
            self._name_own()
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name

    def break_circles(self) -> None:
        """Let anything pass where definitions lead to nothing but each other: no value is described there."""
        names = {reference_to(name)["$ref"]: name for name in self.written}
        following = {
            name: names[target] for name, node in self.written.items() if (target := _only_reference(node)) in names
        }
        finished: set[str] = set()
        for name in following:
            trail: dict[str, None] = {}
            step: str | None = name
            while step is not None and step not in finished and step not in trail:
                trail[step] = None
                step = following.get(step)
            if step in trail:
                self.written[step or ""] = {}
                self._findings.dropped("$ref", (None, step or ""))
            finished.update(trail)

    def _name_own(self) -> None:
        self._taken.add("")
        for keyword in ("$defs", "definitions"):
            own = self._root.get(keyword)
            for name, node in own.items() if isinstance(own, dict) else ():
                if isinstance(node, dict) and id(node) not in self._names:
                    unused = name not in self._taken or name == ""
                    self._names[id(node)] = name if unused else f"{name}_{keyword}"
                    self._taken.add(self._names[id(node)])


def reference_to(name: str) -> Written:
    """Return a reference to a definition."""
    return {"$ref": f"#/$defs/{quote(name.replace('~', '~0').replace('/', '~1'), safe='~')}"}


def _only_reference(node: Written) -> str | None:
    """Return the reference that a definition consists of, if it says nothing else."""
    inner = node.get("anyOf", [])
    alone = inner[0] if len(inner) == 1 and node.keys() <= {"anyOf", "title", "description", "default"} else node
    reference = alone.get("$ref") if len(alone) == 1 else None
    return reference if isinstance(reference, str) else None
