"""The table of the Responses API's parameters for the compatibility page; rows as in `parameters`."""

from api.openai.shared.parameters import Parameter

_HINT = "Hint for OpenAI's servers only."

RESPONSES_PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        "model",
        "honoured",
        "A requested model of the mappings or a Gemini model name, with or without `models/`.",
    ),
    Parameter(
        "input",
        "honoured",
        "A string or items: messages, calls and results in any order, items of tools that ran elsewhere.",
    ),
    Parameter("instructions", "honoured", "Gemini's system instruction; not inherited from a previous response."),
    Parameter("previous_response_id", "honoured", "Continues a stored response."),
    Parameter("conversation", "honoured", "Reads and appends to a conversation; excludes `previous_response_id`."),
    Parameter(
        "tools", "honoured", "Functions, custom and client-run tools, namespaces, web search, code; others are noted."
    ),
    Parameter("tool_choice", "honoured", "All forms; a required tool that Gemini does not support is a 400."),
    Parameter("parallel_tool_calls", "honoured", "`false` keeps the first call of a response."),
    Parameter("text", "honoured", "`format` text, json_object or json_schema; `verbosity` is noted."),
    Parameter("reasoning", "honoured", "`effort` and `summary`; `mode` is noted."),
    Parameter("include", "honoured", "`reasoning.encrypted_content` and `message.output_text.logprobs`."),
    Parameter("max_output_tokens", "honoured", "16 or more; includes reasoning."),
    Parameter("temperature", "honoured", "0 to 2, as Gemini's `temperature`; dropped for models that ignore it."),
    Parameter("top_p", "honoured", "0 to 1, as Gemini's `topP`; dropped for models that ignore it."),
    Parameter("presence_penalty", "honoured", "Sent to models that support penalties, dropped for others."),
    Parameter("frequency_penalty", "honoured", "Sent to models that support penalties, dropped for others."),
    Parameter("top_logprobs", "honoured", "For models that support log probabilities."),
    Parameter("store", "honoured", "Default: true."),
    Parameter("background", "honoured", "Runs without a connection to the client; needs `store`."),
    Parameter("stream", "honoured", "Server-sent events in OpenAI's order."),
    Parameter("stream_options", "noted", "Streams are not obfuscated."),
    Parameter("metadata", "honoured", "Stored with the response."),
    Parameter("user", "honoured", "Stored with the usage record."),
    Parameter("service_tier", "honoured", "default, flex and priority; others are noted."),
    Parameter("prompt_cache_key", "honoured", "Gemini caches prompts automatically and reports cached tokens."),
    Parameter("google", "honoured", "Gemini options, such as `thinking_config`."),
    Parameter("safety_settings", "honoured", "Gemini's own `safetySettings`."),
    Parameter("extra_body", "honoured", "`google` and `safety_settings`, nested as Google's endpoint takes them."),
    Parameter("prompt", "refused", "Prompt templates are stored at OpenAI."),
    Parameter(
        "truncation", "honoured", "`auto` omits the oldest stored messages, to meet the input limit of the model."
    ),
    Parameter("context_management", "honoured", "Compacts the context if it has more tokens than `compact_threshold`."),
    Parameter("max_tool_calls", "noted", "Gemini decides how often to use built-in tools."),
    Parameter("moderation", "noted", "Gemini's safety filters apply instead."),
    Parameter("safety_identifier", "noted", _HINT),
    Parameter("prompt_cache_options", "noted", "`prewarm` stores the input without a response; else a hint."),
    Parameter("prompt_cache_retention", "noted", _HINT),
    Parameter("access_programs", "noted", _HINT),
    Parameter("background_options", "noted", _HINT),
    Parameter("image", "noted", _HINT),
)
