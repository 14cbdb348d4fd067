"""The content of a chat message: a string or typed parts, as OpenAI's `ChatCompletionContentPart*Param` describe
them.
"""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Discriminator, Field, Tag
from typing_extensions import TypedDict

from api.openai.shared.unions import KIND_ERROR, STOP_AT_FIRST, by_field, by_kind

# OpenAI's limit for one string of content.
MAX_TEXT_CHARACTERS = 10_485_760
# Far above what a client sends in one message.
AT_MOST_PARTS = Field(max_length=4096)

TOOL_PARTS = frozenset({"text", "image_url", "file"})
ASSISTANT_PARTS = frozenset({"text", "refusal"})

Text = Annotated[str, Field(max_length=MAX_TEXT_CHARACTERS)]


class TextPart(TypedDict):
    """A text part."""

    type: Literal["text"]
    text: Text
    extra_content: NotRequired[Any]


class ImageURL(TypedDict):
    """An image's URL, http(s) or data:."""

    url: str
    detail: NotRequired[str | None]


ImageAddress = Annotated[
    Annotated[str, Tag("<string>")] | Annotated[ImageURL, Tag("<object>")], by_kind("string", "object")
]


class ImagePart(TypedDict):
    """An image by URL. OpenAI has an object here; other servers also accept a string."""

    type: Literal["image_url"]
    image_url: ImageAddress


class VideoURL(TypedDict):
    """A video's URL: http(s), data:, or a YouTube page."""

    url: str


class VideoPart(TypedDict):
    """A video by URL. Not OpenAI's, but accepted by other servers of its API."""

    type: Literal["video_url"]
    video_url: Annotated[
        Annotated[str, Tag("<string>")] | Annotated[VideoURL, Tag("<object>")], by_kind("string", "object")
    ]


class InputAudio(TypedDict):
    """Audio in base64; `format` is `wav` or `mp3` at OpenAI."""

    data: str
    format: str


class SoundURL(TypedDict):
    """Audio as a data URL, which states its format."""

    data: str


def _sound_tag(value: Any) -> str | None:
    if type(value) is not dict:
        return "<string>" if type(value) is str else None
    data = value.get("data")
    names_itself = value.get("format") is None and type(data) is str and data[:5].lower() == "data:"
    return "<url>" if names_itself else "<object>"


Sound = Annotated[
    Annotated[str, Tag("<string>")] | Annotated[InputAudio, Tag("<object>")] | Annotated[SoundURL, Tag("<url>")],
    Discriminator(_sound_tag, custom_error_type=KIND_ERROR, custom_error_message="a string or an object"),
]


class AudioPart(TypedDict):
    """Audio input; a string is a data URL."""

    type: Literal["input_audio"]
    input_audio: Sound


class FileReference(TypedDict):
    """A file: inline as base64 (`file_data`) or uploaded (`file_id`)."""

    file_data: NotRequired[str | None]
    file_id: NotRequired[str | None]
    filename: NotRequired[str | None]


class FilePart(TypedDict):
    """A file as input."""

    type: Literal["file"]
    file: Annotated[
        Annotated[str, Tag("<string>")] | Annotated[FileReference, Tag("<object>")], by_kind("string", "object")
    ]


class RefusalPart(TypedDict):
    """A refusal in an earlier assistant message."""

    type: Literal["refusal"]
    refusal: Text


UserPart = Annotated[
    Annotated[TextPart, Tag("<text>")]
    | Annotated[ImagePart, Tag("<image_url>")]
    | Annotated[AudioPart, Tag("<input_audio>")]
    | Annotated[FilePart, Tag("<file>")]
    | Annotated[VideoPart, Tag("<video_url>")],
    by_field("type", "text", "image_url", "input_audio", "file", "video_url"),
]
ToolPart = Annotated[
    Annotated[TextPart, Tag("<text>")] | Annotated[ImagePart, Tag("<image_url>")] | Annotated[FilePart, Tag("<file>")],
    by_field("type", "text", "image_url", "file"),
]
AssistantPart = Annotated[
    Annotated[TextPart, Tag("<text>")] | Annotated[RefusalPart, Tag("<refusal>")],
    by_field("type", "text", "refusal"),
]
# System and developer messages hold text only; the union of one member keeps error messages uniform.
TextContent = Annotated[
    Annotated[Text, Tag("<string>")] | Annotated[list[TextPart], AT_MOST_PARTS, STOP_AT_FIRST, Tag("<array>")],
    by_kind("string", "array"),
]
UserContent = Annotated[
    Annotated[Text, Tag("<string>")] | Annotated[list[UserPart], AT_MOST_PARTS, STOP_AT_FIRST, Tag("<array>")],
    by_kind("string", "array"),
]
# OpenAI's chat accepts only text from tools; browser and screen tools return images.
ToolContent = Annotated[
    Annotated[Text, Tag("<string>")] | Annotated[list[ToolPart], AT_MOST_PARTS, STOP_AT_FIRST, Tag("<array>")],
    by_kind("string", "array"),
]
AssistantContent = Annotated[
    Annotated[Text, Tag("<string>")] | Annotated[list[AssistantPart], AT_MOST_PARTS, STOP_AT_FIRST, Tag("<array>")],
    by_kind("string", "array"),
]
