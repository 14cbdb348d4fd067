"""Rules of generationConfig: ranges, fields without support in a model, MIME type and schema of the output."""

from typing import Any

from api.emulator.conversation import Conversation
from api.emulator.errors import GoogleError, InvalidField
from api.emulator.models import Model
from api.emulator.rules.schemas import check_json_schema, check_schema

MIME_TYPES = {"", "text/plain", "application/json", "text/x.enum"}
MAX_STOP_SEQUENCES = 5
MAX_LOGPROBS = 20


def check_generation(conversation: Conversation, model: Model) -> None:
    """Raises GoogleError for the first rule that generationConfig breaks."""
    config = conversation.config
    _check_sampling(config)
    _check_limits(config, model)
    _check_unsupported(config, model)
    _check_format(config)


def _check_sampling(config: dict[str, Any]) -> None:
    for name, top in (("temperature", 2.0), ("topP", 1.0)):
        value = config.get(name)
        if value is not None and not 0.0 <= value <= top:
            field = "top_p" if name == "topP" else name
            raise InvalidField(f"generation_config.{field}", f"{field} must be in the range [0.0, {top}].")
    if config.get("topK", 1) < 1:
        raise InvalidField("generation_config.top_k", "top_k must be positive.")


def _check_limits(config: dict[str, Any], model: Model) -> None:
    tokens = config.get("maxOutputTokens")
    if tokens is not None and not 0 < tokens <= model.output_token_limit:
        raise GoogleError(
            f"Unable to submit request because it has a maxOutputTokens value of {tokens} but the supported range is "
            f"from 1 (inclusive) to {model.output_token_limit + 1} (exclusive). Update the value and try again."
        )
    stops = config.get("stopSequences", [])
    if len(stops) > MAX_STOP_SEQUENCES:
        raise InvalidField(
            "generation_config.stop_sequences",
            f"at most {MAX_STOP_SEQUENCES} stop sequences can be specified, got {len(stops)}.",
        )
    if not all(stops):
        raise InvalidField("generation_config.stop_sequences", "stop sequences cannot be empty.")
    if "logprobs" in config and not config.get("responseLogprobs"):
        raise InvalidField("generation_config.logprobs", "logprobs needs response_logprobs to be true.")
    if not 0 <= config.get("logprobs", 0) <= MAX_LOGPROBS:
        raise InvalidField("generation_config.logprobs", f"logprobs must be in the range [0, {MAX_LOGPROBS}].")


def _check_unsupported(config: dict[str, Any], model: Model) -> None:
    """Raise GoogleError for a field that the model does not support, whatever the value."""
    count = config.get("candidateCount", 1)
    if count > 1 and model.max_candidates == 1:
        raise GoogleError("Multiple candidates is not enabled for this model")
    if not 1 <= count <= model.max_candidates:
        raise InvalidField(
            "generation_config.candidate_count", f"candidate_count must be in the range [1, {model.max_candidates}]."
        )
    if not model.penalties and ("presencePenalty" in config or "frequencyPenalty" in config):
        raise GoogleError(f"Penalty is not enabled for models/{model.name}")
    if not model.logprobs and (config.get("responseLogprobs") or "logprobs" in config):
        raise GoogleError(f"Logprobs is not enabled for models/{model.name}")
    unsupported = set(config.get("responseModalities") or ["TEXT"]) - {*model.output_modalities, "MODALITY_UNSPECIFIED"}
    if unsupported:
        raise GoogleError(
            f"The requested combination of response modalities ({', '.join(sorted(unsupported))}) "
            f"is not supported by the model. models/{model.name} accepts: {', '.join(model.output_modalities)}"
        )


def _check_format(config: dict[str, Any]) -> None:
    mime_type = config.get("responseMimeType", "")
    if mime_type not in MIME_TYPES:
        raise InvalidField(
            "generation_config.response_mime_type",
            "allowed mimetypes are `text/plain`, `application/json`, `application/xml`, `application/yaml` "
            "and `text/x.enum`.",
        )
    given = [name for name in ("responseSchema", "responseJsonSchema") if name in config]
    if len(given) > 1:
        raise GoogleError("Only one of response_schema and response_json_schema can be set.")
    if given and mime_type not in {"application/json", "text/x.enum"}:
        raise InvalidField(
            "generation_config.response_schema", "only allowed when response_mime_type is `application/json`."
        )
    if "responseSchema" in config:
        check_schema(config["responseSchema"], "generation_config.response_schema")
    if "responseJsonSchema" in config:
        check_json_schema(config["responseJsonSchema"])
    schema: dict[str, Any] = config[given[0]] if given else {}
    if mime_type == "text/x.enum" and not schema.get("enum"):
        raise InvalidField("generation_config.response_schema", "an enum schema is required for `text/x.enum`.")
