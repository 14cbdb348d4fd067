"""The parsed bodies of the Administration API (https://platform.openai.com/docs/api-reference/administration)."""

from typing import Annotated, Final, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from api.openai.shared.request_model import RequestModel

# A limit from here on means: no limit. OpenAI's types have no null for requests and tokens per minute.
NO_LIMIT: Final = 2_147_483_647
LONGEST_LIFE: Final = 10 * 366 * 86_400

Name = Annotated[str, Field(min_length=1, max_length=100)]
Lifetime = Annotated[int, Field(ge=1, le=LONGEST_LIFE)]
Limit = Annotated[int, Field(ge=0, le=NO_LIMIT)]
Scopes = Annotated[list[Annotated[str, Field(min_length=1, max_length=100)]], Field(max_length=100)]
Cents = Annotated[int, Field(ge=0, le=10**11)]
Recipient = Annotated[str, Field(min_length=3, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")]


class AdminKeyCreate(RequestModel):
    """A new admin key; without `expires_in_seconds`, it does not expire."""

    name: Name
    expires_in_seconds: Lifetime | None = None


class ProjectCreate(RequestModel):
    """A new project."""

    name: Name


class ProjectUpdate(RequestModel):
    """A new name of a project."""

    name: Name | None = None


class ProjectKeyUpdate(RequestModel):
    """New settings of a client key. No scopes: the key is not restricted."""

    expires_in_seconds: Lifetime | None = None
    scopes: Scopes | None = None


class ServiceAccountCreate(RequestModel):
    """A new service account, with its first key unless `create_service_account_only` is true."""

    name: Name
    create_service_account_only: bool | None = None
    expires_in_seconds: Lifetime | None = None


class ServiceAccountUpdate(RequestModel):
    """A new name of a service account; its role is always `member`."""

    name: Name | None = None
    role: Literal["member"] | None = None


class ServiceAccountKeyCreate(RequestModel):
    """A further key of a service account."""

    name: Name | None = None
    expires_in_seconds: Lifetime | None = None
    scopes: Scopes | None = None


class RateLimitUpdate(RequestModel):
    """New limits of a project for one model; 2147483647 removes a limit."""

    max_requests_per_1_minute: Limit | None = None
    max_tokens_per_1_minute: Limit | None = None
    max_requests_per_1_day: Limit | None = None
    max_images_per_1_minute: Limit | None = None


class ModelPermissionsUpdate(RequestModel):
    """The models that a project may use, or may not use."""

    mode: Literal["allow_list", "deny_list"]
    model_ids: Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=200)]


class OrganizationRetentionUpdate(RequestModel):
    """What is stored of all requests: `zero_data_retention` stores metadata only."""

    retention_type: Literal["zero_data_retention", "modified_abuse_monitoring"]


class ProjectRetentionUpdate(RequestModel):
    """What is stored of a project's requests: `zero_data_retention` stores metadata only, `none` stores all."""

    retention_type: Literal["organization_default", "none", "zero_data_retention"]


class SpendLimitUpdate(RequestModel):
    """The monthly hard budget in cents."""

    currency: Literal["USD"]
    interval: Literal["month"]
    threshold_amount: Cents


class NotificationChannel(TypedDict):
    """The recipients of an alert."""

    type: Literal["email"]
    recipients: Annotated[list[Recipient], Field(min_length=1, max_length=50)]
    subject_prefix: NotRequired[Annotated[str, Field(max_length=100)] | None]


class SpendAlertBody(RequestModel):
    """An alert at a monthly amount in cents."""

    currency: Literal["USD"]
    interval: Literal["month"]
    threshold_amount: Cents
    notification_channel: NotificationChannel
