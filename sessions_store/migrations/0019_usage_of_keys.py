"""Indexes of the usage records by key and by project. Records without them have no entry."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds two partial indexes; no table is copied."""

    dependencies = [("sessions_store", "0018_groups")]
    operations = [
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(
                fields=["key", "started_at", "id"],
                condition=models.Q(("key__isnull", False)),
                name="usage_of_key",
            ),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(
                fields=["project", "started_at", "id"],
                condition=models.Q(("project__isnull", False)),
                name="usage_of_project",
            ),
        ),
    ]
