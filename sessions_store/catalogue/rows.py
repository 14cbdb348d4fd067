"""The rows of a catalogue as immutable values, and their load from the database."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from fnmatch import translate
from typing import Any

from sessions_store.accounts.access import Access, load_access
from sessions_store.catalogue.model_profile import ModelProfile
from sessions_store.catalogue.pricing import AUDIO, IMAGE, VIDEO, Price
from sessions_store.models import ModelMapping, ModelPrice, UpstreamModel

CAPABILITIES = tuple(capability.name for capability in fields(ModelProfile))
LISTS = ("thinking_levels", "output_modalities")


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueModel(ModelProfile):
    """One upstream model of a snapshot: its capabilities and its lifetime."""

    released_on: date | None = None
    retires_on: date | None = None
    successor: str | None = None
    listed: bool = True
    created: int = 0
    methods: tuple[str, ...] = ("generateContent", "countTokens")

    def retired(self, today: date) -> bool:
        """Whether Google has shut this model down by that day."""
        return self.retires_on is not None and self.retires_on <= today


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingRow:
    """One enabled model mapping. `literal` is the text before the first wildcard; for an exact row, the whole name."""

    public_name: str
    upstream_model: str
    defaults: Mapping[str, Any]
    created: int
    pattern: re.Pattern[str] | None
    literal: str

    def matches(self, name: str) -> bool:
        """Whether this row applies to the public name (case-sensitive)."""
        return name == self.public_name if self.pattern is None else self.pattern.match(name) is not None

    @property
    def renames(self) -> bool:
        """Whether the row gives another public name, which is resolved in turn, instead of an upstream model."""
        return "*" in self.upstream_model

    def renamed(self, name: str) -> str:
        """Return the new name for a matching name."""
        before, _, after = self.public_name.partition("*")
        return self.upstream_model.replace("*", name[len(before) : len(name) - len(after)]).removeprefix("models/")


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueRows:
    """All rows of one load: models by name, mappings in order, prices by (model, tier), newest first."""

    models: Mapping[str, CatalogueModel] = field(default_factory=dict)
    mappings: tuple[MappingRow, ...] = ()
    prices: Mapping[tuple[str, str], tuple[tuple[date, Price], ...]] = field(default_factory=dict)
    access: Access = field(default_factory=Access)


def load(previous: Access | None = None) -> CatalogueRows:
    """Read the catalogue, its prices, the enabled mappings, and the keys and projects unless they are those of
    `previous`.
    """
    models = {row.name: catalogue_model(row) for row in UpstreamModel.objects.select_related("successor")}
    mappings = tuple(_mapping_row(row) for row in ModelMapping.objects.filter(enabled=True).order_by("position", "id"))
    prices: dict[tuple[str, str], list[tuple[date, Price]]] = {}
    for row in ModelPrice.objects.select_related("model").order_by("-valid_from", "-id"):
        prices.setdefault((row.model.name, row.tier), []).append((row.valid_from, _price(row)))
    return CatalogueRows(
        models=models,
        mappings=mappings,
        prices={key: tuple(dated) for key, dated in prices.items()},
        access=load_access(previous),
    )


def prices_by_id() -> dict[int, Price]:
    """Return every price row by its id."""
    return {row.pk: _price(row) for row in ModelPrice.objects.all()}


def catalogue_model(row: UpstreamModel) -> CatalogueModel:
    """Return an immutable copy of an upstream model's row."""
    columns = {name: getattr(row, name) for name in CAPABILITIES}
    for name in LISTS:
        columns[name] = tuple(columns[name])
    columns["thinking_budgets"] = tuple(row.thinking_budgets.items())
    return CatalogueModel(
        **columns,
        released_on=row.released_on,
        retires_on=row.retires_on,
        successor=row.successor.name if row.successor else None,
        listed=row.listed,
        created=_day_stamp(row.released_on) or int(row.created_at.timestamp()),
        methods=tuple(row.methods),
    )


def _mapping_row(row: ModelMapping) -> MappingRow:
    # fnmatch's expressions use atomic groups: a match takes linear time for any pattern.
    return MappingRow(
        public_name=row.public_name,
        upstream_model=row.upstream_model,
        defaults=row.defaults,
        created=int(row.created_at.timestamp()),
        pattern=re.compile(translate(row.public_name)) if row.is_pattern else None,
        literal=re.split(r"[*?]", row.public_name, maxsplit=1)[0],
    )


def _price(row: ModelPrice) -> Price:
    base = {"input": _pico(row.input), "output": _pico(row.output)}
    cached = base["input"] if row.cached_input is None else _pico(row.cached_input)
    return Price(
        id=row.pk,
        input=base["input"],
        cached_input=cached,
        output=base["output"],
        input_by_modality=_present({AUDIO: row.audio_input, IMAGE: row.image_input, VIDEO: row.video_input}),
        cached_by_modality=_present({AUDIO: row.cached_audio_input}),
        output_by_modality=_present({AUDIO: row.audio_output, IMAGE: row.image_output}),
        long_context_from=row.long_context_from,
        long_input=_optional_pico(row.long_input),
        long_cached_input=_optional_pico(row.long_cached_input),
        long_output=_optional_pico(row.long_output),
        search_query=_fee(row.search_query),
        grounded_prompt=_fee(row.grounded_prompt),
    )


def _pico(usd_per_million: Decimal) -> int:
    return int(usd_per_million * 1_000_000)


def _optional_pico(usd_per_million: Decimal | None) -> int | None:
    return None if usd_per_million is None else _pico(usd_per_million)


def _fee(usd_per_thousand: Decimal | None) -> int:
    return 0 if usd_per_thousand is None else int(usd_per_thousand * 1_000_000_000)


def _present(prices: dict[str, Decimal | None]) -> dict[str, int]:
    return {modality: _pico(price) for modality, price in prices.items() if price is not None}


def _day_stamp(day: date | None) -> int:
    return 0 if day is None else (day - date(1970, 1, 1)).days * 86_400
