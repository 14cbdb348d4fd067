"""The `$defs` of a rewritten schema: the targets of its references, under unique names."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from api.translate.schema.facts import Subschema
from api.translate.schema.findings import Findings

Written = dict[str, Any]


class Definitions:
    """Names of referenced nodes: `waiting` lists the nodes still to be written, `written` the written ones by name."""

    def __init__(self, root: Mapping[str, Any], findings: Findings) -> None:
        self._root = root
        self._findings = findings
        self._names: dict[int, str] = {}
        self._taken: set[str] = set()
        self.waiting: list[tuple[str, Subschema]] = []
        self.written: dict[str, Written] = {}

    def reference(self, subschema: Subschema) -> Written:
        """Return a reference to a node; a node outside `$defs` gets a definition."""
        if subschema.node is self._root:
            return {"$ref": "#"}
        if not self._taken:
            self._name_own()
        known = self._names.get(id(subschema.node))
        name = known if known is not None else self.new_name(subschema.path[1] if subschema.path is not None else "")
        if known is None:
            self._findings.converted("$ref")
            self._names[id(subschema.node)] = name
        if name not in self.written:
            self.written[name] = {}
            self.waiting.append((name, subschema))
        return reference_to(name)

    def new_name(self, wanted: str) -> str:
        """Return `wanted`, with a number added if another definition has that name."""
        if not self._taken:
            self._name_own()
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name

    def break_circles(self) -> None:
        """Replace definitions that only reference each other in a cycle by a schema that allows any value."""
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
    """Return the reference of a definition that consists of one reference only, else None."""
    inner = node.get("anyOf", [])
    alone = inner[0] if len(inner) == 1 and node.keys() <= {"anyOf", "title", "description", "default"} else node
    reference = alone.get("$ref") if len(alone) == 1 else None
    return reference if isinstance(reference, str) else None
