"""The content of a Responses item: a string or typed parts.

Follows openai's `ResponseInputContentParam` and `ResponseOutputTextParam`. One union serves every role, because clients
return assistant messages in either form.
"""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field, Tag
from typing_extensions import TypedDict

from api.openai.shared.content import AT_MOST_PARTS, ImageAddress, Sound, Text
from api.openai.shared.unions import STOP_AT_FIRST, by_field, by_kind


class InputText(TypedDict):
    """A text part."""

    type: Literal["input_text"]
    text: Text
    prompt_cache_breakpoint: NotRequired[Any]


class OutputText(TypedDict):
    """Text of an earlier response; its annotations and log probabilities are not sent upstream."""

    type: Literal["output_text"]
    text: Text
    annotations: NotRequired[Any]
    logprobs: NotRequired[Any]


class PlainText(TypedDict):
    """A text part of a conversation item."""

    type: Literal["text"]
    text: Text


class Refusal(TypedDict):
    """A refusal of an earlier response."""

    type: Literal["refusal"]
    refusal: Text


class InputImage(TypedDict):
    """An image: a URL (http(s) or data:), the URL object of chat completions, or a file id."""

    type: Literal["input_image"]
    image_url: NotRequired[ImageAddress | None]
    file_id: NotRequired[str | None]
    detail: NotRequired[str | None]
    prompt_cache_breakpoint: NotRequired[Any]


class InputFile(TypedDict):
    """A file: inline as base64, by URL, or by the id of an uploaded file."""

    type: Literal["input_file"]
    file_data: NotRequired[str | None]
    file_url: NotRequired[str | None]
    file_id: NotRequired[str | None]
    filename: NotRequired[str | None]
    detail: NotRequired[str | None]
    prompt_cache_breakpoint: NotRequired[Any]


class InputAudioPart(TypedDict):
    """Audio input, in the form of chat completions."""

    type: Literal["input_audio"]
    input_audio: Sound


ITEM_PARTS = ("input_text", "input_image", "input_file", "input_audio", "output_text", "refusal", "text")
ItemPart = Annotated[
    Annotated[InputText, Tag("<input_text>")]
    | Annotated[OutputText, Tag("<output_text>")]
    | Annotated[PlainText, Tag("<text>")]
    | Annotated[Refusal, Tag("<refusal>")]
    | Annotated[InputImage, Tag("<input_image>")]
    | Annotated[InputFile, Tag("<input_file>")]
    | Annotated[InputAudioPart, Tag("<input_audio>")],
    by_field("type", *ITEM_PARTS),
]
ItemContent = Annotated[
    Annotated[Text, Tag("<string>")] | Annotated[list[ItemPart], AT_MOST_PARTS, STOP_AT_FIRST, Tag("<array>")],
    by_kind("string", "array"),
]


class SummaryText(TypedDict):
    """A paragraph of a reasoning summary."""

    type: Literal["summary_text"]
    text: Text


Summary = Annotated[list[SummaryText], Field(max_length=1024), STOP_AT_FIRST]
