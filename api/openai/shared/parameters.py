"""What becomes of each parameter of the OpenAI dialects: the table behind the compatibility page.

`honoured`: Gemini does it, or the gateway does. `noted`: accepted, without effect, and named in `x-gateway-notes`.
`refused`: a 400 that names it. A row says what happens in one sentence, for the reader of the page.
"""

from typing import Literal, NamedTuple

Status = Literal["honoured", "noted", "refused"]


class Parameter(NamedTuple):
    """One row of the table."""

    name: str
    status: Status
    what: str


_SHARED: tuple[Parameter, ...] = (
    Parameter("model", "honoured", "A public name of the mappings or a Gemini name, with or without `models/`."),
    Parameter("temperature", "honoured", "0 to 2, as Gemini's `temperature`; dropped where the model ignores it."),
    Parameter("top_p", "honoured", "0 to 1, as Gemini's `topP`; dropped where the model ignores it."),
    Parameter("frequency_penalty", "honoured", "Sent to models that take penalties, dropped for the others."),
    Parameter("presence_penalty", "honoured", "Sent to models that take penalties, dropped for the others."),
    Parameter("stop", "honoured", "A string or up to 16; cut to the number the model takes."),
    Parameter("seed", "honoured", "Folded into Gemini's 32 bits where it is larger."),
    Parameter("n", "honoured", "1 to 8; several calls where the model gives one candidate only."),
    Parameter("stream", "honoured", "Server-sent events in OpenAI's form."),
    Parameter("stream_options", "honoured", "`include_usage` adds the usage chunk; obfuscation is never added."),
    Parameter("user", "honoured", "Names the chat session that is remembered; at most 256 characters."),
    Parameter("metadata", "honoured", "Kept with the usage record."),
    Parameter("logit_bias", "refused", "A bias other than 0 is a 400: Gemini cannot bias tokens."),
)

CHAT_PARAMETERS: tuple[Parameter, ...] = (
    *_SHARED,
    Parameter("messages", "honoured", "1 to 2,000 of every role; text, images, sound, video, files, tool calls."),
    Parameter("max_tokens", "honoured", "Gemini's `maxOutputTokens`, which counts thoughts too."),
    Parameter("max_completion_tokens", "honoured", "The same limit under its newer name; both at once is a 400."),
    Parameter(
        "tools",
        "honoured",
        "Functions and custom tools, whose grammars are only described; others are dropped.",
    ),
    Parameter(
        "tool_choice", "honoured", "none, auto, required, one named function or custom tool, or some allowed ones."
    ),
    Parameter("parallel_tool_calls", "honoured", "`false` keeps the first call of an answer and drops the others."),
    Parameter("functions", "honoured", "The deprecated form of `tools`; both at once is a 400."),
    Parameter("function_call", "honoured", "The deprecated form of `tool_choice`."),
    Parameter("response_format", "honoured", "text, json_object, or json_schema as Gemini's JSON mode."),
    Parameter("reasoning_effort", "honoured", "The model's level or budget; shows thoughts as `reasoning_content`."),
    Parameter("reasoning", "honoured", "effort, enabled, exclude; shows the thoughts as `reasoning` too."),
    Parameter("safety_settings", "honoured", "Gemini's own `safetySettings`."),
    Parameter("google", "honoured", "A closed list of Gemini's own options; any other is a 400 that names it."),
    Parameter("extra_body", "honoured", "`google` and `safety_settings`, nested as Google's endpoint takes them."),
    Parameter("store", "honoured", "`true` keeps the completion for `GET /v1/chat/completions`."),
    Parameter("logprobs", "honoured", "Sent to models whose catalogue row has them, dropped for the others."),
    Parameter("top_logprobs", "honoured", "Up to 20, where the model gives log probabilities at all."),
    Parameter("verbosity", "noted", "Gemini has no such setting."),
    Parameter("modalities", "honoured", "text; audio and image where the model answers with them, else a 400."),
    Parameter("audio", "honoured", "A voice of OpenAI's or Gemini's; wav, or pcm16 (the only one in streams)."),
    Parameter("prediction", "noted", "Gemini takes no predicted output."),
    Parameter("web_search_options", "honoured", "Google Search; its sources come as `annotations`."),
    Parameter("moderation", "noted", "Gemini's safety filters apply instead."),
    Parameter("safety_identifier", "noted", "Not passed on."),
    Parameter("service_tier", "honoured", "default, flex, priority; `auto` is the account's own, others are dropped."),
    Parameter("prompt_cache_key", "honoured", "Not needed: Gemini caches by itself; cached tokens are reported."),
    Parameter("prompt_cache_options", "noted", "Gemini caches prompts by itself."),
    Parameter("prompt_cache_retention", "noted", "Gemini caches prompts by itself."),
)

COMPLETION_PARAMETERS: tuple[Parameter, ...] = (
    *_SHARED,
    Parameter(
        "prompt",
        "honoured",
        "A string, token ids (o200k_base or cl100k_base, by the model's name), or an array of either.",
    ),
    Parameter("suffix", "honoured", "Asked of the model as an instruction."),
    Parameter(
        "max_tokens", "honoured", "Gemini's `maxOutputTokens`; 0 asks Gemini nothing; by default its limit, not 16."
    ),
    Parameter("echo", "honoured", "The prompt is put before each answer."),
    Parameter("best_of", "noted", "As many answers as `n` are made: most models give nothing to rank more by."),
    Parameter("logprobs", "honoured", "Of the answer, where the model gives them; never of an echoed prompt."),
    Parameter("google", "honoured", "A closed list of Gemini's own options; any other is a 400 that names it."),
    Parameter("safety_settings", "honoured", "Gemini's own `safetySettings`."),
)
