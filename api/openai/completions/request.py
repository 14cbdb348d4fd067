"""The parsed body of the legacy `POST /v1/completions` (https://platform.openai.com/docs/api-reference/completions)."""

from typing import Annotated, Any, Final

from pydantic import Discriminator, Field, Tag

from api.errors import InvalidRequestError
from api.openai.shared.content import Text
from api.openai.shared.generation_request import GenerationRequest
from api.openai.shared.options import INT32_MAX
from api.openai.shared.unions import KIND_ERROR, STOP_AT_FIRST

# OpenAI allows 2,048 prompts; here each choice may be an upstream call.
MAX_CHOICES = 128

# The context length of Gemini's largest models.
MAX_TOKEN_IDS = 2**20
# OpenAI's separator of documents, and its default prompt: the completion begins a new document.
NEW_DOCUMENT: Final = "<|endoftext|>"


def _prompt_tag(value: Any) -> str | None:
    """Choose the union member by the type of an array's first item; `<array>` for strings and for invalid items."""
    if type(value) is not list:
        return "<string>" if type(value) is str else None
    return {int: "<tokens>", list: "<arrays>"}.get(type(value[0]) if value else str, "<array>")


TokenIds = Annotated[list[int], Field(min_length=1, max_length=MAX_TOKEN_IDS), STOP_AT_FIRST]
Prompt = Annotated[
    Annotated[Text, Tag("<string>")]
    | Annotated[list[Text], Field(min_length=1, max_length=MAX_CHOICES), STOP_AT_FIRST, Tag("<array>")]
    | Annotated[TokenIds, Tag("<tokens>")]
    | Annotated[list[TokenIds], Field(max_length=MAX_CHOICES), STOP_AT_FIRST, Tag("<arrays>")],
    Discriminator(_prompt_tag, custom_error_type=KIND_ERROR, custom_error_message="a string or an array"),
]


class CompletionRequest(GenerationRequest):
    """A legacy completion request. Absent and null parameters are None."""

    prompt: Prompt | None = None

    suffix: Text | None = None
    max_tokens: Annotated[int, Field(ge=0, le=INT32_MAX)] | None = None
    best_of: Annotated[int, Field(ge=1, le=20)] | None = None
    echo: bool | None = None
    logprobs: Annotated[int, Field(ge=0, le=5)] | None = None

    @property
    def prompts(self) -> list[str]:
        """The text prompts as a list (also for one string, or for an absent prompt); without prompts in token ids."""
        prompt = NEW_DOCUMENT if self.prompt is None else self.prompt
        return [prompt] if isinstance(prompt, str) else [text for text in prompt if isinstance(text, str)]

    @property
    def token_prompts(self) -> list[list[int]]:
        """The prompts in token ids as a list, also for a single one; empty for text prompts."""
        match self.prompt:
            case [int(), *_]:
                return [self.prompt]  # type: ignore[list-item]
            case [list(), *_]:
                return self.prompt  # type: ignore[return-value]
        return []

    def with_texts(self, texts: list[str]) -> "CompletionRequest":
        """Return the request with text in place of token ids; an array of ids is one prompt."""
        single = isinstance(self.prompt, list) and isinstance(self.prompt[0], int)
        return self.model_copy(update={"prompt": texts[0] if single else texts})


def parse_completion(body: bytes) -> CompletionRequest:
    """Parse the body of a legacy completion request.

    Raises InvalidRequestError with OpenAI's message and the parameter's path as `param`.
    """
    request = CompletionRequest.read(body)
    _check_parameters(request)
    return request


def _check_parameters(request: CompletionRequest) -> None:
    """Check parameters that require one another, and the total number of choices."""
    request.check_stream_options()
    if request.best_of is not None and request.best_of < request.choices:
        raise InvalidRequestError(
            "Invalid 'best_of': expected a value greater than or equal to 'n'.", param="best_of", code="invalid_value"
        )
    prompts = len(request.prompts) or len(request.token_prompts)
    if prompts * request.choices > MAX_CHOICES:
        raise InvalidRequestError(
            f"Invalid 'n': {prompts} prompts with {request.choices} choices each exceed the limit of {MAX_CHOICES}.",
            param="n",
            code="invalid_value",
        )
