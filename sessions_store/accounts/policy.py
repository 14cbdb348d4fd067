"""Policies: what a key may do and how its requests are treated, inherited key → project → gateway. Plain Python.

A policy is stored as a JSON object with any of the fields of `Policy`; a field that is absent is inherited. Rules that
restrict (`scopes`, `models`, `networks`) apply at every level together: a key never exceeds its project.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import translate
from typing import Any, Final

# Endpoint families; a scope is `family.read` or `family.write`, and `family.*` stands for both.
FAMILIES: Final = ("chat", "completions", "responses", "conversations", "models", "sessions")
EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
CONTENTS: Final = ("full", "metadata")
MAX_TAGS: Final = 10
MAX_ENTRIES: Final = 200
# The fields that restrict; all others are inherited from the nearest level that sets them.
RESTRICTIONS: Final = ("scopes", "models", "networks")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class PolicyError(ValueError):
    """A stored or sent policy is invalid; the message names the field."""


@dataclass(frozen=True, slots=True)
class ModelRule:
    """Patterns of models, for the requested name and for the upstream model: `allow` permits these only."""

    allow: bool
    patterns: tuple[re.Pattern[str], ...]

    def permits(self, public: str, upstream: str) -> bool:
        """Whether a request for `public`, resolved to `upstream`, may go on: one of both names matches an allow rule,
        none matches a deny rule.
        """
        matched = any(pattern.match(public) or pattern.match(upstream) for pattern in self.patterns)
        return matched is self.allow


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The effective policy of a request.

    `content` is "full" or "metadata" (no text is stored). `strict` rejects a parameter that would be dropped or
    changed. `default_model` is used for a request without a model. `max_output_tokens` and `max_reasoning_effort` are
    caps, 0 and "" for none. `store` and `media_fetching` permit stored objects and URLs. `budget_header` asks
    for `x-gateway-budget-remaining`. `tags` are copied into usage records. `origins` are the browser origins that may
    use the key. A request must pass every entry of `scopes`, `models` and `networks`, one per level that restricts.
    """

    memory: bool = True
    content: str = "full"
    strict: bool = False
    default_model: str = ""
    max_output_tokens: int = 0
    max_reasoning_effort: str = ""
    store: bool = True
    media_fetching: bool = True
    budget_header: bool = False
    tags: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    scopes: tuple[frozenset[str], ...] = ()
    models: tuple[ModelRule, ...] = ()
    networks: tuple[tuple[Network, ...], ...] = ()

    def permits_scope(self, family: str, *, write: bool) -> bool:
        """Whether an endpoint family may be read or written."""
        wanted = f"{family}.{'write' if write else 'read'}"
        return all(wanted in level for level in self.scopes)

    def permits_model(self, public: str, upstream: str) -> bool:
        """Whether a model may be used, by its requested name and by the upstream model."""
        return all(rule.permits(public, upstream) for rule in self.models)

    def permits_address(self, address: str) -> bool:
        """Whether a client's address is in the networks of every level; an unknown address is in none."""
        if not self.networks:
            return True
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        found = getattr(found, "ipv4_mapped", None) or found
        return all(any(found in network for network in level) for level in self.networks)


FIELDS: Final = tuple(field.name for field in fields(Policy))
UNRESTRICTED: Final = Policy()


def parse_policy(value: Any) -> dict[str, Any]:
    """Return the set fields of a stored policy in the form of `Policy`; raises PolicyError for an invalid one."""
    if not isinstance(value, Mapping):
        raise PolicyError("A policy is a JSON object.")
    parsed = {}
    for name, given in value.items():
        parse = _PARSERS.get(name)
        if parse is None:
            raise PolicyError(f"“{name}” is no field of a policy. Fields: {', '.join(FIELDS)}.")
        parsed[name] = parse(name, given)
    return parsed


