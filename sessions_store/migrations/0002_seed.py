"""Seed the local principal, the catalogue and the model mappings; an existing row is never overwritten."""

from typing import Any

from django.db import migrations

from sessions_store.catalogue.seeding import seed


def forwards(apps: Any, schema_editor: Any) -> None:
    """Add what is absent."""
    seed(apps)


class Migration(migrations.Migration):
    """The first rows."""

    dependencies = [("sessions_store", "0001_schema")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
