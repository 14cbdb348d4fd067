"""Two indexes: what still needs an upstream request, and what went wrong. No table is copied for them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """The indexes."""

    dependencies = [
        ('sessions_store', '0006_search_fees'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='usagerecord',
            index=models.Index(fields=['upstream_request'], name='usage_of_upstream_request'),
        ),
        migrations.AddIndex(
            model_name='usagerecord',
            index=models.Index(condition=models.Q(('status', 'ok'), _negated=True), fields=['started_at'], name='usage_problems'),
        ),
    ]
