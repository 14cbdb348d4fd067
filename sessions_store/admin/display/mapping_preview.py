"""The dry-run box of the mappings: which row a name meets, and which upstream model would answer today."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sessions_store.admin.display.retirements import Retirement, retirements
from sessions_store.catalogue.resolution import Catalogue
from sessions_store.catalogue.rows import load
from sessions_store.models import ModelMapping


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """What would happen to a request for `name`.

    `upstream` is empty when the gateway would answer 404; `steps` say what follows upon the mapping.
    """

    name: str
    mapping: ModelMapping | None = None
    upstream: str = ""
    steps: tuple[str, ...] = ()
    defaults: dict[str, Any] | None = None
    in_catalogue: bool = True
    retirement: Retirement | None = None


def dry_run(name: str, *, today: date) -> DryRun:
    """Resolve `name` against the rows as they stand in the database now."""
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
