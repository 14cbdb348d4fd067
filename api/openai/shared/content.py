"""What a message may say: a string or a list of typed parts. Shapes of openai's `ChatCompletionContentPart*Param`."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Discriminator, Field, Tag
from typing_extensions import TypedDict

from api.openai.shared.unions import KIND_ERROR, STOP_AT_FIRST, by_field, by_kind

# OpenAI's own limit for one string of content.
MAX_TEXT_CHARACTERS = 10_485_760
# Ours: far above what a client sends in one message.
AT_MOST_PARTS = Field(max_length=4096)

TOOL_PARTS = frozenset({"text", "image_url", "file"})
ASSISTANT_PARTS = frozenset({"text", "refusal"})

Text = Annotated[str, Field(max_length=MAX_TEXT_CHARACTERS)]


class TextPart(TypedDict):
    """A piece of text."""

    type: Literal["text"]
    text: Text
    extra_content: NotRequired[Any]


class ImageURL(TypedDict):
    """Where an image is: an http(s) or a data: URL."""

    url: str
    detail: NotRequired[str | None]


ImageAddress = Annotated[
    Annotated[str, Tag("<string>")] | Annotated[ImageURL, Tag("<object>")], by_kind("string", "object")
]


class ImagePart(TypedDict):
    """An image by URL. OpenAI's is an object; a plain string is what other servers take as well."""

    type: Literal["image_url"]
    image_url: ImageAddress


class VideoURL(TypedDict):
    """Where a video is: an http(s) or a data: URL, or a page of YouTube."""

    url: str


class VideoPart(TypedDict):
    """A video by URL. Not OpenAI's, but what other servers for its API take."""

    type: Literal["video_url"]
    video_url: Annotated[
        Annotated[str, Tag("<string>")] | Annotated[VideoURL, Tag("<object>")], by_kind("string", "object")
    ]


class InputAudio(TypedDict):
    """Sound in base64; `format` is `wav` or `mp3` at OpenAI."""

    data: str
    format: str


class SoundURL(TypedDict):
    """Sound as a data URL, which names its format itself."""

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
    """Sound as input; a plain string is a data URL."""

    type: Literal["input_audio"]
    input_audio: Sound


class FileReference(TypedDict):
    """A file, inline as base64 (`file_data`) or uploaded before (`file_id`)."""

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
    """An assistant's earlier refusal, sent back."""

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
# System and developer messages hold text only; a union of one keeps the errors alike.
TextContent = Annotated[
    Annotated[Text, Tag("<string>")] | Annotated[list[TextPart], AT_MOST_PARTS, STOP_AT_FIRST, Tag("<array>")],
    by_kind("string", "array"),
]
UserContent = Annotated[
    Annotated[Text, Tag("<string>")] | Annotated[list[UserPart], AT_MOST_PARTS, STOP_AT_FIRST, Tag("<array>")],
    by_kind("string", "array"),
]
# OpenAI's chat takes text only from a tool; tools that look at things (browsers, screens) give images.
ToolContent = Annotated[
    Annotated[Text, Tag("<string>")] | Annotated[list[ToolPart], AT_MOST_PARTS, STOP_AT_FIRST, Tag("<array>")],
    by_kind("string", "array"),
]
AssistantContent = Annotated[
    Annotated[Text, Tag("<string>")] | Annotated[list[AssistantPart], AT_MOST_PARTS, STOP_AT_FIRST, Tag("<array>")],
    by_kind("string", "array"),
]
