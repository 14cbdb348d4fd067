"""The messages of a stored chat completion as its request sent them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """One column; null in the rows that are there, and in those that an older worker still writes."""

    dependencies = [("sessions_store", "0010_message_keys")]
    operations = [
        migrations.AddField(
            "storedcompletion",
            "input_items",
            models.JSONField(
                null=True, blank=True, help_text="Ids of the request's messages as they were sent, in order."
            ),
        ),
    ]
