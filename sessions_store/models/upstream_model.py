"""The catalogue of upstream models: the capabilities of each Gemini model as data. `price` has the prices."""

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models

from sessions_store.catalogue.model_profile import DEFAULTS, GOOGLE_BUDGETS


def text_only() -> list[str]:
    """Return the default of `output_modalities`."""
    return list(DEFAULTS.output_modalities)


def generation_methods() -> list[str]:
    """Return the default of `methods`, the methods of a chat model."""
    return ["generateContent", "countTokens"]


def google_budgets() -> dict[str, int]:
    """Return the default of `thinking_budgets`, GOOGLE_BUDGETS."""
    return dict(GOOGLE_BUDGETS)


def check_budgets(budgets: object) -> None:
    """Raise ValidationError unless each effort except `none` has a budget in whole tokens above 0."""
    if not isinstance(budgets, dict) or budgets.keys() != google_budgets().keys():
        raise ValidationError(f"Enter one budget for each of {', '.join(google_budgets())}.")
    if not all(type(tokens) is int and 0 < tokens < 2**31 for tokens in budgets.values()):
        raise ValidationError("Each budget must be a whole number of tokens above 0.")


class UpstreamModel(models.Model):
    """One Gemini model: its lifetime, limits and capabilities. The columns are the fields of `ModelProfile`."""

    class Status(models.TextChoices):
        """Google's release stage."""

        STABLE = "stable", "Stable"
        PREVIEW = "preview", "Preview"
        RETIRED = "retired", "Retired"

    class Sampling(models.TextChoices):
        """The effect of temperature, topP and topK."""

        HONOURED = "honoured", "supported"
        IGNORED = "ignored", "ignored"
        REFUSED = "refused", "rejected with an error"

    class Thinking(models.TextChoices):
        """The control of a model's thinking."""

        NONE = "none", "none"
        BUDGET = "budget", "token budget"
        LEVEL = "level", "effort level"

    name = models.CharField(max_length=200, unique=True, help_text="Google's model id without “models/”.")
    display_name = models.CharField(max_length=200, blank=True)
    description = models.CharField(max_length=1000, blank=True)
    family = models.CharField(
        max_length=50, blank=True, help_text="Models of one family share thought signatures, for example gemini-3."
    )
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.STABLE)
    listed = models.BooleanField(default=True, help_text="Show in /v1/models until it is retired.")
    released_on = models.DateField(null=True, blank=True)
    retires_on = models.DateField(
        null=True, blank=True, help_text="From this day on, the successor answers requests for this model."
    )
    successor = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="predecessors",
        help_text="Model that answers after the retirement.",
    )
    methods = models.JSONField(
        default=generation_methods,
        blank=True,
        help_text="Gemini API methods of this model, for example generateContent, countTokens, embedContent.",
    )
    input_token_limit = models.IntegerField(default=DEFAULTS.input_token_limit)
    output_token_limit = models.IntegerField(default=DEFAULTS.output_token_limit)
    max_candidates = models.IntegerField(
        default=DEFAULTS.max_candidates,
        help_text="Max. answers per request (candidateCount). 1: “n” is served by parallel requests.",
    )
    penalties = models.BooleanField(
        default=DEFAULTS.penalties, help_text="Accepts presence_penalty and frequency_penalty."
    )
    sampling = models.CharField(
        max_length=10,
        choices=Sampling.choices,
        default=DEFAULTS.sampling,
        help_text="Support of temperature, top_p and top_k.",
    )
    max_stop_sequences = models.IntegerField(default=DEFAULTS.max_stop_sequences)
    logprobs = models.BooleanField(default=DEFAULTS.logprobs, help_text="Returns log probabilities.")
    thinking = models.CharField("reasoning", max_length=10, choices=Thinking.choices, default=DEFAULTS.thinking)
    thinking_levels = models.JSONField(
        "effort levels", default=list, blank=True, help_text="Accepted effort levels, lowest first."
    )
    thinking_default = models.CharField(
        "default reasoning",
        max_length=20,
        blank=True,
        help_text="Effort level or token budget of requests that set none (-1: dynamic).",
    )
    thinking_budget_min = models.IntegerField("minimum reasoning budget (tokens)", default=DEFAULTS.thinking_budget_min)
    thinking_budget_max = models.IntegerField("maximum reasoning budget (tokens)", default=DEFAULTS.thinking_budget_max)
    thinking_can_disable = models.BooleanField("reasoning can be switched off", default=DEFAULTS.thinking_can_disable)
    thinking_budgets = models.JSONField(
        "reasoning budgets (tokens)",
        default=google_budgets,
        validators=[check_budgets],
        help_text="Token budget of each reasoning_effort, for models with a token budget. Clamped to the minimum "
        "and the maximum.",
    )
    signatures = models.BooleanField(
        "thought signatures", default=DEFAULTS.signatures, help_text="Requires thought signatures on tool calls."
    )
    function_call_ids = models.BooleanField(
        default=DEFAULTS.function_call_ids, help_text="Sends function calls with ids."
    )
    functions = models.BooleanField(default=DEFAULTS.functions, help_text="Supports function calling.")
    tools_with_json = models.BooleanField(
        default=DEFAULTS.tools_with_json, help_text="Supports functions together with JSON output."
    )
    tools_with_builtin = models.BooleanField(
        default=DEFAULTS.tools_with_builtin, help_text="Supports functions together with Google's built-in tools."
    )
    validated_mode = models.BooleanField(
        default=DEFAULTS.validated_mode, help_text="Supports the function calling mode VALIDATED."
    )
    json_schema = models.BooleanField(default=DEFAULTS.json_schema, help_text="Accepts responseJsonSchema.")
    media_resolution_per_part = models.BooleanField(
        default=DEFAULTS.media_resolution_per_part, help_text="Accepts mediaResolution on each part."
    )
    function_response_parts = models.BooleanField(
        default=DEFAULTS.function_response_parts, help_text="Accepts images and files inside function results."
    )
    output_modalities = models.JSONField(
        default=text_only, blank=True, help_text="Kinds of output: TEXT, IMAGE, AUDIO."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "Gemini model"
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name
