"""A legacy completion request to bodies of Gemini's `generateContent`: each prompt is a user content of its own."""

from collections.abc import Sequence
from dataclasses import replace

from api.gemini.wire import GenerateContentRequest, GenerationConfig
from api.openai.completions.request import NEW_DOCUMENT, CompletionRequest
from api.translate.candidates.logprobs import logprobs_to_config
from api.translate.config.cached_content import beside_cached_content
from api.translate.config.generation import Sampling, generation_config, parallel_calls, reject_logit_bias
from api.translate.config.google_options import GoogleOptions, google_options
from api.translate.config.safety import safety_settings_to_gemini
from api.translate.config.thinking import thinking_config
from api.translate.conversation.contents import Assembly, assemble_contents
from api.translate.request.body import add_settings, generate_content_body
from api.translate.request.context import RequestContext
from api.translate.request.upstream_call import HistoryMessage, UpstreamCall
from api.translate.tools.built_in import OfferedTools, built_in_tools
from sessions_store.catalogue.model_profile import ModelProfile

_SUFFIX_INSTRUCTION = (
    "The user gives the beginning of a text. Write what comes between that beginning and the ending below, so that the "
    "three read as one text. Answer with the middle alone: neither repeat the beginning or the ending nor comment.\n"
    "The ending:\n"
)

_NO_HISTORY: Sequence[HistoryMessage] = ()


def completion_to_gemini(
    request: CompletionRequest,
    *,
    profile: ModelProfile,
    history: Sequence[HistoryMessage] = _NO_HISTORY,
) -> list[UpstreamCall]:
    """Return one upstream call per prompt, in order; only the first one has notes.

    A prompt is sent unchanged as the user's content, after the `history` messages of its session. `suffix` becomes
    an instruction; the accumulator handles `echo`. Raises InvalidRequestError naming an unsupported parameter.
        {"prompt": "Once upon", "max_tokens": 5}
        {"contents": [{"role": "user", "parts": [{"text": "Once upon"}]}], "generationConfig": {"maxOutputTokens": 5}}
    """
    context = RequestContext(profile=profile)
    reject_logit_bias(request.logit_bias)
    options = google_options(request.google or {})
    config = _config(request, options, context)
    built_in = OfferedTools(built_in=built_in_tools(None, options, context=context))
    _note_dropped(request, context)
    parallel = parallel_calls(request.choices, context=context)
    calls = []
    for prompt in request.prompts:
        message = {"role": "user", "content": _begun(prompt, context)}
        assembly = assemble_contents([message], history=history, restored={}, context=context)
        offered = built_in
        if options.cached_content:
            assembly, offered = beside_cached_content(assembly, offered, context=context)
        calls.append(
            UpstreamCall(
                body=_body(request, options, assembly, offered, config),
                gemini_contents=assembly.gemini_contents,
                placement=assembly.placement,
                notes=(),
                parallel=parallel,
                tool_names={},
            )
        )
    return [replace(calls[0], notes=tuple(dict.fromkeys(context.notes))), *calls[1:]]


def _begun(prompt: str, context: RequestContext) -> str:
    """Return a prompt without OpenAI's marks of a new document: each prompt is a new document for Gemini."""
    if not prompt.startswith(NEW_DOCUMENT):
        return prompt
    context.note("converted", "prompt", f"{NEW_DOCUMENT} removed at the beginning")
    while prompt.startswith(NEW_DOCUMENT):
        prompt = prompt.removeprefix(NEW_DOCUMENT)
    return prompt


def suffix_instruction(request: CompletionRequest) -> str:
    """Return the instruction for the text after the completion, "" without a suffix."""
    return f"{_SUFFIX_INSTRUCTION}{request.suffix}" if request.suffix else ""


def _body(
    request: CompletionRequest,
    options: GoogleOptions,
    assembly: Assembly,
    offered: OfferedTools,
    config: GenerationConfig,
) -> GenerateContentRequest:
    instruction = suffix_instruction(request)
    if instruction and not options.cached_content:
        assembly = replace(assembly, system=[{"text": instruction}, *assembly.system])
    body = generate_content_body(assembly, offered, config)
    safety = safety_settings_to_gemini(request.safety_settings or options.safety_settings or ())
    add_settings(body, safety=safety, cached_content=options.cached_content, tier=None)
    return body


def _config(request: CompletionRequest, options: GoogleOptions, context: RequestContext) -> GenerationConfig:
    config = generation_config(_sampling(request), context=context)
    logprobs_to_config(request.logprobs, config, param="logprobs", context=context)
    if request.echo and config.get("responseLogprobs"):
        context.note("converted", "logprobs", "for the completion only: Gemini returns none for an echoed prompt")
    thinking = thinking_config(None, options.thinking_config, context=context)
    if thinking:
        config["thinkingConfig"] = thinking
    for name in ("media_resolution", "response_modalities"):
        if getattr(options, name):
            context.note("dropped", f"google.{name}", "text completions support text only")
    return config


def _sampling(request: CompletionRequest) -> Sampling:
    return Sampling(
        temperature=request.temperature,
        top_p=request.top_p,
        presence_penalty=request.presence_penalty,
        frequency_penalty=request.frequency_penalty,
        output_limit=request.max_tokens or None,  # 0: no upstream call
        stop=request.stop_sequences,
        seed=request.seed,
        choices=request.choices,
    )


def _note_dropped(request: CompletionRequest, context: RequestContext) -> None:
    if request.suffix and (request.google or {}).get("cached_content"):
        context.note("dropped", "suffix", "google.cached_content contains its own instructions")
    elif request.suffix:
        reason = "to an instruction: Gemini does not support suffix"
        context.note("converted", "suffix", reason)
    if request.best_of is not None and request.best_of > request.choices:
        context.note("dropped", "best_of", "only the returned choices are generated")
    for name in request.unknown:
        context.note("dropped", name, "unknown parameter")
