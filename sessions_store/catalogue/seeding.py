"""The first rows of a new installation, from `seed/*.json`. Seeding adds absent rows and changes no existing row."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.apps.registry import Apps
from django.contrib.auth.hashers import make_password

from sessions_store.catalogue.resolution import STANDARD

SEED = Path(__file__).parent / "seed"
DATES = ("released_on", "retires_on")


def read_seed(name: str) -> Any:
    """Return the parsed content of one seed file."""
    return json.loads((SEED / f"{name}.json").read_text(encoding="utf-8"))


def seed(apps: Apps) -> None:
    """Add the local principal, the catalogue with its prices, and the model mappings, each if absent.

    `apps` is a migration's state registry or Django's own. A repeated run changes no existing row.
    """
    seed_local_principal(apps)
    seed_catalogue(apps)
    seed_mappings(apps)


def seed_local_principal(apps: Apps) -> None:
    """Add the principal of keyless requests, without a usable password and without permissions."""
    user = apps.get_model("sessions_store", "User")
    user.objects.get_or_create(username="local", defaults={"password": make_password(None), "first_name": "Local"})


def seed_catalogue(apps: Apps) -> None:
    """Add the absent upstream models with their prices and successors."""
    model = apps.get_model("sessions_store", "UpstreamModel")
    price = apps.get_model("sessions_store", "ModelPrice")
    catalogue = read_seed("upstream_models")
    families = search_fees()
    successors: dict[str, str] = {}
    for entry in catalogue["models"]:
        columns = dict(entry)
        name, prices, successor = columns.pop("name"), columns.pop("prices"), columns.pop("successor", None)
        for column in DATES:
            if column in columns:
                columns[column] = date.fromisoformat(columns[column])
        row, added = model.objects.get_or_create(name=name, defaults=_known(model, columns))
        if not added:
            continue
        fees = _known(price, families.get(row.family, {}))
        price.objects.bulk_create(
            price(model_id=row.pk, tier=tier, **_priced(dated, Decimal(factor)), **fees)
            for dated in prices
            for tier, factor in {STANDARD: "1", **catalogue["tier_factors"]}.items()
        )
        if successor:
            successors[name] = successor
    for name, successor in successors.items():
        model.objects.filter(name=name).update(successor=model.objects.get(name=successor))


def search_fees() -> dict[str, dict[str, Decimal]]:
    """Return the price columns of Google Search (USD) by model family; all tiers pay the same."""
    families: dict[str, dict[str, str]] = read_seed("upstream_models")["search_fees"]
    return {family: {column: Decimal(usd) for column, usd in fees.items()} for family, fees in families.items()}


def seed_search_fees(apps: Apps) -> None:
    """Add the fees of Google Search to the prices without any."""
    price = apps.get_model("sessions_store", "ModelPrice")
    for family, fees in search_fees().items():
        absent = price.objects.filter(model__family=family, search_query=None, grounded_prompt=None)
        absent.update(**fees)


def seed_mappings(apps: Apps) -> None:
    """Add the model mappings whose public name is absent."""
    _add_mappings(apps, read_seed("model_mappings"))


def seed_name_prefixes(apps: Apps) -> None:
    """Add the absent model mappings that remove a prefix from the name."""
    _add_mappings(apps, [entry for entry in read_seed("model_mappings") if "*" in entry["upstream_model"]])


def _add_mappings(apps: Apps, entries: list[dict[str, Any]]) -> None:
    mapping = apps.get_model("sessions_store", "ModelMapping")
    for entry in entries:
        columns = dict(entry)
        mapping.objects.get_or_create(public_name=columns.pop("public_name"), defaults=columns)


def _priced(dated: dict[str, Any], factor: Decimal) -> dict[str, Any]:
    """Return the columns of a seed price, each amount times the factor of the tier."""
    prices = {column: amount for column, amount in dated.items() if column != "valid_from"}
    return {
        "valid_from": date.fromisoformat(dated["valid_from"]),
        **{column: Decimal(usd) * factor if isinstance(usd, str) else usd for column, usd in prices.items()},
    }


def _known(model: Any, columns: dict[str, Any]) -> dict[str, Any]:
    """Drop the columns that this state of the table lacks: the seed files may be newer than the migration."""
    names = {field.name for field in model._meta.get_fields()}
    return {name: value for name, value in columns.items() if name in names}
