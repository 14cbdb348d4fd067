"""The form field of a JSON column, whose error names the place of the fault."""

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError


class LocatedJSONField(forms.JSONField):
    """Django's field, with line, column and reason in the error of text that is not JSON."""

    def to_python(self, value: Any) -> Any:
        """Return the parsed value; raises ValidationError."""
        try:
            return super().to_python(value)
        except ValidationError as error:
            try:
                json.loads(value)
            except (TypeError, ValueError) as fault:
                if isinstance(fault, json.JSONDecodeError):
                    place = f"line {fault.lineno}, column {fault.colno}: {fault.msg}"
                    raise ValidationError(f"Enter valid JSON ({place}).", code="invalid") from error
            raise
