"""A message is found by its key, and named by an id that grows with time. Until now the one was the other."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """A column, filled from the ids, and its index. What stands stays where it is."""

    dependencies = [("sessions_store", "0009_usage_at_answers")]
    operations = [
        migrations.AddField("message", "key", models.UUIDField(editable=False, null=True)),
        migrations.RunSQL("UPDATE sessions_store_message SET key = id", migrations.RunSQL.noop),
        migrations.AddConstraint(
            "message",
            models.UniqueConstraint(condition=models.Q(key__isnull=False), fields=("key",), name="message_once"),
        ),
    ]
