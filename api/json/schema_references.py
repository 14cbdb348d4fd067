"""The resolver of `$ref` within a JSON Schema, for the translation, the validation and the emulator.

A reference is a JSON pointer (RFC 6901) in a URI fragment, the name of an `$anchor`, or the `$id` of a subschema
followed by either. It may point to any place of the schema, not only to `$defs`. External URIs are never fetched.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urljoin

# Keywords with subschemas: as named members, as a list, or as a single schema.
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
# The maximum length of a list index.
_INDEX_DIGITS: Final = 9


class Target(NamedTuple):
    """A schema (an object, `true` or `false`), and the base URI of references within it."""

    node: Any
    base: str


def inner_base(node: Mapping[str, Any], base: str) -> str:
    """Return the base URI of references in `node`: that of its `$id`, else `base`."""
    identifier = node.get("$id")
    if not isinstance(identifier, str) or identifier.startswith("#"):
        return base
    return _joined(base, identifier.partition("#")[0]) or base


class References:
    """Resolves the references of one schema. Its names are collected once, when the first reference needs them."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._names: tuple[dict[str, Any], dict[tuple[str, str], Any]] | None = None
        self.base = inner_base(root, "")

    def resolve(self, reference: str, base: str | None = None) -> Target | None:
        """Return the target of a `$ref`, None if it is no schema within the root.

        `base` is the base URI at the reference; the default is the root's.
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
        """Return the schemas with an `$id` by URI, and those with an anchor by URI and name."""
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
    # Before 2019-09, an anchor was an `$id` with nothing but a fragment.
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
    """Follow a JSON pointer; `~0` and `~1` are the escapes of a tilde and a slash, a list is indexed by number."""
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
    """Return the index of an RFC 6901 token: ASCII digits without a leading zero; None for any other token."""
    if len(step) > _INDEX_DIGITS or not (step.isascii() and step.isdigit()) or (step[0] == "0" and step != "0"):
        return None
    return int(step)


def _joined(base: str, reference: str) -> str:
    try:
        return urljoin(base, reference)
    except ValueError:
        return reference
