"""What becomes of each parameter of the Responses API: rows as in `parameters`, for the compatibility page."""

from api.openai.shared.parameters import Parameter

_HINT = "A hint for OpenAI's own servers."

RESPONSES_PARAMETERS: tuple[Parameter, ...] = (
    Parameter("model", "honoured", "A public name of the mappings or a Gemini name, with or without `models/`."),
    Parameter(
        "input",
        "honoured",
        "A string or items: messages, calls and results wherever they stand, what tools did elsewhere.",
    ),
    Parameter("instructions", "honoured", "Gemini's system instruction; not inherited from a previous response."),
    Parameter("previous_response_id", "honoured", "Continues a stored response."),
    Parameter("conversation", "honoured", "Reads and appends to a conversation; excludes `previous_response_id`."),
    Parameter(
        "tools", "honoured", "Functions, custom and client-run tools, namespaces, web search, code; others are noted."
    ),
    Parameter("tool_choice", "honoured", "All forms; a tool without a counterpart that is forced is a 400."),
    Parameter("parallel_tool_calls", "honoured", "`false` keeps the first call of an answer."),
    Parameter("text", "honoured", "`format` text, json_object or json_schema; `verbosity` is noted."),
    Parameter("reasoning", "honoured", "`effort` and `summary`; `mode` is noted."),
    Parameter("include", "honoured", "`reasoning.encrypted_content` and `message.output_text.logprobs`."),
    Parameter("max_output_tokens", "honoured", "16 or more; Gemini counts thoughts too."),
    Parameter("temperature", "honoured", "0 to 2, as Gemini's `temperature`; dropped where the model ignores it."),
    Parameter("top_p", "honoured", "0 to 1, as Gemini's `topP`; dropped where the model ignores it."),
    Parameter("presence_penalty", "honoured", "Sent to models that take penalties, dropped for the others."),
    Parameter("frequency_penalty", "honoured", "Sent to models that take penalties, dropped for the others."),
    Parameter("top_logprobs", "honoured", "On models that give log probabilities."),
    Parameter("store", "honoured", "True unless told otherwise."),
    Parameter("background", "honoured", "Runs to its end without the client; needs `store`."),
    Parameter("stream", "honoured", "Server-sent events in OpenAI's order."),
    Parameter("stream_options", "noted", "Streams are not obfuscated."),
    Parameter("metadata", "honoured", "Kept with the response."),
    Parameter("user", "honoured", "Kept with the usage record."),
    Parameter("service_tier", "honoured", "default, flex and priority; others are noted."),
    Parameter("prompt_cache_key", "honoured", "Gemini caches prompts by itself and reports cached tokens."),
    Parameter("google", "honoured", "Gemini's own options, such as `thinking_config`."),
    Parameter("safety_settings", "honoured", "Gemini's own `safetySettings`."),
    Parameter("extra_body", "honoured", "`google` and `safety_settings`, nested as Google's endpoint takes them."),
    Parameter("prompt", "refused", "Prompt templates are kept at OpenAI only."),
    Parameter(
        "truncation", "honoured", "`auto` leaves out the oldest remembered messages beyond the model's input limit."
    ),
    Parameter(
        "context_management", "honoured", "Compacts the context when it has more tokens than `compact_threshold`."
    ),
    Parameter("max_tool_calls", "noted", "Gemini itself decides how often to use its own tools."),
    Parameter("moderation", "noted", "Gemini's own safety filters apply instead."),
    Parameter("safety_identifier", "noted", _HINT),
    Parameter("prompt_cache_options", "noted", "`prewarm` takes the input in without an answer; the rest is a hint."),
    Parameter("prompt_cache_retention", "noted", _HINT),
    Parameter("access_programs", "noted", _HINT),
    Parameter("background_options", "noted", _HINT),
    Parameter("image", "noted", _HINT),
)
