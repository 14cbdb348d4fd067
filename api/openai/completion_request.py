"""The body of the legacy `POST /v1/completions`, parsed (https://platform.openai.com/docs/api-reference/completions)."""

from typing import Annotated, Any

from pydantic import Field, Tag

from api.errors import InvalidRequestError
from api.openai.content import Text
from api.openai.generation_request import GenerationRequest
from api.openai.json_body import parse_json
from api.openai.options import TokenLimit
from api.openai.unions import STOP_AT_FIRST, by_kind

# OpenAI allows 2,048 prompts; each answer may be an upstream call here.
MAX_ANSWERS = 128

Prompt = Annotated[
    Annotated[Text, Tag("<string>")]
    | Annotated[list[Text], Field(min_length=1, max_length=MAX_ANSWERS), STOP_AT_FIRST, Tag("<array>")],
    by_kind("string", "array"),
]


class CompletionRequest(GenerationRequest):
    """A legacy request. Absent and null parameters are None."""

    prompt: Prompt

    suffix: Text | None = None
    max_tokens: TokenLimit | None = None
    best_of: Annotated[int, Field(ge=1, le=20)] | None = None
    echo: bool | None = None
    logprobs: Annotated[int, Field(ge=0, le=5)] | None = None

    @property
    def prompts(self) -> list[str]:
        """The prompts as a list, also if one string came."""
        return [self.prompt] if isinstance(self.prompt, str) else list(self.prompt)


def parse_completion(body: bytes) -> CompletionRequest:
    """Parse the body of a legacy completion request.

    Raises InvalidRequestError, with OpenAI's wording and the culprit as `param`.
    """
    fields, notes = parse_json(body)
    _refuse_tokens(fields.get("prompt"))
    request = CompletionRequest.parse(fields, notes=notes)
    _check_parameters(request)
    return request


def _refuse_tokens(prompt: Any) -> None:
    """Refuse token ids: they are numbers of OpenAI's vocabulary, and Gemini has another."""
    if type(prompt) is list and prompt and type(prompt[0]) in (int, list):
        raise InvalidRequestError(
            "Invalid type for 'prompt': token ids cannot be used with this server's models. "
            "Send a string or an array of strings.",
            param="prompt",
            code="invalid_type",
        )


def _check_parameters(request: CompletionRequest) -> None:
    """Check parameters that need one another, and the number of answers in all."""
    request.check_stream_options()
    if request.best_of is not None and request.best_of < request.choices:
        raise InvalidRequestError(
            "Invalid 'best_of': expected a value greater than or equal to 'n'.", param="best_of", code="invalid_value"
        )
    if len(request.prompts) * request.choices > MAX_ANSWERS:
        raise InvalidRequestError(
            f"Invalid 'n': {len(request.prompts)} prompts with {request.choices} choices each make more than "
            f"{MAX_ANSWERS} answers.",
            param="n",
            code="invalid_value",
        )
