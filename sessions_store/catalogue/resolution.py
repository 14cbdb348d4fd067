"""Resolution of a public model name to an upstream model and its price, in an immutable snapshot of the catalogue."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sessions_store.catalogue.pricing import Price
from sessions_store.catalogue.rows import CatalogueModel, CatalogueRows, MappingRow
from sessions_store.models import ModelPrice

STANDARD = ModelPrice.Tier.STANDARD.value
# Prefixes of Google's model ids: a name with such a prefix is passed on without a catalogue row.
UPSTREAM_PREFIXES = ("gemini-", "gemma-", "learnlm-", "nano-banana", "imagen-", "veo-", "lyria-")
OWNER = "google"
# Price tier by OpenAI's `service_tier`; any other value is priced as standard.
TIERS = {"flex": "flex", "batch": "batch", "priority": "priority"}
MAX_REMEMBERED = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """The upstream model of a public name.

    `changes`: (kind, reason) pairs, one per step of the resolution. `mapping`: the public name of the mapping used,
    None if the name is Gemini's own.
    """

    requested: str
    upstream: str
    model: CatalogueModel
    defaults: dict[str, Any]
    changes: tuple[tuple[str, str], ...]
    mapping: str | None = None


class Catalogue:
    """An immutable snapshot of models, mappings, prices, keys and projects; resolved names are cached."""

    def __init__(self, rows: CatalogueRows) -> None:
        self._rows = rows
        self.access = rows.access
        self._resolved: dict[tuple[str, date], Resolution] = {}
        self._listed: dict[date, list[tuple[str, int, str]]] = {}

    def resolve(self, name: str, *, today: date) -> Resolution | None:
        """Return the resolution of `name` on that day (UTC), None if no model matches.

        The first matching mapping in the operators' order applies; after a mapping that only removes a prefix
        (`openai/*`) the lookup repeats with the shorter name. Gemini's own names (with or without `models/`) resolve to
        themselves unless a mapping spells the name or its beginning (`gemini-2.0-*`). A retired model is replaced by
        its successor, repeatedly.
        """
        key = (name, today)
        if (known := self._resolved.get(key)) is not None:
            return known
        resolution = self._resolve(name, today)
        if resolution is not None:
            if len(self._resolved) >= MAX_REMEMBERED:
                self._resolved.clear()  # bounded: clients may send any number of names
            self._resolved[key] = resolution
        return resolution

    def public_models(self, today: date) -> list[tuple[str, int, str]]:
        """Return (id, created, owned_by) rows of `/v1/models`: mapped names, then listed models of the catalogue.

        A pattern that ends in `*` is listed without it (`gpt-4o*` as `gpt-4o`).
        """
        if (known := self._listed.get(today)) is not None:
            return known
        listed: dict[str, int] = {}
        for row in self._rows.mappings:
            public = row.public_name if row.pattern is None else row.public_name.removesuffix("*")
            if public == row.literal and public[-1:].isalnum() and self.resolve(public, today=today):
                listed.setdefault(public, row.created)
        for model in self._rows.models.values():
            if model.listed and not model.retired(today):
                listed.setdefault(model.name, model.created)
        models = [(public, created, OWNER) for public, created in listed.items()]
        self._listed = {today: models}
        return models

    def price(self, upstream: str, tier: str, on: date, prompt_tokens: int) -> Price | None:
        """Return the price for a model and tier on a day (UTC), for a prompt of that size; None if unknown.

        A tier without rows costs as standard. A dated or numbered variant (`gemini-3.8-flash-001`) costs as its base
        model.
        """
        name: str | None = upstream
        if name not in self._rows.models:
            name = self._named_after(upstream)
        if name is None:
            return None
        wanted = TIERS.get(tier.lower(), STANDARD)
        dated = self._rows.prices.get((name, wanted)) or self._rows.prices.get((name, STANDARD), ())
        for valid_from, price in dated:
            if valid_from <= on:
                return price.at(prompt_tokens)
        return None

    def model(self, name: str) -> CatalogueModel | None:
        """Return the row of an upstream model, None if the catalogue has none."""
        return self._rows.models.get(name)

    def family(self, name: str) -> str:
        """Return the family of an upstream model; for a model without a row, the family of the nearest model."""
        return self._model(name).family

    def models(self) -> list[CatalogueModel]:
        """Return all rows of the catalogue, retired models included."""
        return list(self._rows.models.values())

    def _resolve(self, requested: str, today: date) -> Resolution | None:
        name = requested.removeprefix("models/")
        rows: list[MappingRow] = []
        changes: list[tuple[str, str]] = []
        while (row := self._mapping(name, rows)) is not None:
            rows.append(row)
            target = row.renamed(name) if row.renames else row.upstream_model
            if target != name:
                changes.append(("mapped", f"{name} -> {target}"))
            name = target
            if not row.renames:
                break
        if row is None and not self._is_upstream(name):
            return None
        model = self._model(name)
        seen = {name}
        while model.retired(today) and model.successor and model.successor not in seen:
            seen.add(model.successor)
            changes.append(("retired", f"{model.name} -> {model.successor} since {model.retires_on}"))
            model = self._model(model.successor)
        return Resolution(
            requested=requested,
            upstream=model.name,
            model=model,
            defaults={parameter: value for used in reversed(rows) for parameter, value in used.defaults.items()},
            changes=tuple(changes),
            mapping=rows[-1].public_name if rows else None,
        )

    def _mapping(self, name: str, used: list[MappingRow]) -> MappingRow | None:
        """Return the first mapping for a name; each mapping applies once, so a chain of mappings ends."""
        # A catch-all pattern does not apply to Gemini's own names; a pattern with their beginning does.
        own = self._is_upstream(name)
        for row in self._rows.mappings:
            if (
                row.matches(name)
                and row not in used
                and (row.pattern is None or not own or self._is_upstream(row.literal))
            ):
                return row
        return None

    def _is_upstream(self, name: str) -> bool:
        return name in self._rows.models or name.startswith(UPSTREAM_PREFIXES)

    def _model(self, name: str) -> CatalogueModel:
        known = self._rows.models.get(name)
        if known is not None:
            return known
        nearest = self._nearest(name)
        if nearest is None:
            return CatalogueModel(name=name)
        return replace(nearest, name=name, released_on=None, retires_on=None, successor=None, listed=False, created=0)

    def _nearest(self, name: str) -> CatalogueModel | None:
        """Return the row that lends its capabilities to an unknown model: the base model, else the longest common
        prefix.
        """
        root = self._named_after(name)
        if root is not None:
            return self._rows.models[root]
        best, length = None, len("gemini-")  # a common prefix must be longer
        for known in self._rows.models.values():
            shared = _shared_length(known.name, name)
            if shared > length and known.functions and "generateContent" in known.methods:
                best, length = known, shared
        return best

    def _named_after(self, name: str) -> str | None:
        roots = [known for known in self._rows.models if name.startswith(f"{known}-")]
        return max(roots, key=len, default=None)


def _shared_length(left: str, right: str) -> int:
    length = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        length += 1
    return length
