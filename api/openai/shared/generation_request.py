"""What chat and text completions have in common: the model, the sampling, the stream."""

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
        """How many answers are wanted (of each prompt): `n`, 1 by default."""
        return self.n or 1

    @property
    def stop_sequences(self) -> list[str]:
        """`stop` as a list, also if one string came."""
        return [self.stop] if isinstance(self.stop, str) else list(self.stop or ())

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with a usage chunk."""
        return bool(self.stream_options and self.stream_options.get("include_usage"))

    def check_stream_options(self) -> None:
        """Refuse `stream_options` outside a stream, as OpenAI does. Raises InvalidRequestError."""
        if self.stream_options is not None and not self.stream:
            raise not_enabled("stream_options", needs="stream")


def not_enabled(param: str, *, needs: str) -> InvalidRequestError:
    """Return the error for a parameter that has a meaning only beside another one."""
    return InvalidRequestError(
        f"The '{param}' parameter is only allowed when '{needs}' is enabled.", param=param, code="invalid_value"
    )
