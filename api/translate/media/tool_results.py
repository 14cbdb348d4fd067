"""Images and files in a tool's result: inside the `functionResponse` if the model accepts them there, else after it.

Source: https://ai.google.dev/gemini-api/docs/function-calling (multimodal function responses, Gemini 3 and later). An
older model gets them as parts of a user content directly after the results (rule 18).
"""

from typing import TYPE_CHECKING, cast

from api.gemini.wire import Content, FunctionResponse, FunctionResponsePart, Part
from api.translate.conversation.parts import BLANK
from api.translate.request.context import RequestContext

if TYPE_CHECKING:
    from collections.abc import Sequence


def placed_media(content: Content, *, path: str, context: RequestContext) -> Content:
    """Return a result's content with its media at the position that the model accepts."""
    parts = content["parts"]
    inside: Sequence[FunctionResponsePart] = parts[0].get("functionResponse", {}).get("parts") or ()
    beside = parts[1:]
    if not inside and not beside:
        return content
    if context.profile.function_response_parts:
        if not beside:
            return content
        media = [*inside, *(_bare(part, path, context) for part in beside)]
        response = cast("FunctionResponse", {**parts[0]["functionResponse"], "parts": media})
        return cast("Content", {**content, "parts": [{**parts[0], "functionResponse": response}]})
    context.note("converted", path, "the model does not support media inside a function result: sent after the result")
    response = cast(
        "FunctionResponse", {key: value for key, value in parts[0]["functionResponse"].items() if key != "parts"}
    )
    first = cast("Part", {**parts[0], "functionResponse": response})
    return cast("Content", {**content, "parts": [first, *inside, *beside]})


def separated(results: Content) -> list[Content]:
    """Return a batch of results as the contents to send: the results alone, then their media."""
    media = [part for part in results["parts"] if "functionResponse" not in part]
    if not media:
        return [results]
    alone = [part for part in results["parts"] if "functionResponse" in part]
    return [
        cast("Content", {**results, "parts": alone}),
        # Gemini rejects a content of media without text (rule 8).
        {"role": "user", "parts": [*media, BLANK]},
    ]


def _bare(part: Part, path: str, context: RequestContext) -> FunctionResponsePart:
    """Return the data of a part, without fields that a result cannot have."""
    if "mediaResolution" in part:
        context.note("dropped", f"{path}.content.image_url.detail", "no resolution for media inside a function result")
    if "fileData" in part:
        return {"fileData": part["fileData"]}
    return {"inlineData": part["inlineData"]}
