"""Form fields of a policy: each field has an empty value, which means that the level sets nothing.

`clean` returns a value as a policy stores it, None for the empty value; `to_initial` is the reverse.
"""

from collections.abc import Mapping
from typing import Any, Final

from django import forms

from sessions_store.accounts.policy import EFFORTS, FAMILIES

INHERITED: Final = ("", "Inherited")
NO_CAP: Final = "no_cap"


class Setting:
    """A form field of a policy."""

    def to_initial(self, stored: Any) -> Any:
        """Return the initial value of the form field for a stored value."""
        return stored


class ChoiceSetting(Setting, forms.TypedChoiceField):
    """One of several values, or the inherited one."""

    def __init__(self, choices: list[tuple[str, str]], **options: Any) -> None:
        self.labels = choices
        self.stored = {name: self.value_of(name) for name, _ in choices}
        super().__init__(
            choices=[INHERITED, *choices],
            required=False,
            coerce=lambda name: self.stored[name],
            empty_value=None,
            **options,
        )

    @staticmethod
    def value_of(name: str) -> Any:
        """Return the stored value of a choice."""
        return "" if name == NO_CAP else name

    def to_initial(self, stored: Any) -> Any:
        """Return the choice of a stored value."""
        return next((name for name, value in self.stored.items() if value == stored), stored)

    def show_inherited(self, value: Any, word: str = "Inherited") -> None:
        """Label the empty choice with the value that is inherited, or the default."""
        label = dict(self.labels).get(self.to_initial(value), value)
        self.choices = [("", f"{word} ({str(label).lower()})"), *self.labels]


class SwitchSetting(ChoiceSetting):
    """On, off or inherited."""

    def __init__(self, **options: Any) -> None:
        super().__init__([("on", "On"), ("off", "Off")], **options)

    @staticmethod
    def value_of(name: str) -> Any:
        """Return True or False."""
        return name == "on"


class EffortSetting(ChoiceSetting):
    """A cap of the reasoning effort."""

    def __init__(self, **options: Any) -> None:
        names = [(effort, "none (no reasoning)" if effort == "none" else effort) for effort in EFFORTS]
        super().__init__([(NO_CAP, "No cap"), *names], **options)


class LinesSetting(Setting, forms.CharField):
    """A list of texts, one per line."""

    def __init__(self, **options: Any) -> None:
        widget = forms.Textarea(attrs={"rows": 3, "cols": 40, "class": "code", "spellcheck": "false"})
        super().__init__(required=False, widget=widget, max_length=20_000, **options)

    def to_initial(self, stored: Any) -> Any:
        """Return the lines of a stored list."""
        return "\n".join(stored)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare line by line: browsers send CRLF."""
        return (initial or "").split() != (data or "").split()

    def clean(self, value: Any) -> Any:
        """Return the lines that are not empty, without repetitions."""
        lines = (line.strip() for line in super().clean(value).splitlines())
        return list(dict.fromkeys(filter(None, lines))) or None


class TextSetting(Setting, forms.CharField):
    """A text of one line."""

    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput(attrs={"class": "vTextField", "spellcheck": "false"})
        super().__init__(required=False, empty_value=None, max_length=200, widget=widget, **options)


class NumberSetting(Setting, forms.IntegerField):
    """A whole number."""

    def __init__(self, **options: Any) -> None:
        widget = forms.NumberInput(attrs={"class": "vIntegerField"})
        super().__init__(required=False, min_value=0, widget=widget, **options)


class ScopesSetting(Setting, forms.MultipleChoiceField):
    """Read and write scopes of each endpoint family."""

    def __init__(self, **options: Any) -> None:
        choices = [(f"{family}.{access}", f"{family}.{access}") for family in FAMILIES for access in ("read", "write")]
        super().__init__(choices=choices, required=False, widget=forms.CheckboxSelectMultiple, **options)

    def to_initial(self, stored: Any) -> Any:
        """Return the boxes of stored scopes; `family.*` is both boxes of a family."""
        boxes = []
        for scope in stored:
            family, _, access = str(scope).partition(".")
            boxes += [f"{family}.read", f"{family}.write"] if access == "*" else [scope]
        return boxes

    def clean(self, value: Any) -> Any:
        """Return the checked scopes."""
        return super().clean(value) or None


class ModelsWidget(forms.MultiWidget):
    """A mode, and patterns one per line."""

    def __init__(self) -> None:
        modes = forms.Select(
            choices=[
                ("", "No restriction"),
                ("allow_list", "Permit only these models"),
                ("deny_list", "Reject these models"),
            ],
            attrs={"aria-label": "Restriction of models"},
        )
        patterns = forms.Textarea(
            attrs={"rows": 3, "cols": 40, "class": "code", "spellcheck": "false", "aria-label": "Models, one per line"}
        )
        super().__init__({"mode": modes, "patterns": patterns})

    def decompress(self, value: Any) -> list[Any]:
        """Return the mode and the lines of a stored restriction."""
        if not isinstance(value, Mapping):
            return [None, None]
        return [value.get("mode"), "\n".join(value.get("model_ids", ()))]


class ModelsSetting(Setting, forms.MultiValueField):
    """A restriction of models."""

    widget = ModelsWidget

    def __init__(self, **options: Any) -> None:
        modes = forms.ChoiceField(choices=[("allow_list", ""), ("deny_list", "")], required=False)
        super().__init__(fields=(modes, LinesSetting()), required=False, **options)

    def compress(self, data_list: list[Any]) -> Any:
        """Return mode and patterns; patterns without a mode raise ValidationError."""
        mode, patterns = data_list or ("", None)
        if not mode and patterns:
            raise forms.ValidationError("Choose whether these models are permitted or rejected.")
        return {"mode": mode, "model_ids": patterns or []} if mode else None
