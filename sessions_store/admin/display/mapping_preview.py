"""The preview of the mappings: the matching row of a name, and the upstream model of a request today."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sessions_store.admin.display.retirements import Retirement, retirements
from sessions_store.catalogue.resolution import Catalogue
from sessions_store.catalogue.rows import load
from sessions_store.models import ModelMapping


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """The resolution of a request for `name`.

    `upstream` is empty if the gateway would respond with 404; `steps` are the steps after the mapping.
    """

    name: str
    mapping: ModelMapping | None = None
    upstream: str = ""
    steps: tuple[str, ...] = ()
    defaults: dict[str, Any] | None = None
    in_catalogue: bool = True
    retirement: Retirement | None = None


def dry_run(name: str, *, today: date) -> DryRun:
    """Resolve `name` by the current rows of the database."""
    rows = load()
    resolution = Catalogue(rows).resolve(name, today=today)
    if resolution is None:
        return DryRun(name=name)
    followed = sum(kind == "mapped" for kind, _ in resolution.changes) > 1
    return DryRun(
        name=name,
        mapping=ModelMapping.objects.filter(public_name=resolution.mapping).first(),
        upstream=resolution.upstream,
        steps=tuple(
            reason.replace(" -> ", " → ") for kind, reason in resolution.changes if kind != "mapped" or followed
        ),
        defaults=dict(resolution.defaults) or None,
        in_catalogue=resolution.upstream in rows.models,
        retirement=retirements(today).get(resolution.upstream),
    )
