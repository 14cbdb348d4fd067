"""Rules of the contents: roles, parts that must not be empty, and the order of calls and results."""

import re

from api.emulator.conversation import Conversation, Message, Part, role_of
from api.emulator.errors import GoogleError, InvalidField
from api.emulator.models import Model
from api.emulator.validation import PART_DATA

ROLES = {"user", "model", "function", ""}
# https://ai.google.dev/gemini-api/docs/file-input-methods: the families of types that inline data may have.
MIME_TYPES = re.compile(
    r"image/(png|jpe?g|webp|heic|heif|gif|avif)|audio/.+|video/.+|text/.+|"
    r"application/(pdf|json|rtf|xml|x-(javascript|typescript|python-code|ipynb\+json))"
)
# https://ai.google.dev/gemini-api/docs/function-calling: multimodal function responses begin with Gemini 3.
TAKE_MEDIA_IN_RESULTS = ("gemini-3", "gemini-4")
ORDER_OF_CALLS = (
    "Please ensure that function call turn comes immediately after a user turn or after a function response turn."
)
ORDER_OF_RESULTS = "Please ensure that function response turn comes immediately after a function call turn."
COUNT_OF_RESULTS = (
    "Please ensure that the number of function response parts is equal to the number of function call parts "
    "of the function call turn."
)


def check_contents(conversation: Conversation, model: Model) -> None:
    """Raises GoogleError for the first rule that the contents break."""
    if not conversation.contents:
        raise InvalidField("contents", "contents is not specified")
    for index, content in enumerate(conversation.contents):
        if content.get("role", "") not in ROLES:
            raise GoogleError("Please use a valid role: user, model.")
        if not content.get("parts"):
            raise InvalidField(f"contents[{index}].parts", "contents.parts must not be empty.")
        for number, part in enumerate(content["parts"]):
            _check_part(part, f"contents[{index}].parts[{number}]")
            if part.get("functionResponse", {}).get("parts") and model.family not in TAKE_MEDIA_IN_RESULTS:
                raise GoogleError(f"Multimodal function response is not supported for models/{model.name}")
    instruction = conversation.request.get("systemInstruction")
    if instruction is not None and not instruction.get("parts"):
        raise InvalidField("system_instruction.parts", "contents.parts must not be empty.")
    _check_order(conversation.messages)
    _check_end(conversation, model)


def _check_part(part: Part, path: str) -> None:
    if not any(name in part for name in PART_DATA):
        raise InvalidField(f"{path}.data", "required oneof field 'data' must have one initialized field")
    for name, field in (("functionCall", "function_call"), ("functionResponse", "function_response")):
        if name in part and not part[name].get("name"):
            raise InvalidField(f"{path}.{field}.name", "Name cannot be empty.")
    if "inlineData" in part:
        mime_type = part["inlineData"].get("mimeType", "")
        if not MIME_TYPES.match(mime_type):
            raise GoogleError(f"Unsupported MIME type: {mime_type}")
        if not part["inlineData"].get("data"):
            raise InvalidField(f"{path}.inline_data.data", "required field is empty")


def _check_order(messages: list[Message]) -> None:
    """Raise GoogleError unless calls follow a user message or results, and the next message begins with all results."""
    for index, message in enumerate(messages):
        calls = messages[index - 1].calls if index else []
        if message.role == "model":
            if message.calls and not index:
                raise GoogleError(ORDER_OF_CALLS)
            if message.results:
                raise GoogleError(ORDER_OF_RESULTS)
            if message.calls and index == len(messages) - 1:
                raise GoogleError(COUNT_OF_RESULTS)
            continue
        if message.calls:
            raise GoogleError(ORDER_OF_CALLS)
        if message.results and not calls:
            raise GoogleError(ORDER_OF_RESULTS)
        opening = message.parts[: len(calls)]
        if len(message.results) != len(calls) or not all("functionResponse" in part for part in opening):
            raise GoogleError(COUNT_OF_RESULTS)


def _check_end(conversation: Conversation, model: Model) -> None:
    """Raise GoogleError if the last content is the model's: models from Gemini 3.6 on accept no prefill."""
    last = conversation.contents[-1]
    if model.prefill or role_of(last) != "model":
        return
    if any(part.get("text") or "text" not in part for part in last["parts"]):
        raise GoogleError("Please ensure that the conversation does not end with a model turn for this model.")
