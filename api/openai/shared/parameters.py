"""The table of the OpenAI parameters and their effect, the source of the compatibility page.

`honoured`: Gemini or the gateway implements it. `noted`: accepted without effect, and listed in `x-gateway-notes`.
`refused`: a 400 that names it. A row describes the effect in one sentence for the reader of the page.
"""

from typing import Literal, NamedTuple

Status = Literal["honoured", "noted", "refused"]


class Parameter(NamedTuple):
    """One row of the table."""

    name: str
    status: Status
    what: str


_SHARED: tuple[Parameter, ...] = (
    Parameter(
        "model",
        "honoured",
        "A requested model of the mappings or a Gemini model name, with or without `models/`.",
    ),
    Parameter("temperature", "honoured", "0 to 2, as Gemini's `temperature`; dropped for models that ignore it."),
    Parameter("top_p", "honoured", "0 to 1, as Gemini's `topP`; dropped for models that ignore it."),
    Parameter("frequency_penalty", "honoured", "Sent to models that support penalties, dropped for others."),
    Parameter("presence_penalty", "honoured", "Sent to models that support penalties, dropped for others."),
    Parameter("stop", "honoured", "A string or up to 16; clamped to the limit of the model."),
    Parameter("seed", "honoured", "Larger values are reduced to Gemini's 32 bits."),
    Parameter("n", "honoured", "1 to 8; several upstream calls for models with one candidate per call."),
    Parameter("stream", "honoured", "Server-sent events in OpenAI's format."),
    Parameter("stream_options", "honoured", "`include_usage` adds the usage chunk; obfuscation is never added."),
    Parameter("user", "honoured", "End user: continues the chat session of this end user; at most 256 characters."),
    Parameter("metadata", "honoured", "Stored with the usage record."),
    Parameter("logit_bias", "refused", "A bias other than 0 is a 400: Gemini does not support it."),
)

CHAT_PARAMETERS: tuple[Parameter, ...] = (
    *_SHARED,
    Parameter("messages", "honoured", "1 to 2,000 of every role; text, images, audio, video, files, tool calls."),
    Parameter("max_tokens", "honoured", "Gemini's `maxOutputTokens`, which includes reasoning."),
    Parameter("max_completion_tokens", "honoured", "The same limit under its newer name; both at once is a 400."),
    Parameter(
        "tools",
        "honoured",
        "Functions and custom tools (grammars as part of the description); other tools are dropped.",
    ),
    Parameter(
        "tool_choice", "honoured", "none, auto, required, one named function or custom tool, or some allowed ones."
    ),
    Parameter("parallel_tool_calls", "honoured", "`false` keeps the first call of a message and drops the others."),
    Parameter("functions", "honoured", "The deprecated form of `tools`; both at once is a 400."),
    Parameter("function_call", "honoured", "The deprecated form of `tool_choice`."),
    Parameter("response_format", "honoured", "text, json_object, or json_schema as Gemini's JSON mode."),
    Parameter(
        "reasoning_effort",
        "honoured",
        "Effort level or token budget; returns reasoning as `reasoning_content`.",
    ),
    Parameter("reasoning", "honoured", "effort, enabled, exclude; returns reasoning as `reasoning` too."),
    Parameter("safety_settings", "honoured", "Gemini's own `safetySettings`."),
    Parameter("google", "honoured", "Gemini options of a closed list; other options are a 400."),
    Parameter("extra_body", "honoured", "`google` and `safety_settings`, nested as Google's endpoint takes them."),
    Parameter("store", "honoured", "`true` stores the completion for `GET /v1/chat/completions`."),
    Parameter("logprobs", "honoured", "Sent to models that support log probabilities, dropped for others."),
    Parameter("top_logprobs", "honoured", "Up to 20, for models that support log probabilities."),
    Parameter("verbosity", "noted", "Not supported by Gemini."),
    Parameter("modalities", "honoured", "text; audio and image for models with this output, else a 400."),
    Parameter("audio", "honoured", "A voice of OpenAI or Gemini; wav, or pcm16 (the only format in streams)."),
    Parameter("prediction", "noted", "Not supported by Gemini."),
    Parameter("web_search_options", "honoured", "Google Search; its sources come as `annotations`."),
    Parameter("moderation", "noted", "Gemini's safety filters apply instead."),
    Parameter("safety_identifier", "noted", "Not passed on."),
    Parameter(
        "service_tier", "honoured", "default, flex, priority; `auto` is the tier of the account, others are dropped."
    ),
    Parameter("prompt_cache_key", "honoured", "Gemini caches prompts automatically; cached tokens are reported."),
    Parameter("prompt_cache_options", "noted", "Gemini caches prompts automatically."),
    Parameter("prompt_cache_retention", "noted", "Gemini caches prompts automatically."),
)

COMPLETION_PARAMETERS: tuple[Parameter, ...] = (
    *_SHARED,
    Parameter(
        "prompt",
        "honoured",
        "A string, token ids (o200k_base or cl100k_base, by the model's name), or an array of either.",
    ),
    Parameter("suffix", "honoured", "Sent to the model as an instruction."),
    Parameter(
        "max_tokens",
        "honoured",
        "Gemini's `maxOutputTokens`; 0 makes no upstream call; default: the limit of the model.",
    ),
    Parameter("echo", "honoured", "Prepends the prompt to each choice."),
    Parameter("best_of", "noted", "Only `n` choices are generated: most models return no log probabilities."),
    Parameter("logprobs", "honoured", "For the completion, if the model supports them; never for an echoed prompt."),
    Parameter("google", "honoured", "Gemini options of a closed list; other options are a 400."),
    Parameter("safety_settings", "honoured", "Gemini's own `safetySettings`."),
)
