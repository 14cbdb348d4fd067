"""What an item of the Responses API may say: a string or typed parts, after openai's `ResponseInputContentParam` and
`ResponseOutputTextParam`. One union serves every role: clients send an assistant's words back in either spelling.
"""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field, Tag
from typing_extensions import TypedDict

from api.openai.shared.content import AT_MOST_PARTS, ImageAddress, Sound, Text
from api.openai.shared.unions import STOP_AT_FIRST, by_field, by_kind


class InputText(TypedDict):
    """A piece of text."""

    type: Literal["input_text"]
    text: Text
    prompt_cache_breakpoint: NotRequired[Any]


class OutputText(TypedDict):
    """A piece of an earlier answer; its annotations and log probabilities say nothing to the model."""

    type: Literal["output_text"]
    text: Text
    annotations: NotRequired[Any]
    logprobs: NotRequired[Any]


class PlainText(TypedDict):
    """Text under the name that conversations give it."""

    type: Literal["text"]
    text: Text


class Refusal(TypedDict):
    """An earlier refusal, sent back."""

    type: Literal["refusal"]
    refusal: Text


class InputImage(TypedDict):
    """An image by its URL (http(s) or data:), which may stand in chat completions' object, or by a file's id."""

    type: Literal["input_image"]
    image_url: NotRequired[ImageAddress | None]
    file_id: NotRequired[str | None]
    detail: NotRequired[str | None]
    prompt_cache_breakpoint: NotRequired[Any]


class InputFile(TypedDict):
    """A file: inline as base64, by URL, or by the id of an uploaded one."""

    type: Literal["input_file"]
    file_data: NotRequired[str | None]
    file_url: NotRequired[str | None]
    file_id: NotRequired[str | None]
    filename: NotRequired[str | None]
    detail: NotRequired[str | None]
    prompt_cache_breakpoint: NotRequired[Any]


class InputAudioPart(TypedDict):
    """Sound as input, in chat completions' own shape."""

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
