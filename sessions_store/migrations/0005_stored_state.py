"""Responses with their items and events, conversations, and stored chat completions."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sessions_store', '0004_signers_and_budgets'),
    ]

    operations = [
        migrations.CreateModel(
            name='Conversation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(editable=False, max_length=64, unique=True)),
                ('metadata', models.JSONField(default=dict)),
                ('settings', models.TextField(default='[]', help_text='Its items that say how to answer, as JSON.')),
                ('version', models.IntegerField(default=0, editable=False)),
                ('next_position', models.IntegerField(default=0, editable=False)),
                ('created_at', models.DateTimeField()),
                ('last_active_at', models.DateTimeField(db_index=True)),
                ('head', models.ForeignKey(db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='conversations', to='sessions_store.message')),
                ('principal', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='conversations', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='StoredItem',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('item_id', models.CharField(help_text="The item's id, as clients name it.", max_length=256)),
                ('body', models.TextField(help_text='The item as JSON.')),
                ('uses', models.IntegerField(default=0, help_text='How many places hold it.')),
                ('principal', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='ConversationItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.IntegerField()),
                ('conversation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='items', to='sessions_store.conversation')),
                ('item', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sessions_store.storeditem')),
            ],
        ),
        migrations.CreateModel(
            name='StoredResponse',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(editable=False, max_length=64, unique=True)),
                ('request_id', models.CharField(db_index=True, help_text="The exchange's usage record.", max_length=100)),
                ('previous_id', models.CharField(blank=True, help_text='The response before it.', max_length=64)),
                ('status', models.CharField(choices=[('queued', 'queued'), ('in_progress', 'in progress'), ('completed', 'completed'), ('incomplete', 'incomplete'), ('failed', 'failed'), ('cancelled', 'cancelled')], max_length=20)),
                ('background', models.BooleanField(default=False)),
                ('model', models.CharField(max_length=200)),
                ('user', models.CharField(blank=True, help_text='The “user” that the client sent.', max_length=256)),
                ('body', models.TextField(help_text='The response as JSON, without its output.')),
                ('input_items', models.JSONField(default=list, help_text='Ids of its own input items, in order.')),
                ('output_items', models.JSONField(default=list, help_text='Ids of its output items, in order.')),
                ('settings', models.TextField(default='[]', help_text='Items of the conversation so far that say how to answer, as JSON.')),
                ('created_at', models.DateTimeField(db_index=True)),
                ('completed_at', models.DateTimeField(null=True)),
                ('worker', models.CharField(blank=True, editable=False, max_length=40)),
                ('heartbeat_at', models.DateTimeField(editable=False, null=True)),
                ('answer', models.ForeignKey(db_constraint=False, help_text='Where the conversation goes on.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='responses', to='sessions_store.message')),
                ('conversation', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='responses', to='sessions_store.conversation')),
                ('message', models.ForeignKey(db_constraint=False, db_index=False, help_text='The last message of the request.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='sessions_store.message')),
                ('principal', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='stored_responses', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'response',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='ResponseEvents',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('first', models.IntegerField(help_text='The first sequence number.')),
                ('last', models.IntegerField(help_text='The last sequence number.')),
                ('body', models.TextField(help_text='The events, one JSON object a line.')),
                ('response', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='sessions_store.storedresponse')),
            ],
        ),
        migrations.CreateModel(
            name='StoredCompletion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(editable=False, max_length=64, unique=True)),
                ('request_id', models.CharField(db_index=True, help_text="The exchange's usage record.", max_length=100)),
                ('model', models.CharField(max_length=200)),
                ('user', models.CharField(blank=True, help_text='The “user” that the client sent.', max_length=256)),
                ('metadata', models.JSONField(default=dict)),
                ('message_count', models.IntegerField(default=0, help_text='How many messages the request itself had.')),
                ('body', models.TextField(help_text='The completion as JSON.')),
                ('created_at', models.DateTimeField(db_index=True)),
                ('answer', models.ForeignKey(db_constraint=False, help_text='The first choice.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='stored_completions', to='sessions_store.message')),
                ('message', models.ForeignKey(db_constraint=False, db_index=False, help_text='The last message of the request.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='sessions_store.message')),
                ('principal', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='stored_completions', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'stored chat completion',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['principal', 'id'], name='completion_of_principal')],
            },
        ),
        migrations.AddIndex(
            model_name='storeditem',
            index=models.Index(fields=['principal', 'item_id'], name='item_by_id'),
        ),
        migrations.AddConstraint(
            model_name='conversationitem',
            constraint=models.UniqueConstraint(fields=('conversation', 'position'), name='conversation_position_once'),
        ),
        migrations.AddIndex(
            model_name='storedresponse',
            index=models.Index(condition=models.Q(('status__in', ('queued', 'in_progress'))), fields=['heartbeat_at'], name='response_running'),
        ),
        migrations.AddConstraint(
            model_name='responseevents',
            constraint=models.UniqueConstraint(fields=('response', 'first'), name='response_events_once'),
        ),
    ]
