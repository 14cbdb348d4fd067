"""Whose account signed an answer, and the budget of each reasoning effort; existing models get Google's own table."""

from django.db import migrations, models

from sessions_store.models.upstream_model import check_budgets, google_budgets


class Migration(migrations.Migration):
    """Two columns."""

    dependencies = [("sessions_store", "0003_function_response_parts")]
    operations = [
        migrations.AddField(
            "message",
            "account",
            models.CharField(
                blank=True,
                default="",
                help_text="Whose Gemini account signed it; signatures hold for it only.",
                max_length=40,
            ),
        ),
        migrations.AddField(
            "upstreammodel",
            "thinking_budgets",
            models.JSONField(
                default=google_budgets,
                validators=[check_budgets],
                help_text="The budget in tokens of each reasoning_effort, where a model thinks by a budget. Clamped to "
                "the smallest and the greatest budget.",
            ),
        ),
    ]
