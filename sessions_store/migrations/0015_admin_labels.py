"""The labels, help texts and choices that the admin shows. Changes no table."""

import django.core.validators
import django.db.models.deletion
import re
import sessions_store.models.mapping
import sessions_store.models.upstream_model
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Changes the state of the models only."""

    dependencies = [
        ("sessions_store", "0014_cut_by_server"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterModelOptions(
                    name="storedcompletion",
                    options={"ordering": ["-id"], "verbose_name": "stored completion"},
                ),
                migrations.AlterModelOptions(
                    name="upstreammodel",
                    options={"ordering": ["name"], "verbose_name": "Gemini model"},
                ),
                migrations.AlterModelOptions(
                    name="usagerecord",
                    options={"ordering": ["-id"], "verbose_name_plural": "requests"},
                ),
                migrations.AlterModelOptions(
                    name="user",
                    options={"verbose_name": "account", "verbose_name_plural": "accounts"},
                ),
                migrations.AlterField(
                    model_name="chatsession",
                    name="ended_at",
                    field=models.DateTimeField(
                        blank=True, help_text="Time at which the session was closed.", null=True
                    ),
                ),
                migrations.AlterField(
                    model_name="chatsession",
                    name="name",
                    field=models.CharField(
                        blank=True,
                        help_text="Value of the header X-Session-Id: one of several sessions of an end user. Usually empty.",
                        max_length=200,
                    ),
                ),
                migrations.AlterField(
                    model_name="chatsession",
                    name="principal",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="chat_sessions",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="account",
                    ),
                ),
                migrations.AlterField(
                    model_name="chatsession",
                    name="title",
                    field=models.CharField(
                        blank=True, help_text="Title in the admin. The first message sets it.", max_length=200
                    ),
                ),
                migrations.AlterField(
                    model_name="chatsession",
                    name="user",
                    field=models.CharField(
                        help_text="Value of the “user” field in the requests.", max_length=256, verbose_name="end user"
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="settings",
                    field=models.TextField(default="[]", help_text="Instruction items of the conversation, as JSON."),
                ),
                migrations.AlterField(
                    model_name="message",
                    name="account",
                    field=models.CharField(
                        blank=True, default="", help_text="Gemini account of the thought signatures.", max_length=40
                    ),
                ),
                migrations.AlterField(
                    model_name="message",
                    name="former_gemini",
                    field=models.TextField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="Earlier Gemini content of the same message, from another model or account.",
                    ),
                ),
                migrations.AlterField(
                    model_name="message",
                    name="gemini",
                    field=models.TextField(
                        blank=True, help_text="Gemini content as JSON, including thought signatures."
                    ),
                ),
                migrations.AlterField(
                    model_name="message",
                    name="instructions",
                    field=models.UUIDField(
                        editable=False,
                        help_text="Nearest system message at or above this message: a truncated history keeps the instructions.",
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="message",
                    name="model",
                    field=models.CharField(
                        blank=True, help_text="Gemini model that wrote the message.", max_length=200
                    ),
                ),
                migrations.AlterField(
                    model_name="message",
                    name="openai",
                    field=models.TextField(help_text="OpenAI message as JSON."),
                ),
                migrations.AlterField(
                    model_name="message",
                    name="tokens",
                    field=models.IntegerField(
                        default=0, help_text="Estimated number of tokens, for the token limit of a session."
                    ),
                ),
                migrations.AlterField(
                    model_name="modelmapping",
                    name="defaults",
                    field=models.JSONField(
                        blank=True,
                        default=dict,
                        help_text='Parameters for requests that do not set them, for example {"temperature": 0.2}.',
                        validators=[sessions_store.models.mapping.validate_defaults],
                    ),
                ),
                migrations.AlterField(
                    model_name="modelmapping",
                    name="description",
                    field=models.CharField(blank=True, help_text="Internal note.", max_length=500),
                ),
                migrations.AlterField(
                    model_name="modelmapping",
                    name="enabled",
                    field=models.BooleanField(default=True, help_text="Disabled mappings are ignored."),
                ),
                migrations.AlterField(
                    model_name="modelmapping",
                    name="position",
                    field=models.IntegerField(
                        default=1000,
                        help_text="Mappings are tried in ascending order of position; the first match wins.",
                    ),
                ),
                migrations.AlterField(
                    model_name="modelmapping",
                    name="public_name",
                    field=models.CharField(
                        help_text="Value of “model” in the requests. In a pattern, * matches any text and ? one character.",
                        max_length=200,
                        validators=[
                            django.core.validators.RegexValidator(
                                re.compile("\\A(?:[A-Za-z0-9_.:/@+*?-]{1,200})\\Z"),
                                "Use only letters, digits and _.:/@+-*?",
                            )
                        ],
                        verbose_name="requested model",
                    ),
                ),
                migrations.AlterField(
                    model_name="modelmapping",
                    name="upstream_model",
                    field=models.CharField(
                        help_text="Gemini model id without “models/”. The text that the * of the requested model matches replaces a * here; the resulting name is looked up again.",
                        max_length=200,
                        validators=[
                            django.core.validators.RegexValidator(
                                re.compile("\\A(?:[A-Za-z0-9*][A-Za-z0-9_.@*-]{0,199})\\Z"),
                                "Enter a Gemini model id, such as gemini-3.8-flash.",
                            )
                        ],
                        verbose_name="Gemini model",
                    ),
                ),
                migrations.AlterField(
                    model_name="modelprice",
                    name="audio_input",
                    field=models.DecimalField(
                        blank=True,
                        decimal_places=6,
                        help_text="Audio input. Empty: same as input.",
                        max_digits=12,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                    ),
                ),
                migrations.AlterField(
                    model_name="modelprice",
                    name="audio_output",
                    field=models.DecimalField(
                        blank=True,
                        decimal_places=6,
                        help_text="Audio output. Empty: same as output.",
                        max_digits=12,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                    ),
                ),
                migrations.AlterField(
                    model_name="modelprice",
                    name="cached_audio_input",
                    field=models.DecimalField(
                        blank=True,
                        decimal_places=6,
                        help_text="Cached audio input. Empty: same as cached input.",
                        max_digits=12,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                    ),
                ),
                migrations.AlterField(
                    model_name="modelprice",
                    name="cached_input",
                    field=models.DecimalField(
                        blank=True,
                        decimal_places=6,
                        help_text="Cached input. Empty: same as input.",
                        max_digits=12,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                    ),
                ),
                migrations.AlterField(
                    model_name="modelprice",
                    name="grounded_prompt",
                    field=models.DecimalField(
                        blank=True,
                        decimal_places=6,
                        help_text="Google Search, USD per thousand prompts with searches, for any number of queries. Empty: no charge. Google's free quota is not deducted.",
                        max_digits=12,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                    ),
                ),
                migrations.AlterField(
                    model_name="modelprice",
                    name="image_input",
                    field=models.DecimalField(
                        blank=True,
                        decimal_places=6,
                        help_text="Image input. Empty: same as input.",
                        max_digits=12,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                    ),
                ),
                migrations.AlterField(
                    model_name="modelprice",
                    name="image_output",
                    field=models.DecimalField(
                        blank=True,
                        decimal_places=6,
                        help_text="Image output. Empty: same as output.",
                        max_digits=12,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                    ),
                ),
                migrations.AlterField(
                    model_name="modelprice",
                    name="long_cached_input",
                    field=models.DecimalField(
                        blank=True,
                        decimal_places=6,
                        help_text="Cached input price of long prompts.",
                        max_digits=12,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                    ),
                ),
                migrations.AlterField(
                    model_name="modelprice",
                    name="long_context_from",
                    field=models.IntegerField(
                        blank=True,
                        help_text="Prompts with more tokens have the long prompt prices.",
                        null=True,
                        verbose_name="higher price above (prompt tokens)",
                    ),
                ),
                migrations.AlterField(
                    model_name="modelprice",
                    name="long_input",
                    field=models.DecimalField(
                        blank=True,
                        decimal_places=6,
                        help_text="Input price of long prompts.",
                        max_digits=12,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                    ),
                ),
                migrations.AlterField(
                    model_name="modelprice",
                    name="long_output",
                    field=models.DecimalField(
                        blank=True,
                        decimal_places=6,
                        help_text="Output price after long prompts.",
                        max_digits=12,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                    ),
                ),
                migrations.AlterField(
                    model_name="modelprice",
                    name="note",
                    field=models.CharField(blank=True, help_text="Source of the price.", max_length=200),
                ),
                migrations.AlterField(
                    model_name="modelprice",
                    name="output",
                    field=models.DecimalField(
                        decimal_places=6,
                        help_text="Output incl. reasoning, USD per million tokens.",
                        max_digits=12,
                        validators=[django.core.validators.MinValueValidator(0)],
                    ),
                ),
                migrations.AlterField(
                    model_name="modelprice",
                    name="search_query",
                    field=models.DecimalField(
                        blank=True,
                        decimal_places=6,
                        help_text="Google Search, USD per thousand queries. Empty: no charge. Google's free monthly quota is not deducted.",
                        max_digits=12,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                    ),
                ),
                migrations.AlterField(
                    model_name="modelprice",
                    name="valid_from",
                    field=models.DateField(help_text="First day (UTC) of the prices."),
                ),
                migrations.AlterField(
                    model_name="modelprice",
                    name="video_input",
                    field=models.DecimalField(
                        blank=True,
                        decimal_places=6,
                        help_text="Video input. Empty: same as input.",
                        max_digits=12,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                    ),
                ),
                migrations.AlterField(
                    model_name="responseevents",
                    name="body",
                    field=models.TextField(help_text="Events, one JSON object per line."),
                ),
                migrations.AlterField(
                    model_name="responseevents",
                    name="first",
                    field=models.IntegerField(help_text="First sequence number."),
                ),
                migrations.AlterField(
                    model_name="responseevents",
                    name="last",
                    field=models.IntegerField(help_text="Last sequence number."),
                ),
                migrations.AlterField(
                    model_name="storedcompletion",
                    name="answer",
                    field=models.ForeignKey(
                        db_constraint=False,
                        help_text="Message of the first choice.",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="stored_completions",
                        to="sessions_store.message",
                    ),
                ),
                migrations.AlterField(
                    model_name="storedcompletion",
                    name="body",
                    field=models.TextField(help_text="Chat completion as JSON."),
                ),
                migrations.AlterField(
                    model_name="storedcompletion",
                    name="input_items",
                    field=models.JSONField(
                        blank=True, help_text="Item ids of the messages of the request, in order.", null=True
                    ),
                ),
                migrations.AlterField(
                    model_name="storedcompletion",
                    name="message",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        help_text="Last message of the request.",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="sessions_store.message",
                    ),
                ),
                migrations.AlterField(
                    model_name="storedcompletion",
                    name="message_count",
                    field=models.IntegerField(default=0, help_text="Number of messages in the request."),
                ),
                migrations.AlterField(
                    model_name="storedcompletion",
                    name="request_id",
                    field=models.CharField(db_index=True, help_text="Request id of the usage record.", max_length=100),
                ),
                migrations.AlterField(
                    model_name="storedcompletion",
                    name="user",
                    field=models.CharField(
                        blank=True, help_text="Value of the “user” field.", max_length=256, verbose_name="end user"
                    ),
                ),
                migrations.AlterField(
                    model_name="storeditem",
                    name="body",
                    field=models.TextField(help_text="Item as JSON."),
                ),
                migrations.AlterField(
                    model_name="storeditem",
                    name="item_id",
                    field=models.CharField(help_text="Item id in the API.", max_length=256),
                ),
                migrations.AlterField(
                    model_name="storeditem",
                    name="uses",
                    field=models.IntegerField(default=0, help_text="Number of references to the item."),
                ),
                migrations.AlterField(
                    model_name="storedresponse",
                    name="answer",
                    field=models.ForeignKey(
                        db_constraint=False,
                        help_text="Message that a next response continues from.",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="responses",
                        to="sessions_store.message",
                    ),
                ),
                migrations.AlterField(
                    model_name="storedresponse",
                    name="body",
                    field=models.TextField(help_text="Response as JSON, without the output."),
                ),
                migrations.AlterField(
                    model_name="storedresponse",
                    name="input_items",
                    field=models.JSONField(default=list, help_text="Ids of the input items of the request, in order."),
                ),
                migrations.AlterField(
                    model_name="storedresponse",
                    name="message",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        help_text="Last message of the request.",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="sessions_store.message",
                    ),
                ),
                migrations.AlterField(
                    model_name="storedresponse",
                    name="output_items",
                    field=models.JSONField(default=list, help_text="Ids of the output items, in order."),
                ),
                migrations.AlterField(
                    model_name="storedresponse",
                    name="previous_id",
                    field=models.CharField(blank=True, help_text="Previous response.", max_length=64),
                ),
                migrations.AlterField(
                    model_name="storedresponse",
                    name="request_id",
                    field=models.CharField(db_index=True, help_text="Request id of the usage record.", max_length=100),
                ),
                migrations.AlterField(
                    model_name="storedresponse",
                    name="settings",
                    field=models.TextField(
                        default="[]", help_text="Instruction items of the conversation up to this response, as JSON."
                    ),
                ),
                migrations.AlterField(
                    model_name="storedresponse",
                    name="user",
                    field=models.CharField(
                        blank=True, help_text="Value of the “user” field.", max_length=256, verbose_name="end user"
                    ),
                ),
                migrations.AlterField(
                    model_name="toolcall",
                    name="position",
                    field=models.IntegerField(help_text="Index of the tool call in the message, from 0."),
                ),
                migrations.AlterField(
                    model_name="upstreammodel",
                    name="function_call_ids",
                    field=models.BooleanField(default=False, help_text="Sends function calls with ids."),
                ),
                migrations.AlterField(
                    model_name="upstreammodel",
                    name="function_response_parts",
                    field=models.BooleanField(
                        default=False, help_text="Accepts images and files inside function results."
                    ),
                ),
                migrations.AlterField(
                    model_name="upstreammodel",
                    name="functions",
                    field=models.BooleanField(default=True, help_text="Supports function calling."),
                ),
                migrations.AlterField(
                    model_name="upstreammodel",
                    name="listed",
                    field=models.BooleanField(default=True, help_text="Show in /v1/models until it is retired."),
                ),
                migrations.AlterField(
                    model_name="upstreammodel",
                    name="logprobs",
                    field=models.BooleanField(default=False, help_text="Returns log probabilities."),
                ),
                migrations.AlterField(
                    model_name="upstreammodel",
                    name="max_candidates",
                    field=models.IntegerField(
                        default=1,
                        help_text="Max. answers per request (candidateCount). 1: “n” is served by parallel requests.",
                    ),
                ),
                migrations.AlterField(
                    model_name="upstreammodel",
                    name="methods",
                    field=models.JSONField(
                        blank=True,
                        default=sessions_store.models.upstream_model.generation_methods,
                        help_text="Gemini API methods of this model, for example generateContent, countTokens, embedContent.",
                    ),
                ),
                migrations.AlterField(
                    model_name="upstreammodel",
                    name="name",
                    field=models.CharField(
                        help_text="Google's model id without “models/”.", max_length=200, unique=True
                    ),
                ),
                migrations.AlterField(
                    model_name="upstreammodel",
                    name="output_modalities",
                    field=models.JSONField(
                        blank=True,
                        default=sessions_store.models.upstream_model.text_only,
                        help_text="Kinds of output: TEXT, IMAGE, AUDIO.",
                    ),
                ),
                migrations.AlterField(
                    model_name="upstreammodel",
                    name="penalties",
                    field=models.BooleanField(
                        default=False, help_text="Accepts presence_penalty and frequency_penalty."
                    ),
                ),
                migrations.AlterField(
                    model_name="upstreammodel",
                    name="retires_on",
                    field=models.DateField(
                        blank=True,
                        help_text="From this day on, the successor answers requests for this model.",
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="upstreammodel",
                    name="sampling",
                    field=models.CharField(
                        choices=[
                            ("honoured", "supported"),
                            ("ignored", "ignored"),
                            ("refused", "rejected with an error"),
                        ],
                        default="honoured",
                        help_text="Support of temperature, top_p and top_k.",
                        max_length=10,
                    ),
                ),
                migrations.AlterField(
                    model_name="upstreammodel",
                    name="signatures",
                    field=models.BooleanField(
                        default=False,
                        help_text="Requires thought signatures on tool calls.",
                        verbose_name="thought signatures",
                    ),
                ),
                migrations.AlterField(
                    model_name="upstreammodel",
                    name="status",
                    field=models.CharField(
                        choices=[("stable", "Stable"), ("preview", "Preview"), ("retired", "Retired")],
                        default="stable",
                        max_length=20,
                    ),
                ),
                migrations.AlterField(
                    model_name="upstreammodel",
                    name="successor",
                    field=models.ForeignKey(
                        blank=True,
                        help_text="Model that answers after the retirement.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="predecessors",
                        to="sessions_store.upstreammodel",
                    ),
                ),
                migrations.AlterField(
                    model_name="upstreammodel",
                    name="thinking",
                    field=models.CharField(
                        choices=[("none", "none"), ("budget", "token budget"), ("level", "effort level")],
                        default="none",
                        max_length=10,
                        verbose_name="reasoning",
                    ),
                ),
                migrations.AlterField(
                    model_name="upstreammodel",
                    name="thinking_budget_max",
                    field=models.IntegerField(default=0, verbose_name="maximum reasoning budget (tokens)"),
                ),
                migrations.AlterField(
                    model_name="upstreammodel",
                    name="thinking_budget_min",
                    field=models.IntegerField(default=0, verbose_name="minimum reasoning budget (tokens)"),
                ),
                migrations.AlterField(
                    model_name="upstreammodel",
                    name="thinking_budgets",
                    field=models.JSONField(
                        default=sessions_store.models.upstream_model.google_budgets,
                        help_text="Token budget of each reasoning_effort, for models with a token budget. Clamped to the minimum and the maximum.",
                        validators=[sessions_store.models.upstream_model.check_budgets],
                        verbose_name="reasoning budgets (tokens)",
                    ),
                ),
                migrations.AlterField(
                    model_name="upstreammodel",
                    name="thinking_can_disable",
                    field=models.BooleanField(default=False, verbose_name="reasoning can be switched off"),
                ),
                migrations.AlterField(
                    model_name="upstreammodel",
                    name="thinking_default",
                    field=models.CharField(
                        blank=True,
                        help_text="Effort level or token budget of requests that set none (-1: dynamic).",
                        max_length=20,
                        verbose_name="default reasoning",
                    ),
                ),
                migrations.AlterField(
                    model_name="upstreammodel",
                    name="thinking_levels",
                    field=models.JSONField(
                        blank=True,
                        default=list,
                        help_text="Accepted effort levels, lowest first.",
                        verbose_name="effort levels",
                    ),
                ),
                migrations.AlterField(
                    model_name="upstreammodel",
                    name="tools_with_builtin",
                    field=models.BooleanField(
                        default=False, help_text="Supports functions together with Google's built-in tools."
                    ),
                ),
                migrations.AlterField(
                    model_name="upstreammodel",
                    name="tools_with_json",
                    field=models.BooleanField(default=False, help_text="Supports functions together with JSON output."),
                ),
                migrations.AlterField(
                    model_name="upstreammodel",
                    name="validated_mode",
                    field=models.BooleanField(default=False, help_text="Supports the function calling mode VALIDATED."),
                ),
                migrations.AlterField(
                    model_name="usageday",
                    name="bucket",
                    field=models.DateTimeField(help_text="Start of the period, UTC."),
                ),
                migrations.AlterField(
                    model_name="usageday",
                    name="status_class",
                    field=models.CharField(
                        choices=[("ok", "ok"), ("client", "client error"), ("server", "server error")], max_length=10
                    ),
                ),
                migrations.AlterField(
                    model_name="usagehour",
                    name="bucket",
                    field=models.DateTimeField(help_text="Start of the period, UTC."),
                ),
                migrations.AlterField(
                    model_name="usagehour",
                    name="status_class",
                    field=models.CharField(
                        choices=[("ok", "ok"), ("client", "client error"), ("server", "server error")], max_length=10
                    ),
                ),
                migrations.AlterField(
                    model_name="usageminute",
                    name="bucket",
                    field=models.DateTimeField(help_text="Start of the period, UTC."),
                ),
                migrations.AlterField(
                    model_name="usageminute",
                    name="status_class",
                    field=models.CharField(
                        choices=[("ok", "ok"), ("client", "client error"), ("server", "server error")], max_length=10
                    ),
                ),
                migrations.AlterField(
                    model_name="usagerecord",
                    name="answer",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        help_text="Message of the first choice.",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="usage",
                        to="sessions_store.message",
                    ),
                ),
                migrations.AlterField(
                    model_name="usagerecord",
                    name="attempts",
                    field=models.IntegerField(default=0, help_text="Number of upstream calls."),
                ),
                migrations.AlterField(
                    model_name="usagerecord",
                    name="estimated",
                    field=models.BooleanField(
                        default=False, help_text="Token counts are estimated: Gemini reported no usage."
                    ),
                ),
                migrations.AlterField(
                    model_name="usagerecord",
                    name="grounded",
                    field=models.JSONField(
                        default=list,
                        help_text="Whether each upstream call used Google Search, in the order of usage_metadata. Empty: none.",
                    ),
                ),
                migrations.AlterField(
                    model_name="usagerecord",
                    name="message",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        help_text="Last message of the request.",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="sessions_store.message",
                    ),
                ),
                migrations.AlterField(
                    model_name="usagerecord",
                    name="metadata",
                    field=models.JSONField(default=dict, help_text="Value of the “metadata” field."),
                ),
                migrations.AlterField(
                    model_name="usagerecord",
                    name="model_version",
                    field=models.CharField(blank=True, help_text="Model version in Gemini's response.", max_length=200),
                ),
                migrations.AlterField(
                    model_name="usagerecord",
                    name="more_answers",
                    field=models.JSONField(default=list, help_text="Message ids of the other choices."),
                ),
                migrations.AlterField(
                    model_name="usagerecord",
                    name="notes",
                    field=models.JSONField(
                        default=list, help_text="Changes to the request and the response: [kind, parameter, reason]."
                    ),
                ),
                migrations.AlterField(
                    model_name="usagerecord",
                    name="placement",
                    field=models.JSONField(
                        default=list,
                        help_text="Position in the upstream contents of each of these system messages, then of each message up to the last message of the request (-1: system instruction, -2: omitted).",
                    ),
                ),
                migrations.AlterField(
                    model_name="usagerecord",
                    name="prices",
                    field=models.JSONField(default=list, help_text="Ids of the prices used."),
                ),
                migrations.AlterField(
                    model_name="usagerecord",
                    name="principal",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="account",
                    ),
                ),
                migrations.AlterField(
                    model_name="usagerecord",
                    name="public_model",
                    field=models.CharField(
                        blank=True,
                        help_text="Model name in the request.",
                        max_length=200,
                        verbose_name="requested model",
                    ),
                ),
                migrations.AlterField(
                    model_name="usagerecord",
                    name="search_queries",
                    field=models.IntegerField(default=0, help_text="Number of Google Search queries."),
                ),
                migrations.AlterField(
                    model_name="usagerecord",
                    name="status",
                    field=models.CharField(
                        choices=[
                            ("ok", "OK"),
                            ("client_error", "Bad request"),
                            ("rate_limited", "Rate limited"),
                            ("upstream_error", "Gemini error"),
                            ("timeout", "Timeout"),
                            ("truncated", "Cut off"),
                            ("client_closed", "Client disconnected"),
                            ("cut_by_server", "Server stopped"),
                            ("blocked", "Blocked by safety filter"),
                            ("internal_error", "Internal error"),
                        ],
                        max_length=20,
                    ),
                ),
                migrations.AlterField(
                    model_name="usagerecord",
                    name="system_ids",
                    field=models.JSONField(
                        default=list,
                        help_text="Ids of the session's system messages before the messages of the request, in order.",
                    ),
                ),
                migrations.AlterField(
                    model_name="usagerecord",
                    name="tool_tokens",
                    field=models.BigIntegerField(
                        default=0, help_text="Prompt tokens that Google's built-in tools added."
                    ),
                ),
                migrations.AlterField(
                    model_name="usagerecord",
                    name="upstream_error",
                    field=models.TextField(blank=True, db_default="", default="", help_text="Google's error message."),
                ),
                migrations.AlterField(
                    model_name="usagerecord",
                    name="upstream_model",
                    field=models.CharField(
                        blank=True,
                        help_text="Gemini model that received the request.",
                        max_length=200,
                        verbose_name="Gemini model",
                    ),
                ),
                migrations.AlterField(
                    model_name="usagerecord",
                    name="usage_metadata",
                    field=models.JSONField(
                        default=list, help_text="Gemini's usageMetadata, one object per upstream call."
                    ),
                ),
                migrations.AlterField(
                    model_name="usagerecord",
                    name="user",
                    field=models.CharField(
                        blank=True, help_text="Value of the “user” field.", max_length=256, verbose_name="end user"
                    ),
                ),
                migrations.AlterField(
                    model_name="user",
                    name="memory",
                    field=models.BooleanField(
                        default=True,
                        help_text="Off: requests of this account do not continue earlier chats.",
                        verbose_name="remember chat sessions",
                    ),
                ),
            ]
        )
    ]
