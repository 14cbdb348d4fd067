"""The form of a policy: one form field per field of `sessions_store.accounts.policy.Policy`."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from django.db.models import Model

from sessions_store.accounts.policy import FIELDS, RESTRICTIONS, PolicyError, parse_policy, sources
from sessions_store.admin.pages.access.policy_fields import (
    ChoiceSetting,
    EffortSetting,
    LinesSetting,
    ModelsSetting,
    NumberSetting,
    ScopesSetting,
    Setting,
    SwitchSetting,
    TextSetting,
)
from sessions_store.admin.pages.page import ModelForm
from sessions_store.models import Organization

Row = TypeVar("Row", bound=Model)
Level = tuple[str, Mapping[str, Any]]

FIELDSETS: Final[tuple[tuple[str, Any], ...]] = (
    ("Stored data", {"fields": ("memory", "content", "store")}),
    (
        "Requests",
        {
            "fields": (
                *("strict", "default_model", "max_output_tokens", "max_reasoning_effort", "media_fetching"),
                *("budget_header", "tags"),
            )
        },
    ),
    ("Access", {"fields": ("scopes", "models", "networks", "origins")}),
)
NETWORKS_HELP: Final = "Client networks, one per line, such as 10.0.0.0/8. Empty: any network."
ORIGINS_HELP: Final = "Origins of web pages that may use the key, one per line, such as https://app.example.com."
SCOPES_HELP: Final = "Endpoint families that may be read or written. Nothing selected: no restriction."
MODELS_HELP: Final = "Requested models or Gemini models, one per line, or patterns with * and ?."


def gateway_level() -> Level:
    """Return the policy of the gateway."""
    found = Organization.objects.filter(pk=1).values_list("policy", flat=True).first()
    return "gateway", found or {}


class PolicyForm(ModelForm[Row]):
    """A form of a row with a `policy`. An empty field sets nothing: the value is inherited."""

    empty_word = "Inherited"
    memory = SwitchSetting(label="Memory", help_text="Off: requests do not continue earlier chats.")
    content = ChoiceSetting(
        [("full", "Full"), ("metadata", "Metadata only")],
        label="Content",
        help_text="Metadata only: no text is stored, memory and stored objects are off.",
    )
    store = SwitchSetting(label="Stored objects", help_text="Off: “store” and stored conversations are rejected.")
    strict = SwitchSetting(label="Strict", help_text="On: a parameter that would be ignored or changed is rejected.")
    default_model = TextSetting(label="Default model", help_text="Model of requests without a model.")
    max_output_tokens = NumberSetting(label="Output tokens, cap", help_text="0: no cap.")
    max_reasoning_effort = EffortSetting(label="Reasoning effort, cap")
    media_fetching = SwitchSetting(label="Media by URL", help_text="Off: the gateway fetches no URLs of requests.")
    budget_header = SwitchSetting(label="Budget header", help_text="On: responses have x-gateway-budget-remaining.")
    tags = LinesSetting(label="Tags", help_text="At most ten, one per line. Each request is recorded with the tags.")
    scopes = ScopesSetting(label="Scopes", help_text=SCOPES_HELP)
    models = ModelsSetting(label="Models", help_text=MODELS_HELP)
    networks = LinesSetting(label="Networks", help_text=NETWORKS_HELP)
    origins = LinesSetting(label="Browser origins", help_text=ORIGINS_HELP)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        policy = self.stored_policy()
        inherited = {name: value for name, value, _ in sources(self.levels_above())}
        for name in FIELDS:
            field = self.fields.get(name)
            if isinstance(field, Setting) and name in policy:
                self.initial.setdefault(name, field.to_initial(policy[name]))
            if isinstance(field, ChoiceSetting):
                field.show_inherited(inherited[name], self.empty_word)
            elif isinstance(field, TextSetting | NumberSetting) and inherited[name]:
                field.widget.attrs["placeholder"] = f"Inherited: {inherited[name]}"

    def stored_policy(self) -> Mapping[str, Any]:
        """Return the policy of the row."""
        policy: Mapping[str, Any] = getattr(self.instance, "policy", None) or {}
        return policy

    def levels_above(self) -> Sequence[Level]:
        """Return the levels from which the row inherits."""
        return (gateway_level(),)

    def clean(self) -> dict[str, Any]:
        """Put the fields together; an invalid value is an error of its field."""
        cleaned = super().clean() or self.cleaned_data
        policy = dict(self.stored_policy())
        for name in FIELDS:
            if name not in self.fields or name not in cleaned:
                continue
            if cleaned[name] is not None:
                policy[name] = cleaned[name]
            elif policy.get(name):
                del policy[name]  # a stored empty value is not the same as no value, and stays
            try:
                parse_policy({name: policy[name]} if name in policy else {})
            except PolicyError as error:
                self.add_error(name, str(error))
        self.instance.policy = policy  # type: ignore[attr-defined]  # a row with a policy
        return cleaned


def policy_lines(levels: Sequence[Level]) -> list[dict[str, Any]]:
    """Return name, value and source of each field of the effective policy, for display."""
    labels = {name: str(field.label) for name, field in PolicyForm.base_fields.items()}
    return [
        {"name": labels.get(name, name), "value": _shown(name, value), "source": level}
        for name, value, level in sources(levels)
    ]


def _shown(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Mapping):
        mode = "only" if value["mode"] == "allow_list" else "not"
        return f"{mode} {', '.join(value['model_ids']) or 'none'}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or ("any" if name in RESTRICTIONS else "none")
    return str(value) if value else "none"
