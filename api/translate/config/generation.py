"""Sampling, limits and candidates to Gemini's `generationConfig`, shared by every dialect (rules 62 to 66, 82, 95)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.errors import InvalidRequestError
from api.gemini.wire import GenerationConfig
from api.translate.conversation.parts import DETAIL_RESOLUTIONS
from api.translate.request.context import RequestContext


@dataclass(slots=True, kw_only=True)
class Sampling:
    """The common parameters of OpenAI's dialects, under OpenAI's names; None means absent.

    `output_limit` is the limit of the output in tokens and `output_limit_param` the name of its parameter.
    """

    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    output_limit: int | None = None
    output_limit_param: str = "max_tokens"
    stop: Sequence[str] = ()
    seed: int | None = None
    choices: int = 1


def generation_config(sampling: Sampling, *, context: RequestContext) -> GenerationConfig:
    """Return the generation config within the model's limits; every changed or dropped parameter is noted."""
    config: GenerationConfig = {}
    if sampling.temperature is not None or sampling.top_p is not None:
        _apply_sampling(sampling, config, context)
    if sampling.presence_penalty or sampling.frequency_penalty:
        _apply_penalties(sampling, config, context)
    if sampling.output_limit is not None:
        config["maxOutputTokens"] = _output_limit(sampling.output_limit, sampling.output_limit_param, context)
    if sampling.stop:
        _apply_stop(sampling.stop, config, context)
    if sampling.seed is not None:
        config["seed"] = _seed(sampling.seed, context)
    if 1 < sampling.choices <= context.profile.max_candidates:
        config["candidateCount"] = sampling.choices
    if context.image_details:
        _apply_resolution(config, context)
    return config


def reject_logit_bias(bias: Mapping[str, float] | None) -> None:
    """Reject an effective bias: Gemini has no such parameter, and its tokens differ from OpenAI's.

    Raises InvalidRequestError.
    """
    if bias and any(bias.values()):
        raise InvalidRequestError(
            "'logit_bias' is not supported with this server's models: they cannot bias tokens, and the token ids are "
            "not theirs.",
            param="logit_bias",
            code="unsupported_parameter",
        )


def parallel_calls(choices: int, *, context: RequestContext) -> int:
    """Return the number of upstream calls for `choices` completions: one if the model generates as many candidates."""
    return 1 if choices <= context.profile.max_candidates else choices


def _apply_sampling(sampling: Sampling, config: GenerationConfig, context: RequestContext) -> None:
    """Drop sampling for models that ignore it, because Google announced to reject it; 1 is their fixed value."""
    if context.profile.sampling == "honoured":
        if sampling.temperature is not None:
            config["temperature"] = sampling.temperature
        if sampling.top_p is not None:
            config["topP"] = sampling.top_p
        return
    for param, value in (("temperature", sampling.temperature), ("top_p", sampling.top_p)):
        if value is not None and value != 1:
            context.note("dropped", param, "fixed for this model")


def _apply_penalties(sampling: Sampling, config: GenerationConfig, context: RequestContext) -> None:
    if context.profile.penalties:
        if sampling.presence_penalty:
            config["presencePenalty"] = sampling.presence_penalty
        if sampling.frequency_penalty:
            config["frequencyPenalty"] = sampling.frequency_penalty
        return
    for param, value in (
        ("presence_penalty", sampling.presence_penalty),
        ("frequency_penalty", sampling.frequency_penalty),
    ):
        if value:
            context.note("dropped", param, "not supported by this model")


def _output_limit(limit: int, param: str, context: RequestContext) -> int:
    allowed = min(limit, context.profile.output_token_limit)
    if allowed != limit:
        context.note("clamped", param, f"to {allowed}")
    return allowed


def _apply_stop(stop: Sequence[str], config: GenerationConfig, context: RequestContext) -> None:
    sequences = [sequence for sequence in stop if sequence]
    if len(sequences) < len(stop):
        context.note("dropped", "stop", "empty stop sequence")
    allowed = context.profile.max_stop_sequences
    if len(sequences) > allowed:
        context.note("clamped", "stop", f"to the first {allowed} sequences")
    if sequences:
        config["stopSequences"] = sequences[:allowed]


def _seed(seed: int, context: RequestContext) -> int:
    """Return the seed as int32, Gemini's type; equal seeds stay equal."""
    wrapped = (seed + 2**31) % 2**32 - 2**31
    if wrapped != seed:
        context.note("converted", "seed", "reduced to 32 bits")
    return wrapped


def _apply_resolution(config: GenerationConfig, context: RequestContext) -> None:
    """Set one media resolution for all images: the highest requested one; none if any image uses the default."""
    details = context.image_details
    if any(detail not in DETAIL_RESOLUTIONS for detail in details):
        if any(detail in DETAIL_RESOLUTIONS for detail in details):
            context.note("dropped", "image_url.detail", "the model supports only one resolution for all images")
        return
    highest = max(details, key=list(DETAIL_RESOLUTIONS).index)
    if len(set(details)) > 1:
        context.note(
            "converted",
            "image_url.detail",
            "to the highest value: the model supports only one resolution for all images",
        )
    if highest == "original":
        highest = "high"
        context.note("clamped", "image_url.detail", "to high: the highest resolution of the model")
    config["mediaResolution"] = DETAIL_RESOLUTIONS[highest]
