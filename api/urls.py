"""The URLs of the direct route: `/v1` and the health pages. Ids may contain slashes, which SDKs send as `%2F`.

The last pattern matches every other path; `gemini_gateway.routing` then tries other forms of `/v1` addresses.
"""

from django.urls import path

from api.views.chat import ChatCompletionsView
from api.views.completions import CompletionsView
from api.views.conversations import (
    ConversationItemsView,
    ConversationItemView,
    ConversationsView,
    ConversationView,
)
from api.views.health import HealthView, ReadyView
from api.views.key import KeyView
from api.views.models import ModelListView, ModelView
from api.views.organization.urls import urlpatterns as organization
from api.views.responses import (
    CancelView,
    CompactView,
    InputItemsView,
    InputTokensView,
    ResponsesView,
    ResponseView,
)
from api.views.sessions import SessionListView, SessionView
from api.views.stored_completions import StoredCompletionView, StoredMessagesView
from api.views.unknown import IndexView, UnknownView

urlpatterns = [
    path("v1/chat/completions", ChatCompletionsView.as_view()),
    path("v1/chat/completions/<str:completion>", StoredCompletionView.as_view()),
    path("v1/chat/completions/<str:completion>/messages", StoredMessagesView.as_view()),
    path("v1/completions", CompletionsView.as_view()),
    path("v1/key", KeyView.as_view()),
    path("v1/models", ModelListView.as_view()),
    path("v1/models/<path:model>", ModelView.as_view()),
    path("v1/responses", ResponsesView.as_view()),
    path("v1/responses/input_tokens", InputTokensView.as_view()),
    path("v1/responses/compact", CompactView.as_view()),
    path("v1/responses/<str:response_id>", ResponseView.as_view()),
    path("v1/responses/<str:response_id>/cancel", CancelView.as_view()),
    path("v1/responses/<str:response_id>/input_items", InputItemsView.as_view()),
    path("v1/conversations", ConversationsView.as_view()),
    path("v1/conversations/<str:conversation>", ConversationView.as_view()),
    path("v1/conversations/<str:conversation>/items", ConversationItemsView.as_view()),
    path("v1/conversations/<str:conversation>/items/<str:item>", ConversationItemView.as_view()),
    path("v1/sessions", SessionListView.as_view()),
    path("v1/sessions/<path:user>", SessionView.as_view()),
    *organization,
    path("healthz", HealthView.as_view()),
    path("readyz", ReadyView.as_view()),
    path("v1", IndexView.as_view()),
    path("<path:path>", UnknownView.as_view()),
]
