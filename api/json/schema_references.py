"""Where the `$ref`s of a JSON Schema lead within it: the one resolver of translation, check and emulator.

A reference is a JSON pointer (RFC 6901) in a URI fragment, the name of an `$anchor`, or the `$id` of a subschema with
either behind it. Any place of the schema can be meant, not only `$defs`. Addresses outside are never fetched.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urljoin

# Keywords under which schemas stand: named ones, lists, and single ones.
_NAMED: Final = frozenset(
    {"properties", "$defs", "definitions", "patternProperties", "dependentSchemas", "dependencies"}
)
_LISTED: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems", "items"})
_SINGLE: Final = frozenset(
    {
        "additionalItems",
        "additionalProperties",
        "contains",
        "contentSchema",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
# The longest index of a list that is read as a number.
_INDEX_DIGITS: Final = 9


class Target(NamedTuple):
    """A schema (an object, `true` or `false`), and the URI that references within it are relative to."""

    node: Any
    base: str


def inner_base(node: Mapping[str, Any], base: str) -> str:
    """Return the URI that references in `node` are relative to: that of its `$id` if it has one, else `base`."""
    identifier = node.get("$id")
    if not isinstance(identifier, str) or identifier.startswith("#"):
        return base
    return _joined(base, identifier.partition("#")[0]) or base


class References:
    """Resolves the references of one schema. The names in it are read once, and only if a reference uses one."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._names: tuple[dict[str, Any], dict[tuple[str, str], Any]] | None = None
        self.base = inner_base(root, "")

    def resolve(self, reference: str, base: str | None = None) -> Target | None:
        """Return what a `$ref` points to, or None if that is no schema within the root.

        `base` is the URI of the place where the reference stands; without it, that of the root.
        """
        base = self.base if base is None else base
        if base == self.base and reference.startswith("#/"):
            return _at(self._root, base, unquote(reference[1:]) if "%" in reference else reference[1:])
        uri, _, fragment = reference.partition("#")
        uri = _joined(base, uri) if uri else base
        fragment = unquote(fragment)
        if fragment and fragment[0] != "/":
            found = self._named()[1].get((uri, fragment))
            return None if found is None else Target(found, inner_base(found, uri))
        resource = self._root if uri == self.base else self._named()[0].get(uri)
        if resource is None or not fragment:
            return None if resource is None else Target(resource, uri)
        return _at(resource, uri, fragment)

    def _named(self) -> tuple[dict[str, Any], dict[tuple[str, str], Any]]:
        """Return the schemas with an `$id` by URI, and those with a name of their own by URI and name."""
        if self._names is None:
            resources: dict[str, Any] = {}
            anchors: dict[tuple[str, str], Any] = {}
            waiting: list[tuple[Any, str]] = [(self._root, "")]
            while waiting:
                node, base = waiting.pop()
                if not isinstance(node, dict):
                    continue
                own = inner_base(node, base)
                if own != base:
                    resources.setdefault(own, node)
                for name in _anchors(node):
                    anchors.setdefault((own, name), node)
                waiting.extend((child, own) for child in _children(node))
            self._names = resources, anchors
        return self._names


def _anchors(node: Mapping[str, Any]) -> Iterator[str]:
    for keyword in ("$anchor", "$dynamicAnchor"):
        if isinstance(name := node.get(keyword), str):
            yield name
    # Until 2019 a name was an `$id` of nothing but a fragment.
    if isinstance(name := node.get("$id"), str) and name.startswith("#"):
        yield name[1:]


def _children(node: Mapping[str, Any]) -> Iterator[Any]:
    for key, value in node.items():
        if key in _NAMED and isinstance(value, dict):
            yield from value.values()
        elif key in _LISTED and isinstance(value, list):
            yield from value
        elif key in _SINGLE:
            yield value


def _at(resource: Any, base: str, pointer: str) -> Target | None:
    """Follow a JSON pointer; `~0` and `~1` stand for a tilde and a slash, a list is entered by index."""
    node = resource
    for step in pointer[1:].split("/"):
        if isinstance(node, dict):
            name = _unescaped(step)
            if name not in node:
                return None
            node = node[name]
        elif isinstance(node, list) and (index := _index(step)) is not None and index < len(node):
            node = node[index]
        else:
            return None
        if isinstance(node, dict):
            base = inner_base(node, base)
    return Target(node, base) if isinstance(node, dict | bool) else None


def _unescaped(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~") if "~" in step else step


def _index(step: str) -> int | None:
    """Return the index that RFC 6901 writes so: ASCII digits without a leading zero."""
    if len(step) > _INDEX_DIGITS or not (step.isascii() and step.isdigit()) or (step[0] == "0" and step != "0"):
        return None
    return int(step)


def _joined(base: str, reference: str) -> str:
    try:
        return urljoin(base, reference)
    except ValueError:
        return reference
