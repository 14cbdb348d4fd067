"""`response_format` of a chat request: text, any JSON object, or JSON by a schema."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Tag
from typing_extensions import TypedDict

from api.openai.chat.messages import Name
from api.openai.shared.unions import by_field


class TextFormat(TypedDict):
    """Plain text, the default."""

    type: Literal["text"]


class JSONObjectFormat(TypedDict):
    """Any JSON object."""

    type: Literal["json_object"]


class NamedSchema(TypedDict):
    """A named JSON Schema."""

    name: Name
    description: NotRequired[str | None]
    schema: NotRequired[dict[str, Any] | None]
    strict: NotRequired[bool | None]


class JSONSchemaFormat(TypedDict):
    """JSON that conforms to a schema."""

    type: Literal["json_schema"]
    json_schema: NamedSchema


ResponseFormat = Annotated[
    Annotated[TextFormat, Tag("<text>")]
    | Annotated[JSONObjectFormat, Tag("<json_object>")]
    | Annotated[JSONSchemaFormat, Tag("<json_schema>")],
    by_field("type", "text", "json_object", "json_schema"),
]
