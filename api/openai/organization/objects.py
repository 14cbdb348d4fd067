"""The objects of the Administration API (https://platform.openai.com/docs/api-reference/administration). Times are Unix
seconds.
"""

from collections.abc import Mapping
from typing import Any, Generic, Literal, NotRequired, TypeVar

from typing_extensions import TypedDict

Item = TypeVar("Item")


class Page(TypedDict, Generic[Item]):
    """A page of objects; `last_id` is the `after` of the next page."""

    object: Literal["list"]
    data: list[Item]
    first_id: str | None
    last_id: str | None
    has_more: bool


class ObjectDeleted(TypedDict):
    """A deleted object."""

    id: str
    object: str
    deleted: Literal[True]


class SettingDeleted(TypedDict):
    """A deleted setting, which has no id."""

    object: str
    deleted: bool


class AdminKeyOwner(TypedDict):
    """The owner of an admin key."""

    type: Literal["user"]
    object: Literal["organization.user"]
    id: str
    name: str
    created_at: int
    role: Literal["owner"]


class AdminKey(TypedDict):
    """An admin key; `value` is the key itself, in the response to its creation only."""

    object: Literal["organization.admin_api_key"]
    id: str
    name: str
    redacted_value: str
    created_at: int
    expires_at: int | None
    last_used_at: int | None
    owner: AdminKeyOwner
    value: NotRequired[str]


class Project(TypedDict):
    """A project."""

    object: Literal["organization.project"]
    id: str
    name: str
    status: Literal["active", "archived"]
    created_at: int
    archived_at: int | None


class KeyOwnerUser(TypedDict):
    """A person who owns a client key."""

    id: str
    name: str
    email: str
    created_at: int
    role: str


class KeyOwnerServiceAccount(TypedDict):
    """A service account that owns a client key."""

    id: str
    name: str
    created_at: int
    role: str


class KeyOwner(TypedDict):
    """The owner of a client key; the other of both fields is absent."""

    type: Literal["user", "service_account"]
    user: NotRequired[KeyOwnerUser]
    service_account: NotRequired[KeyOwnerServiceAccount]


class ProjectKey(TypedDict):
    """A client key of a project."""

    object: Literal["organization.project.api_key"]
    id: str
    name: str
    redacted_value: str
    created_at: int
    last_used_at: int | None
    expires_at: int | None
    owner: KeyOwner
    owner_project_access: Literal["active", "inactive"]


class NewKey(TypedDict):
    """A new client key of a service account; `value` is the key itself, in this response only."""

    object: Literal["organization.project.service_account.api_key"]
    id: str
    name: str
    value: str
    created_at: int
    expires_at: int | None


class ServiceAccount(TypedDict):
    """A service account; `api_key` is present in the response to its creation only."""

    object: Literal["organization.project.service_account"]
    id: str
    name: str
    role: Literal["member", "none"]
    created_at: int
    api_key: NotRequired[NewKey | None]


class ProjectRateLimit(TypedDict):
    """The limits of a project for a model, or for the models of a pattern; `*`: all models together.

    2147483647: no limit. Limits per day and of images are absent without a limit.
    """

    object: Literal["project.rate_limit"]
    id: str
    model: str
    max_requests_per_1_minute: int
    max_tokens_per_1_minute: int
    max_requests_per_1_day: NotRequired[int]
    max_images_per_1_minute: NotRequired[int]


class ModelPermissions(TypedDict):
    """The models that a project may use (`allow_list`) or may not use (`deny_list`)."""

    object: Literal["project.model_permissions"]
    mode: Literal["allow_list", "deny_list"]
    model_ids: list[str]


class DataRetention(TypedDict):
    """What is stored: `zero_data_retention` stands for metadata only."""

    object: Literal["organization.data_retention", "project.data_retention"]
    type: Literal["organization_default", "none", "zero_data_retention", "modified_abuse_monitoring"]


class Enforcement(TypedDict):
    """`enforcing` while the limit rejects requests."""

    status: Literal["inactive", "enforcing"]


class SpendLimit(TypedDict):
    """A monthly hard budget; `threshold_amount` in cents, rounded down."""

    object: Literal["organization.spend_limit", "project.spend_limit"]
    threshold_amount: int
    currency: Literal["USD"]
    interval: Literal["month"]
    enforcement: Enforcement


class AlertChannel(TypedDict):
    """The recipients of an alert."""

    type: Literal["email"]
    recipients: list[str]
    subject_prefix: str | None


class SpendAlert(TypedDict):
    """An alert at a monthly amount in cents."""

    object: Literal["organization.spend_alert", "project.spend_alert"]
    id: str
    threshold_amount: int
    currency: Literal["USD"]
    interval: Literal["month"]
    notification_channel: AlertChannel


class UserDetails(TypedDict):
    """The account behind a user of the organization."""

    object: Literal["user"]
    id: str
    name: str
    email: str
    enabled: bool


class OrganizationUser(TypedDict):
    """A person of the organization: an account of the admin site, or the built-in account of requests without keys."""

    object: Literal["organization.user"]
    id: str
    name: str
    email: str
    role: Literal["owner", "reader"]
    added_at: int
    created: int
    api_key_last_used_at: int | None
    is_service_account: Literal[False]
    user: UserDetails


# An entry of the audit log has a field that is named like its event, such as `project.created`.
AuditLog = Mapping[str, Any]
