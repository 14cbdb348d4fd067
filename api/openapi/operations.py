"""What each endpoint takes and gives: the table behind the API's description. Paths and methods are the URLconf's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from api.openai.chat import ChatCompletion, ChatCompletionChunk
from api.openai.chat_request import ChatCompletionRequest
from api.openai.completion import CompletionObject
from api.openai.completion_request import CompletionRequest
from api.openai.conversation_requests import ConversationCreate, ItemsCreate, MetadataUpdate
from api.openai.conversations import CompactedResponse, Conversation, Deleted, InputTokens, ListPage
from api.openai.list_query import DEFAULT_LIMIT, MAX_FILTERS, MAX_LIMIT
from api.openai.models import Model, ModelList
from api.openai.request_model import RequestModel
from api.openai.responses import Response
from api.openai.responses_events import ResponseStreamEvent
from api.openai.responses_request import CompactRequest, InputTokensRequest, ResponsesRequest
from api.views.base import GatewayView
from api.views.chat import ChatCompletionsView
from api.views.completions import CompletionsView
from api.views.conversations import ConversationItemsView, ConversationItemView, ConversationsView, ConversationView
from api.views.health import Health, HealthView, ReadyView
from api.views.models import ModelListView, ModelView
from api.views.responses import (
    CancelView,
    CompactView,
    InputItemsView,
    InputTokensView,
    ResponsesView,
    ResponseView,
)
from api.views.sessions import SessionList, SessionListView, SessionsDeleted, SessionView
from api.views.stored_completions import StoredCompletionView, StoredMessagesView
from api.views.unknown import Index, IndexView


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """What stands in the query or in a header. An object's entries are spelt `name[key]=value`."""

    name: str
    schema: Mapping[str, Any]
    what: str
    place: Literal["query", "header"] = "query"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path: its `operationId`, and `what` it does in one sentence.

    `answer` is the type of the JSON that a success gives, `events` that of a stream's events (`done` if OpenAI's
    `[DONE]` ends it), `body` what parses the request; a body that is `optional` may be empty. `gives` is the path
    parameter of other operations that stands in the answer, and where (a JSON pointer).
    """

    name: str
    what: str
    answer: Any
    body: type[RequestModel] | None = None
    optional: bool = False
    events: Any = None
    done: bool = False
    parameters: tuple[Parameter, ...] = ()
    gives: tuple[str, str] | None = None


_SESSION: Final = Parameter(
    name="X-Session-Id",
    schema={"type": "string", "pattern": "^[\\x21-\\x7e]{0,200}$"},
    what="Keeps several conversations of one user apart; requests that name the same one are served in order.",
    place="header",
)
_ONE_SESSION: Final = Parameter(
    name="X-Session-Id",
    schema={"type": "string", "pattern": "^[\\x21-\\x7e]{1,200}$"},
    what="Only this one of the user's sessions.",
    place="header",
)
_LIMIT: Final = Parameter(
    name="limit",
    schema={"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    what="How many objects a page has at most.",
)
_AFTER: Final = Parameter(name="after", schema={"type": "string"}, what="The id that the page begins behind.")


def _page(order: Literal["asc", "desc"]) -> tuple[Parameter, ...]:
    """Return the parameters of a list whose default order is `order`."""
    schema = {"type": "string", "enum": ["asc", "desc"], "default": order}
    return (_LIMIT, _AFTER, Parameter(name="order", schema=schema, what="By the time of creation."))


_FILTERS: Final = (
    Parameter(name="model", schema={"type": "string"}, what="Only those that were asked of this model."),
    Parameter(
        name="metadata",
        schema={
            "type": "object",
            "maxProperties": MAX_FILTERS,
            "propertyNames": {"minLength": 1, "maxLength": 64},
            "additionalProperties": {"type": "string"},
        },
        what="Only those with these pairs.",
    ),
)
_RESUME: Final = (
    Parameter(name="stream", schema={"type": "string", "enum": ["true", "false"]}, what="`true` gives its events."),
    Parameter(
        name="starting_after",
        schema={"type": "integer", "minimum": 0, "maximum": 999_999_999},
        what="The last sequence number that the client has seen.",
    ),
)

OPERATIONS: Final[Mapping[tuple[type[GatewayView], str], Operation]] = {
    (ChatCompletionsView, "post"): Operation(
        name="createChatCompletion",
        gives=("completion", "/id"),
        what="Answer a chat, plain or as a stream of server-sent events.",
        body=ChatCompletionRequest,
        answer=ChatCompletion,
        events=ChatCompletionChunk,
        done=True,
        parameters=(_SESSION,),
    ),
    (ChatCompletionsView, "get"): Operation(
        name="listChatCompletions",
        what="List the stored chat completions, the oldest first.",
        answer=ListPage,
        parameters=(*_page("asc"), *_FILTERS),
    ),
    (StoredCompletionView, "get"): Operation(
        name="getChatCompletion", what="Return a stored chat completion.", answer=ChatCompletion
    ),
    (StoredCompletionView, "post"): Operation(
        name="updateChatCompletion",
        what="Set a stored chat completion's metadata.",
        body=MetadataUpdate,
        answer=ChatCompletion,
    ),
    (StoredCompletionView, "delete"): Operation(
        name="deleteChatCompletion", what="Forget a stored chat completion; its usage stays.", answer=Deleted
    ),
    (StoredMessagesView, "get"): Operation(
        name="getChatCompletionMessages",
        what="List the messages that a stored chat completion answered.",
        answer=ListPage,
        parameters=_page("asc"),
    ),
    (CompletionsView, "post"): Operation(
        name="createCompletion",
        what="Complete one prompt or several (the legacy endpoint), plain or streamed.",
        body=CompletionRequest,
        answer=CompletionObject,
        events=CompletionObject,
        done=True,
        parameters=(_SESSION,),
    ),
    (ModelListView, "get"): Operation(
        name="listModels",
        what="List the models that clients may name.",
        answer=ModelList,
    ),
    (ModelView, "get"): Operation(
        name="retrieveModel", what="Return a model by a name that would be answered.", answer=Model
    ),
    (ResponsesView, "post"): Operation(
        name="createResponse",
        gives=("response_id", "/id"),
        what="Answer a response, plain or as a stream of events, at once or in the background.",
        body=ResponsesRequest,
        answer=Response,
        events=ResponseStreamEvent,
    ),
    (InputTokensView, "post"): Operation(
        name="countInputTokens",
        what="Count the tokens of a response's input.",
        body=InputTokensRequest,
        answer=InputTokens,
    ),
    (CompactView, "post"): Operation(
        name="compactResponse",
        what="Compact a conversation: return the items that take its place.",
        body=CompactRequest,
        answer=CompactedResponse,
    ),
    (ResponseView, "get"): Operation(
        name="getResponse",
        what="Return a stored response, or its events from `starting_after` on.",
        answer=Response,
        events=ResponseStreamEvent,
        parameters=_RESUME,
    ),
    (ResponseView, "delete"): Operation(
        name="deleteResponse", what="Forget a stored response; its usage stays.", answer=Deleted
    ),
    (CancelView, "post"): Operation(
        name="cancelResponse", what="Call a background response off and return it.", answer=Response
    ),
    (InputItemsView, "get"): Operation(
        name="listInputItems",
        what="List a response's own input items, the newest first.",
        answer=ListPage,
        parameters=_page("desc"),
    ),
    (ConversationsView, "post"): Operation(
        name="createConversation",
        gives=("conversation", "/id"),
        what="Begin a conversation, with its first items if there are any.",
        body=ConversationCreate,
        optional=True,
        answer=Conversation,
    ),
    (ConversationView, "get"): Operation(name="getConversation", what="Return a conversation.", answer=Conversation),
    (ConversationView, "post"): Operation(
        name="updateConversation", what="Set a conversation's metadata.", body=MetadataUpdate, answer=Conversation
    ),
    (ConversationView, "delete"): Operation(
        name="deleteConversation", what="Forget a conversation; responses that were made in it stay.", answer=Deleted
    ),
    (ConversationItemsView, "get"): Operation(
        name="listConversationItems",
        what="List a conversation's items, the newest first.",
        answer=ListPage,
        parameters=_page("desc"),
    ),
    (ConversationItemsView, "post"): Operation(
        name="createConversationItems",
        gives=("item", "/data/0/id"),
        what="Append items to a conversation and return them.",
        body=ItemsCreate,
        answer=ListPage,
    ),
    (ConversationItemView, "get"): Operation(
        name="getConversationItem", what="Return an item of a conversation.", answer=dict[str, Any]
    ),
    (ConversationItemView, "delete"): Operation(
        name="deleteConversationItem",
        what="Take an item out of a conversation and return the conversation.",
        answer=Conversation,
    ),
    (SessionListView, "get"): Operation(
        name="listSessions",
        what="List the caller's chat sessions, the newest first. Not OpenAI's.",
        answer=SessionList,
    ),
    (SessionView, "delete"): Operation(
        name="deleteSessions",
        what="Forget all chat sessions of a user, or the one that X-Session-Id names. Not OpenAI's.",
        answer=SessionsDeleted,
        parameters=(_ONE_SESSION,),
    ),
    (IndexView, "get"): Operation(name="getIndex", what="List the endpoints. Not OpenAI's.", answer=Index),
    (HealthView, "get"): Operation(name="getHealth", what="Tell that the process lives.", answer=Health),
    (ReadyView, "get"): Operation(name="getReadiness", what="Tell whether new requests are welcome.", answer=Health),
}
