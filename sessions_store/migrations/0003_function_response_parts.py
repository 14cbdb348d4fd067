"""Which models take images and files inside a function's result; the seeded models get Google's own facts."""

from typing import Any

from django.db import migrations, models

from sessions_store.catalogue.seeding import read_seed


def forwards(apps: Any, schema_editor: Any) -> None:
    """Set the new column on the models that the seed file says it of: nobody can have edited it yet."""
    names = [row["name"] for row in read_seed("upstream_models")["models"] if row.get("function_response_parts")]
    apps.get_model("sessions_store", "UpstreamModel").objects.filter(name__in=names).update(function_response_parts=True)


class Migration(migrations.Migration):
    """One column."""

    dependencies = [("sessions_store", "0002_seed")]
    operations = [
        migrations.AddField(
            "upstreammodel",
            "function_response_parts",
            models.BooleanField(default=False, help_text="Takes images and files inside a function's result."),
        ),
        migrations.RunPython(forwards, migrations.RunPython.noop),
    ]
