"""The same answer as another model gave it before: its thought signatures hold for that model's family only."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Three columns."""

    dependencies = [("sessions_store", "0007_usage_indexes")]
    operations = [
        migrations.AddField(
            "message",
            "former_gemini",
            models.TextField(
                blank=True,
                db_default="",
                default="",
                help_text="The Gemini content of the same answer as another model or account had given it before.",
            ),
        ),
        migrations.AddField(
            "message", "former_model", models.CharField(blank=True, db_default="", default="", max_length=200)
        ),
        migrations.AddField(
            "message", "former_account", models.CharField(blank=True, db_default="", default="", max_length=40)
        ),
    ]
