"""Roll-ups by project, key, service tier and endpoint family, with tokens by modality and the cost by line item; spend alerts.

New tables take the place of the former ones. They are filled day by day from the usage records, one transaction for
each day, and the former rows of that day are deleted with it: after an interruption, `migrate` goes on with the next
day. The usage records are read, not changed. Figures of the admin stay: a former row that is not the sum of its usage
records comes over as it is, without line items.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import add
from typing import Any

import django.db.models.deletion
from django.db import connection, migrations, models, transaction
from django.db.migrations.loader import MigrationLoader

from sessions_store.database.cursors import hot_cursor
from sessions_store.database.sql import from_datetime, to_datetime
from sessions_store.models.access.budget import new_spend_alert_id
from sessions_store.models.rollup import HISTOGRAM_COLUMNS, RECORD_SUMS, SUM_COLUMNS
from sessions_store.usage.rollups import COMPLETIONS, LEVELS, add_level, recorded_totals

LEVEL_NAMES = ("usageminute", "usagehour", "usageday")
FORMER_KEY = ("bucket", "principal_id", "public_model", "upstream_model", "status_class")
FORMER_SUMS = (*RECORD_SUMS, *HISTOGRAM_COLUMNS)
KEY = ["bucket", "project", "key", "principal", "public_model", "upstream_model", "service_tier", "family", "status_class"]
SUMS = (
    *("cost_input_nano", "cost_cached_input_nano", "cost_output_nano", "cost_search_nano"),
    *("search_queries", "search_requests"),
    *("input_audio_tokens", "input_image_tokens", "cached_audio_tokens", "cached_image_tokens"),
    *("output_audio_tokens", "output_image_tokens", "cache_write_tokens"),
)

FormerKey = tuple[Any, ...]
Counts = list[int]


def bring_over(apps: Any, schema_editor: Any) -> None:
    """Create the new tables beside the former ones, fill them, and drop the former ones; goes on where it stopped."""
    tables = connection.introspection.table_names()
    new = [apps.get_model("sessions_store", name) for name in LEVEL_NAMES]
    if _former(new[0]) not in tables:
        with transaction.atomic():
            for model in new:
                table, former = model._meta.db_table, _former(model)
                schema_editor.execute(f'ALTER TABLE "{table}" RENAME TO "{former}"')
                schema_editor.create_model(model)
            for statement in schema_editor.deferred_sql:
                schema_editor.execute(statement)
            schema_editor.deferred_sql.clear()
    default_project = apps.get_model("sessions_store", "Project").objects.get(public_id="proj_default").pk
    while (day := _first_day(new)) is not None:
        with transaction.atomic():
            _bring_over_day(new, day, default_project)
    with transaction.atomic():
        for model in reversed(new):
            schema_editor.execute(f'DROP TABLE "{_former(model)}"')


def sum_up(apps: Any, schema_editor: Any) -> None:
    """Replace the tables by tables with the former keys, in one transaction: the way back."""
    former = MigrationLoader(connection).project_state([("sessions_store", "0016_projects_and_keys")]).apps
    key = ", ".join(FORMER_KEY)
    sums = ", ".join(f"sum({column})" for column in FORMER_SUMS)
    with transaction.atomic():
        for name in LEVEL_NAMES:
            model = former.get_model("sessions_store", name)
            table = model._meta.db_table
            schema_editor.execute(f'ALTER TABLE "{table}" RENAME TO "{table}_keyed"')
            schema_editor.create_model(model)
            into = f'INSERT INTO "{table}" ({key}, {", ".join(FORMER_SUMS)})'  # noqa: S608 - names of our own models
            schema_editor.execute(f'{into} SELECT {key}, {sums} FROM "{table}_keyed" GROUP BY {key}')  # noqa: S608
            schema_editor.execute(f'DROP TABLE "{table}_keyed"')


def _former(model: Any) -> str:
    return f"{model._meta.db_table}_former"


def _first_day(new: Sequence[Any]) -> datetime | None:
    """Return the first day with former rows."""
    found = []
    with connection.cursor() as cursor:
        for model in new:
            cursor.execute(f'SELECT min(bucket) FROM "{_former(model)}"')  # noqa: S608 - names of our own models
            found += [to_datetime(bucket) for (bucket,) in cursor.fetchall() if bucket is not None]
    return min(found).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) if found else None


def _bring_over_day(new: Sequence[Any], day: datetime, default_project: int) -> None:
    end = day + timedelta(days=1)
    levels = recorded_totals(day, end).levels()
    for model, current, level in zip(new, LEVELS, levels, strict=True):
        former = dict(_former_rows(model, day, end))
        recorded: dict[FormerKey, Counts] = {}
        for key, counts in level.items():
            known = recorded.get(_former_key(key))
            own = [*counts[: len(RECORD_SUMS)], *counts[len(SUM_COLUMNS) :]]
            recorded[_former_key(key)] = own if known is None else [*map(add, known, own)]
        equal = {key for key, counts in former.items() if recorded.get(key) == counts}
        rows = {key: counts for key, counts in level.items() if _former_key(key) in equal}
        for old, counts in former.items():
            if old not in equal:
                bucket, principal, public_model, upstream_model, status_class = old
                key = (bucket, default_project, 0, principal, public_model, upstream_model, "", COMPLETIONS, status_class)
                rows[key] = [*counts[: len(RECORD_SUMS)], *[0] * len(SUMS), *counts[len(RECORD_SUMS) :]]
        with hot_cursor() as cursor:
            add_level(cursor, current, rows)
            within = [from_datetime(day), from_datetime(end)]
            cursor.execute(f'DELETE FROM "{_former(model)}" WHERE bucket >= %s AND bucket < %s', within)  # noqa: S608


def _former_key(key: tuple[Any, ...]) -> FormerKey:
    bucket, _, _, principal, public_model, upstream_model, _, _, status_class = key
    return (bucket, principal, public_model, upstream_model, status_class)


def _former_rows(model: Any, day: datetime, end: datetime) -> Iterator[tuple[FormerKey, Counts]]:
    columns = ", ".join((*FORMER_KEY, *FORMER_SUMS))
    statement = f'SELECT {columns} FROM "{_former(model)}" WHERE bucket >= %s AND bucket < %s'  # noqa: S608
    with hot_cursor() as cursor:
        for bucket, *row in cursor.rows(statement, [from_datetime(day), from_datetime(end)]):
            key = (to_datetime(bucket).astimezone(UTC), *row[: len(FORMER_KEY) - 1])
            yield key, row[len(FORMER_KEY) - 1 :]


def _fields() -> Mapping[str, Any]:
    """Return the new columns."""
    apart = {"on_delete": django.db.models.deletion.DO_NOTHING, "db_constraint": False, "db_index": False}
    return {
        "project": models.ForeignKey(related_name="+", to="sessions_store.project", **apart),
        "key": models.ForeignKey(
            related_name="+", to="sessions_store.key", help_text="Client key; 0: requests without a key.", **apart
        ),
        "service_tier": models.CharField(blank=True, max_length=20),
        "family": models.CharField(max_length=50, verbose_name="endpoint family"),
        **{name: models.BigIntegerField(db_default=0, default=0) for name in SUMS},
    }


class Migration(migrations.Migration):
    """Changes the state of the three models, then replaces their tables."""

    atomic = False

    dependencies = [("sessions_store", "0016_projects_and_keys")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                *(migrations.RemoveConstraint(model_name=level, name=f"{level}_once") for level in LEVEL_NAMES),
                *(
                    migrations.AddField(model_name=level, name=name, field=field)
                    for level in LEVEL_NAMES
                    for name, field in _fields().items()
                ),
                *(
                    migrations.AddConstraint(
                        model_name=level, constraint=models.UniqueConstraint(fields=KEY, name=f"{level}_key")
                    )
                    for level in LEVEL_NAMES
                ),
            ]
        ),
        migrations.RunPython(bring_over, sum_up, atomic=False),
        # Last, because the operations before it run again after an interruption.
        migrations.CreateModel(
            name="SpendAlert",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.CharField(default=new_spend_alert_id, editable=False, max_length=40, unique=True),
                ),
                ("recipients", models.JSONField(default=list, help_text="E-mail addresses.")),
                ("subject_prefix", models.CharField(blank=True, max_length=100)),
                (
                    "budget",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="spend_alert",
                        to="sessions_store.budget",
                    ),
                ),
            ],
        ),
    ]
