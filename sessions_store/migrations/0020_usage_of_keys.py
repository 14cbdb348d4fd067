"""An index of the usage records by key. Records without a key have no entry."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds a partial index; no table is copied."""

    dependencies = [("sessions_store", "0019_usage_of_end_user")]
    operations = [
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(
                fields=["key", "started_at", "id"],
                condition=models.Q(("key__isnull", False)),
                name="usage_of_key",
            ),
        ),
    ]
