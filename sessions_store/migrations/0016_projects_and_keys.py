"""The organization, projects, keys, rate limits and budgets. Adds columns without copying the usage records."""

from typing import Any

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import sessions_store.models.access.budget
import sessions_store.models.access.key
import sessions_store.models.access.project
from django.conf import settings
from django.db import migrations, models

from sessions_store.accounts.seeding import seed_organization


def forwards(apps: Any, schema_editor: Any) -> None:
    """Add the first rows."""
    seed_organization(apps)


class Migration(migrations.Migration):
    """Adds tables and nullable columns, then the organization and the default project."""

    dependencies = [
        ('sessions_store', '0015_admin_labels'),
    ]

    operations = [
        migrations.CreateModel(
            name='Organization',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('policy', models.JSONField(blank=True, default=dict, validators=[sessions_store.models.access.project.validate_policy])),
                ('keyed_at', models.DateTimeField(editable=False, null=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'verbose_name_plural': 'organization',
            },
        ),
        migrations.CreateModel(
            name='Worker',
            fields=[
                ('name', models.CharField(max_length=40, primary_key=True, serialize=False)),
                ('started_at', models.DateTimeField()),
                ('heartbeat_at', models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.AddField(
            model_name='usagerecord',
            name='tags',
            field=models.JSONField(help_text='Tags of the client key.', null=True),
        ),
        migrations.AddField(
            model_name='user',
            name='kind',
            field=models.CharField(choices=[('person', 'person'), ('service', 'service account'), ('storage', 'storage of a project')], db_default='person', default='person', max_length=10),
        ),
        migrations.AddField(
            model_name='user',
            name='public_id',
            field=models.CharField(editable=False, max_length=40, null=True, unique=True),
        ),
        migrations.CreateModel(
            name='Budget',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('scope', models.CharField(choices=[('gateway', 'gateway'), ('project', 'project'), ('principal', 'account'), ('key', 'key')], max_length=10)),
                ('model_pattern', models.CharField(blank=True, help_text='Requested model, or a pattern with * and ?. Empty: all models together.', max_length=200, verbose_name='model')),
                ('public_id', models.CharField(default=sessions_store.models.access.budget.new_budget_id, editable=False, max_length=40, unique=True)),
                ('name', models.CharField(blank=True, max_length=100)),
                ('amount_nano', models.BigIntegerField(help_text='Nano-USD (10^-9 USD).', validators=[django.core.validators.MinValueValidator(0)], verbose_name='amount')),
                ('period', models.CharField(choices=[('day', 'day'), ('week', 'week'), ('month', 'month'), ('total', 'in total')], default='month', max_length=10)),
                ('time_zone', models.CharField(default='UTC', max_length=64, validators=[sessions_store.models.access.budget.validate_zone])),
                ('week_start', models.PositiveSmallIntegerField(default=0, help_text='First day of a week: 0 Monday … 6 Sunday.')),
                ('enforcement', models.CharField(choices=[('soft', 'alert only'), ('hard', 'reject requests'), ('strict', 'reject requests, and limit their output to what is left')], default='hard', max_length=10)),
                ('thresholds', models.JSONField(blank=True, default=sessions_store.models.access.budget.default_thresholds, help_text='Percentages that alert.', validators=[sessions_store.models.access.budget.validate_thresholds])),
                ('enabled', models.BooleanField(default=True)),
                ('counts_from', models.DateTimeField(default=django.utils.timezone.now, help_text='Earlier spending does not count.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('principal', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='account')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='BudgetWindow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('starts_on', models.DateField(help_text="Local date of the period's start.")),
                ('spent_nano', models.BigIntegerField(db_default=0, default=0)),
                ('reserved_nano', models.BigIntegerField(db_default=0, default=0)),
                ('budget', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='windows', to='sessions_store.budget')),
            ],
        ),
        migrations.CreateModel(
            name='BudgetLease',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('worker', models.CharField(max_length=40)),
                ('amount_nano', models.BigIntegerField(db_default=0, default=0)),
                ('expires_at', models.DateTimeField(db_index=True)),
                ('window', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='leases', to='sessions_store.budgetwindow')),
            ],
        ),
        migrations.CreateModel(
            name='BudgetAlert',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('threshold', models.IntegerField(help_text='Percent of the amount.')),
                ('projected', models.BooleanField(default=False, help_text='Reached by projection to the end of the period.')),
                ('fired_at', models.DateTimeField()),
                ('window', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='alerts', to='sessions_store.budgetwindow')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Key',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=sessions_store.models.access.key.new_key_id, editable=False, max_length=40, unique=True)),
                ('kind', models.CharField(choices=[('client', 'client key'), ('admin', 'admin key')], default='client', editable=False, max_length=10)),
                ('name', models.CharField(max_length=100)),
                ('digest', models.CharField(editable=False, help_text='SHA-256 of the key, hexadecimal.', max_length=64, unique=True)),
                ('redacted_value', models.CharField(editable=False, max_length=60)),
                ('policy', models.JSONField(blank=True, default=dict, validators=[sessions_store.models.access.project.validate_policy])),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('cut_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('last_used_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('last_used_from', models.CharField(blank=True, editable=False, help_text='Address of the client.', max_length=64)),
                ('created_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('principal', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='keys', to=settings.AUTH_USER_MODEL, verbose_name='owner')),
                ('successor', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='predecessors', to='sessions_store.key')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.AddField(
            model_name='budget',
            name='key',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='sessions_store.key'),
        ),
        migrations.AddField(
            model_name='usagerecord',
            name='key',
            field=models.ForeignKey(db_constraint=False, db_index=False, help_text='Client key of the request.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='sessions_store.key'),
        ),
        migrations.CreateModel(
            name='Project',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=sessions_store.models.access.project.new_project_id, editable=False, max_length=40, unique=True)),
                ('name', models.CharField(max_length=100)),
                ('policy', models.JSONField(blank=True, default=dict, validators=[sessions_store.models.access.project.validate_policy])),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('archived_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('storage', models.OneToOneField(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='project', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['name', 'id'],
            },
        ),
        migrations.AddField(
            model_name='key',
            name='project',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='keys', to='sessions_store.project'),
        ),
        migrations.AddField(
            model_name='budget',
            name='project',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='sessions_store.project'),
        ),
        migrations.AddField(
            model_name='usagerecord',
            name='project',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='sessions_store.project'),
        ),
        migrations.AddField(
            model_name='user',
            name='service_of',
            field=models.ForeignKey(blank=True, help_text='Project of a service account.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='service_accounts', to='sessions_store.project', verbose_name='project'),
        ),
        migrations.CreateModel(
            name='RateLimit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('scope', models.CharField(choices=[('gateway', 'gateway'), ('project', 'project'), ('principal', 'account'), ('key', 'key')], max_length=10)),
                ('model_pattern', models.CharField(blank=True, help_text='Requested model, or a pattern with * and ?. Empty: all models together.', max_length=200, verbose_name='model')),
                ('requests_per_minute', models.PositiveBigIntegerField(blank=True, help_text='Requests per minute (RPM).', null=True, verbose_name='requests per minute')),
                ('requests_per_day', models.PositiveBigIntegerField(blank=True, help_text='Requests per day (RPD).', null=True, verbose_name='requests per day')),
                ('tokens_per_minute', models.PositiveBigIntegerField(blank=True, help_text='Tokens of prompts and responses per minute (TPM).', null=True, verbose_name='tokens per minute')),
                ('tokens_per_day', models.PositiveBigIntegerField(blank=True, help_text='Tokens of prompts and responses per day (TPD).', null=True, verbose_name='tokens per day')),
                ('images_per_minute', models.PositiveBigIntegerField(blank=True, help_text='Generated images per minute.', null=True, verbose_name='images per minute')),
                ('concurrent_requests', models.PositiveBigIntegerField(blank=True, help_text='Requests that run at the same time.', null=True, verbose_name='concurrent requests')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('key', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='sessions_store.key')),
                ('principal', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='account')),
                ('project', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='sessions_store.project')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.AddConstraint(
            model_name='budgetwindow',
            constraint=models.UniqueConstraint(fields=('budget', 'starts_on'), name='budget_window_once'),
        ),
        migrations.AddConstraint(
            model_name='budgetlease',
            constraint=models.UniqueConstraint(fields=('window', 'worker'), name='budget_lease_once'),
        ),
        migrations.AddConstraint(
            model_name='budgetalert',
            constraint=models.UniqueConstraint(fields=('window', 'threshold', 'projected'), name='budget_alert_once'),
        ),
        migrations.AddConstraint(
            model_name='key',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'client'), ('project__isnull', False)), models.Q(('kind', 'admin'), ('project__isnull', True)), _connector='OR'), name='key_has_project'),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('key__isnull', True), ('principal__isnull', True), ('project__isnull', True), ('scope', 'gateway')), models.Q(('key__isnull', True), ('principal__isnull', True), ('project__isnull', False), ('scope', 'project')), models.Q(('key__isnull', True), ('principal__isnull', False), ('project__isnull', True), ('scope', 'principal')), models.Q(('key__isnull', False), ('principal__isnull', True), ('project__isnull', True), ('scope', 'key')), _connector='OR'), name='budget_has_one_subject'),
        ),
        migrations.AddConstraint(
            model_name='ratelimit',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('key__isnull', True), ('principal__isnull', True), ('project__isnull', True), ('scope', 'gateway')), models.Q(('key__isnull', True), ('principal__isnull', True), ('project__isnull', False), ('scope', 'project')), models.Q(('key__isnull', True), ('principal__isnull', False), ('project__isnull', True), ('scope', 'principal')), models.Q(('key__isnull', False), ('principal__isnull', True), ('project__isnull', True), ('scope', 'key')), _connector='OR'), name='rate_limit_has_one_subject'),
        ),
        migrations.AddConstraint(
            model_name='ratelimit',
            constraint=models.UniqueConstraint(condition=models.Q(('scope', 'gateway')), fields=('model_pattern',), name='rate_limit_once_per_gateway'),
        ),
        migrations.AddConstraint(
            model_name='ratelimit',
            constraint=models.UniqueConstraint(condition=models.Q(('scope', 'project')), fields=('project', 'model_pattern'), name='rate_limit_once_per_project'),
        ),
        migrations.AddConstraint(
            model_name='ratelimit',
            constraint=models.UniqueConstraint(condition=models.Q(('scope', 'principal')), fields=('principal', 'model_pattern'), name='rate_limit_once_per_principal'),
        ),
        migrations.AddConstraint(
            model_name='ratelimit',
            constraint=models.UniqueConstraint(condition=models.Q(('scope', 'key')), fields=('key', 'model_pattern'), name='rate_limit_once_per_key'),
        ),
        migrations.RunPython(forwards, migrations.RunPython.noop),
    ]
