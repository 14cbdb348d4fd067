"""Mappings may take a prefix off a name (`google/gemini-3.8-flash`); the usual prefixes are added where they are
absent.

They stand behind all other rows, so that an operator's own row for such a name still comes first.
"""

import re
from typing import Any

import django.core.validators
from django.db import migrations, models

from sessions_store.catalogue.seeding import seed_name_prefixes


def forwards(apps: Any, schema_editor: Any) -> None:
    """Add what is absent."""
    seed_name_prefixes(apps)


class Migration(migrations.Migration):
    """The pattern that the upstream model must fit, and rows."""

    dependencies = [("sessions_store", "0011_messages_as_sent")]
    operations = [
        migrations.AlterField(
            "modelmapping",
            "upstream_model",
            models.CharField(
                help_text="The Gemini model that answers, without “models/”. With * in it: the text that the * of the "
                "public name stands for takes its place, and the name so made is looked up again.",
                max_length=200,
                validators=[
                    django.core.validators.RegexValidator(
                        re.compile("\\A(?:[A-Za-z0-9*][A-Za-z0-9_.@*-]{0,199})\\Z"),
                        "A Gemini model id, such as gemini-3.8-flash.",
                    )
                ],
            ),
        ),
        migrations.RunPython(forwards, migrations.RunPython.noop),
    ]
