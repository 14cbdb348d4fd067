"""The index of usage records by end user, in the order of the admin's list. No table is copied.

It replaces the index by account and end user: SQLite chose that one for a filter by account, and then sorted every
record of the account.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    """One index for another."""

    dependencies = [
        ("sessions_store", "0018_call_signatures"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(fields=["user", "started_at", "id"], name="usage_of_end_user"),
        ),
        migrations.RemoveIndex(
            model_name="usagerecord",
            name="usage_of_user",
        ),
    ]
