"""The forms of keys: create, change, and the passwords of rotation and of admin keys."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.http import HttpRequest
from django.utils import timezone

from sessions_store.accounts.issuing import DEFAULT_OVERLAP, LONGEST_OVERLAP, IssuingError, check_owner
from sessions_store.admin.pages.access.issued_key import form_token
from sessions_store.admin.pages.access.password import PasswordForm
from sessions_store.admin.pages.access.policy_form import Level, PolicyForm, gateway_level
from sessions_store.models import Key, Project
from sessions_store.models.access.project import DEFAULT_PROJECT

LONGEST_LIFE: Final = 3650
OWNER_HELP: Final = "Account that sends the requests. Empty: a new service account of the project, named as the key."
EXPIRY_HELP: Final = "UTC. Empty: the key does not expire."


class KeyForm(PolicyForm[Key]):
    """Name, expiry and policy of a key."""

    def levels_above(self) -> Sequence[Level]:
        """The gateway and the project."""
        project = self.instance.project
        return (gateway_level(), *([("project", project.policy)] if project else []))

    def clean_expires_at(self) -> datetime | None:
        """Reject an expiry in the past, unless it is the stored one."""
        given: datetime | None = self.cleaned_data["expires_at"]
        if given is not None and given <= timezone.now() and "expires_at" in self.changed_data:
            raise forms.ValidationError("Enter a time in the future, or revoke the key.")
        return given


class NewKeyForm(KeyForm):
    """A key to create, with its project and owner."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.initial.get("project"):
            default = Project.objects.filter(public_id=DEFAULT_PROJECT).values_list("pk", flat=True)
            self.initial["project"] = default.first()
        self.fields["project"].required = True
        self.fields["principal"].required = False
        self.fields["principal"].help_text = OWNER_HELP

    def levels_above(self) -> Sequence[Level]:
        """The gateway; the project is not chosen yet."""
        return (gateway_level(),)

    def clean(self) -> dict[str, Any]:
        """Reject an owner who may not own a key of the project."""
        cleaned = super().clean()
        project, owner = cleaned.get("project"), cleaned.get("principal")
        if project is not None and project.archived_at is not None:
            self.add_error("project", "The project is archived.")
        elif project is not None and owner is not None:
            try:
                check_owner(owner, project)
            except IssuingError as error:
                self.add_error("principal", str(error))
        return cleaned

    def _get_validation_exclusions(self) -> set[str]:
        """Leave the owner out of the model's validation: an empty one is created with the key."""
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]  # not in the stubs
        return excluded | {"principal"}


class RotationForm(PasswordForm):
    """The overlap of a rotation."""

    overlap = forms.IntegerField(
        label="Overlap in hours",
        min_value=0,
        max_value=int(LONGEST_OVERLAP / timedelta(hours=1)),
        initial=int(DEFAULT_OVERLAP / timedelta(hours=1)),
        help_text="The old key stays valid for this time. 0: the old key is rejected at once.",
    )


class AdminKeyForm(PasswordForm):
    """Name and life of an admin key, with the token of the form."""

    form_token = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)

    name = forms.CharField(max_length=100, widget=forms.TextInput(attrs={"class": "vTextField"}))
    days = forms.IntegerField(
        label="Expires after days",
        min_value=1,
        max_value=LONGEST_LIFE,
        required=False,
        help_text="Empty: the key does not expire.",
    )

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request, initial={"form_token": form_token(request)})
