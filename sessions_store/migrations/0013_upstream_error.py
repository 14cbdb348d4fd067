"""What Google said of a request that it refused, beside what the client was told."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """A column."""

    dependencies = [("sessions_store", "0012_name_prefixes")]
    operations = [
        migrations.AddField(
            "usagerecord",
            "upstream_error",
            models.TextField(
                blank=True, db_default="", default="", help_text="What Google said of a request that it refused."
            ),
        ),
    ]
