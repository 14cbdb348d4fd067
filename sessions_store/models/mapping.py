"""Model mappings: the public name that clients send, and its upstream model."""

import re
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models

PUBLIC_NAME = re.compile(r"[A-Za-z0-9_.:/@+*?-]{1,200}")
UPSTREAM_NAME = re.compile(r"[A-Za-z0-9*][A-Za-z0-9_.@*-]{0,199}")
ANY = "*"

# Parameters with a default in a mapping: (types, minimum, maximum). A bool is never a number.
DEFAULT_PARAMETERS: dict[str, tuple[tuple[type, ...], float | None, float | None]] = {
    "temperature": ((int, float), 0, 2),
    "top_p": ((int, float), 0, 1),
    "max_tokens": ((int,), 1, None),
    "max_completion_tokens": ((int,), 1, None),
    "seed": ((int,), None, None),
    "presence_penalty": ((int, float), -2, 2),
    "frequency_penalty": ((int, float), -2, 2),
    "reasoning_effort": ((str,), None, None),
    "stop": ((str, list), None, None),
}


def validate_defaults(value: object) -> None:
    """Raise ValidationError unless `value` is an object of DEFAULT_PARAMETERS with values of their types and ranges."""
    if not isinstance(value, dict):
        raise ValidationError('Default parameters must be a JSON object, for example {"temperature": 0.2}.')
    for name, default in value.items():
        if name not in DEFAULT_PARAMETERS:
            raise ValidationError(
                f"“{name}” is not allowed as a default parameter. Allowed: {', '.join(DEFAULT_PARAMETERS)}."
            )
        kinds, least, greatest = DEFAULT_PARAMETERS[name]
        if not isinstance(default, kinds) or isinstance(default, bool):
            raise ValidationError(f"“{name}” has the wrong type.")
        if isinstance(default, (int, float)) and (
            (least is not None and default < least) or (greatest is not None and default > greatest)
        ):
            raise ValidationError(f"“{name}” is out of range.")


class ModelMapping(models.Model):
    """Public name or pattern -> upstream model. The first enabled matching row, by position, applies.

    A `*` in the upstream model is replaced by the text that the `*` of the public name matched, and the resulting name
    is resolved again: `openai/*` -> `*` removes a prefix.
    """

    public_name = models.CharField(
        "requested model",
        max_length=200,
        validators=[
            RegexValidator(re.compile(rf"\A(?:{PUBLIC_NAME.pattern})\Z"), "Use only letters, digits and _.:/@+-*?")
        ],
        help_text="Value of “model” in the requests. In a pattern, * matches any text and ? one character.",
    )
    upstream_model = models.CharField(
        "Gemini model",
        max_length=200,
        validators=[
            RegexValidator(
                re.compile(rf"\A(?:{UPSTREAM_NAME.pattern})\Z"), "Enter a Gemini model id, such as gemini-3.8-flash."
            )
        ],
        help_text="Gemini model id without “models/”. The text that the * of the requested model matches replaces a * "
        "here; the resulting name is looked up again.",
    )
    position = models.IntegerField(
        default=1000,
        help_text="Mappings are tried in ascending order of position; the first match wins.",
    )
    enabled = models.BooleanField(default=True, help_text="Disabled mappings are ignored.")
    defaults = models.JSONField(
        default=dict,
        blank=True,
        validators=[validate_defaults],
        help_text='Parameters for requests that do not set them, for example {"temperature": 0.2}.',
    )
    description = models.CharField(max_length=500, blank=True, help_text="Internal note.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["public_name"], name="mapping_public_name_once"),
        ]

    def __str__(self) -> str:
        return f"{self.public_name} → {self.upstream_model}"

    @property
    def is_pattern(self) -> bool:
        """Whether the public name contains a wildcard."""
        return "*" in self.public_name or "?" in self.public_name

    def clean(self) -> None:
        """Normalise both names: no surrounding whitespace, no `models/` prefix.

        Raises ValidationError for a `*` in the upstream model without exactly one `*` in both names.
        """
        super().clean()
        self.public_name = self.public_name.strip().removeprefix("models/")
        self.upstream_model = self.upstream_model.strip().removeprefix("models/")
        if ANY in self.upstream_model and not self.upstream_model.count(ANY) == self.public_name.count(ANY) == 1:
            raise ValidationError(
                {"upstream_model": "A * requires exactly one * in the requested model and in the Gemini model."}
            )

    def clean_fields(self, exclude: Any = None) -> None:
        """Validate the normalised names, so that a pasted `models/gemini-3.8-flash` is valid."""
        self.clean()
        super().clean_fields(exclude=exclude)
