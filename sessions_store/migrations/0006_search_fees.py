"""What Google Search costs and what was searched for; existing prices get Google's fees where they have none."""

from typing import Any

import django.core.validators
from django.db import migrations, models

from sessions_store.catalogue.seeding import seed_search_fees


def forwards(apps: Any, schema_editor: Any) -> None:
    """Add what is absent."""
    seed_search_fees(apps)


def fee(help_text: str) -> Any:
    """Return a column of USD per thousand."""
    return models.DecimalField(
        blank=True,
        decimal_places=6,
        help_text=help_text,
        max_digits=12,
        null=True,
        validators=[django.core.validators.MinValueValidator(0)],
    )


class Migration(migrations.Migration):
    """Four columns."""

    dependencies = [("sessions_store", "0005_stored_state")]
    operations = [
        migrations.AddField(
            "modelprice",
            "search_query",
            fee(
                "Google Search, USD per thousand queries. Empty: none. Google's free monthly allowance is not deducted."
            ),
        ),
        migrations.AddField(
            "modelprice",
            "grounded_prompt",
            fee(
                "Google Search, USD per thousand prompts that were searched for, however many queries each took. "
                "Empty: none. Google's free allowance is not deducted."
            ),
        ),
        migrations.AddField(
            "usagerecord",
            "search_queries",
            models.IntegerField(default=0, help_text="Google Search queries made for the answer."),
        ),
        migrations.AddField(
            "usagerecord",
            "grounded",
            models.JSONField(
                default=list,
                help_text="Whether each upstream call searched, in the order of the usageMetadata. Empty: none.",
            ),
        ),
        migrations.RunPython(forwards, migrations.RunPython.noop),
    ]