def effective_policy(levels: Sequence[Mapping[str, Any]]) -> Policy:
    """Return the policy of the levels gateway, project, key (each as stored), the later levels before the earlier ones.

    An invalid level raises PolicyError.
    """
    values: dict[str, Any] = {}
    for level in levels:
        for name, value in parse_policy(level).items():
            if name in RESTRICTIONS:
                values[name] = (*values.get(name, ()), value)
            else:
                values[name] = value
    return Policy(**values)


def sources(levels: Sequence[tuple[str, Mapping[str, Any]]]) -> list[tuple[str, Any, str]]:
    """Return (field, value as stored, name of the level) of each field, for display: the level that sets a field, or
    "default"; restrictions have one row per level.
    """
    rows: list[tuple[str, Any, str]] = []
    for name in FIELDS:
        setting = [(level, policy[name]) for level, policy in levels if name in policy]
        if not setting:
            rows.append((name, getattr(UNRESTRICTED, name), "default"))
        elif name in RESTRICTIONS:
            rows += [(name, value, level) for level, value in setting]
        else:
            rows.append((name, setting[-1][1], setting[-1][0]))
    return rows


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise PolicyError(f"“{name}” must be true or false.")
    return value


def _count(name: str, value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**31:
        raise PolicyError(f"“{name}” must be a whole number from 0.")
    return value


def _name(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > 200:
        raise PolicyError(f"“{name}” must be a text of at most 200 characters.")
    return value


def _one_of(choices: Sequence[str]) -> Callable[[str, Any], str]:
    def parse(name: str, value: Any) -> str:
        if value not in choices:
            raise PolicyError(f"“{name}” must be one of {', '.join(filter(None, choices))}.")
        return str(value)

    return parse


def _texts(name: str, value: Any, most: int = MAX_ENTRIES) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or len(value) > most:
        raise PolicyError(f"“{name}” must be a list of at most {most} texts.")
    if any(not isinstance(item, str) or not 0 < len(item) <= 200 for item in value):
        raise PolicyError(f"“{name}” must contain texts of 1 to 200 characters.")
    return tuple(value)


def _tags(name: str, value: Any) -> tuple[str, ...]:
    return _texts(name, value, MAX_TAGS)


def _scopes(name: str, value: Any) -> frozenset[str]:
    known = {f"{family}.{access}" for family in FAMILIES for access in ("read", "write")}
    found: set[str] = set()
    for scope in _texts(name, value):
        family, _, access = scope.partition(".")
        expanded = {f"{family}.read", f"{family}.write"} if access == "*" else {scope}
        if not expanded <= known:
            raise PolicyError(
                f"“{scope}” is no scope. Scopes: family.read, family.write; families: {', '.join(FAMILIES)}."
            )
        found |= expanded
    return frozenset(found)


def _models(name: str, value: Any) -> ModelRule:
    if not isinstance(value, Mapping) or set(value) != {"mode", "model_ids"}:
        raise PolicyError(f"“{name}” must be an object with “mode” and “model_ids”.")
    if value["mode"] not in {"allow_list", "deny_list"}:
        raise PolicyError(f"“{name}.mode” must be allow_list or deny_list.")
    patterns = _texts(f"{name}.model_ids", value["model_ids"])
    # fnmatch's expressions use atomic groups: a match takes linear time for any pattern.
    return ModelRule(value["mode"] == "allow_list", tuple(re.compile(translate(pattern)) for pattern in patterns))


def _networks(name: str, value: Any) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(network) for network in _texts(name, value))
    except ValueError as error:
        raise PolicyError(f"“{name}” must contain networks such as 10.0.0.0/8: {error}.") from None


_PARSERS: Final[dict[str, Callable[[str, Any], Any]]] = {
    "memory": _flag,
    "content": _one_of(CONTENTS),
    "strict": _flag,
    "default_model": _name,
    "max_output_tokens": _count,
    "max_reasoning_effort": _one_of(("", *EFFORTS)),
    "store": _flag,
    "media_fetching": _flag,
    "budget_header": _flag,
    "tags": _tags,
    "origins": _texts,
    "scopes": _scopes,
    "models": _models,
    "networks": _networks,
}
