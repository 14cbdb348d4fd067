"""The tables of the gateway, one idea per module. Each row of a client refers to its principal (a `User`)."""

from sessions_store.models.access.budget import Budget, BudgetAlert, BudgetLease, BudgetWindow, SpendAlert
from sessions_store.models.access.key import Key
from sessions_store.models.access.project import Organization, Project
from sessions_store.models.access.rate_limit import RateLimit, Worker
from sessions_store.models.chat_session import ChatSession
from sessions_store.models.conversation import Conversation, ConversationItem
from sessions_store.models.mapping import ModelMapping
from sessions_store.models.message import CallSignature, Message, ToolCall
from sessions_store.models.price import ModelPrice
from sessions_store.models.principal import User
from sessions_store.models.response import ResponseEvents, StoredResponse
from sessions_store.models.rollup import UsageDay, UsageHour, UsageMinute, UsageRollup
from sessions_store.models.stored_completion import StoredCompletion
from sessions_store.models.stored_item import StoredItem
from sessions_store.models.upstream_model import UpstreamModel
from sessions_store.models.usage import UpstreamRequest, UsageRecord

__all__ = [
    "Budget",
    "BudgetAlert",
    "BudgetLease",
    "BudgetWindow",
    "CallSignature",
    "ChatSession",
    "Conversation",
    "ConversationItem",
    "Key",
    "Message",
    "ModelMapping",
    "ModelPrice",
    "Organization",
    "Project",
    "RateLimit",
    "ResponseEvents",
    "SpendAlert",
    "StoredCompletion",
    "StoredItem",
    "StoredResponse",
    "ToolCall",
    "UpstreamModel",
    "UpstreamRequest",
    "UsageDay",
    "UsageHour",
    "UsageMinute",
    "UsageRecord",
    "UsageRollup",
    "User",
    "Worker",
]
