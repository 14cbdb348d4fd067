"""The parameters that chat and text completions share: model, sampling, stream."""

from typing import Any

from api.errors import InvalidRequestError
from api.openai.shared.options import (
    Choices,
    LogitBias,
    Metadata,
    ModelName,
    Penalty,
    SafetySettings,
    Seed,
    Stop,
    StreamOptions,
    Temperature,
    TopP,
    UserName,
)
from api.openai.shared.request_model import RequestModel


class GenerationRequest(RequestModel):
    """The shared parameters; absent and null ones are None."""

    model: ModelName

    temperature: Temperature | None = None
    top_p: TopP | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    stop: Stop | None = None
    seed: Seed | None = None
    n: Choices | None = None
    logit_bias: LogitBias | None = None

    stream: bool | None = None
    stream_options: StreamOptions | None = None

    user: UserName | None = None
    metadata: Metadata | None = None

    google: dict[str, Any] | None = None
    safety_settings: SafetySettings | None = None

    @property
    def choices(self) -> int:
        """The number of choices (per prompt): `n`, default 1."""
        return self.n or 1

    @property
    def stop_sequences(self) -> list[str]:
        """`stop` as a list, also for one string."""
        return [self.stop] if isinstance(self.stop, str) else list(self.stop or ())

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with a usage chunk."""
        return bool(self.stream_options and self.stream_options.get("include_usage"))

    def check_stream_options(self) -> None:
        """Reject `stream_options` without `stream`, as OpenAI does. Raises InvalidRequestError."""
        if self.stream_options is not None and not self.stream:
            raise not_enabled("stream_options", needs="stream")


def not_enabled(param: str, *, needs: str) -> InvalidRequestError:
    """Return the error for a parameter without the parameter that it requires."""
    return InvalidRequestError(
        f"The '{param}' parameter is only allowed when '{needs}' is enabled.", param=param, code="invalid_value"
    )
