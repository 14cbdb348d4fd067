"""A chat completion request to the body of Gemini's `generateContent`.

The order of the translations matters twice: tools come first, because the conversation uses their names; the generation
config comes last, because it depends on images and tools.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from api.gemini.wire import Blob, Content, GenerationConfig, ThinkingConfig
from api.openai.chat.request import ChatCompletionRequest
from api.translate.candidates.logprobs import logprobs_to_config
from api.translate.chat.dropped import note_dropped
from api.translate.config.cached_content import beside_cached_content
from api.translate.config.generation import Sampling, generation_config, parallel_calls, reject_logit_bias
from api.translate.config.google_options import NO_OPTIONS, GoogleOptions, google_options
from api.translate.config.modalities import modalities_to_config
from api.translate.config.response_format import reconcile_with_tools, response_format_to_config
from api.translate.config.safety import safety_settings_to_gemini
from api.translate.config.service_tier import service_tier_to_gemini
from api.translate.config.thinking import thinking_config
from api.translate.conversation.contents import assemble_contents
from api.translate.request.body import add_settings, generate_content_body
from api.translate.request.context import RequestContext
from api.translate.request.upstream_call import OMITTED, SYSTEM, HistoryMessage, UpstreamCall
from api.translate.tools.built_in import NO_TOOLS, OfferedTools, built_in_tools, reconcile_built_in
from api.translate.tools.choice import ChosenTools, choose_tools
from api.translate.tools.declarations import strict_path, tools_to_declarations
from sessions_store.catalogue.model_profile import ModelProfile

__all__ = ["OMITTED", "SYSTEM", "HistoryMessage", "UpstreamCall", "chat_to_gemini"]

_NOTHING_RESTORED: Mapping[int, Content] = MappingProxyType({})
_NOTHING_FETCHED: Mapping[str, Blob] = MappingProxyType({})
_TOOL_PARAMETERS = frozenset({"tools", "functions", "tool_choice", "function_call", "web_search_options"})


def chat_to_gemini(
    request: ChatCompletionRequest,
    *,
    profile: ModelProfile,
    history: Sequence[HistoryMessage] = (),
    restored: Mapping[int, Content] = _NOTHING_RESTORED,
    fetched: Mapping[str, Blob] = _NOTHING_FETCHED,
) -> UpstreamCall:
    """Return the upstream call of a chat request to a model with this profile.

    `history` messages precede the request's own messages. `restored` maps indices in `request.messages` to the
    stored Gemini contents of assistant messages, which are sent instead of a translation, with their thought
    signatures. `fetched` maps URLs to fetched media (`media_references` yields the URLs). Contents are shared, not
    copied: neither the request nor the stored contents may change afterwards. Raises InvalidRequestError naming an
    unsupported parameter.
        {"messages": [{"role": "user", "content": "Hi"}], "temperature": 0}
        {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}], "generationConfig": {"temperature": 0}}
    """
    context = RequestContext(profile=profile, fetched=fetched)
    reject_logit_bias(request.logit_bias)
    options = google_options(request.google_options) if request.google or request.extra_body else NO_OPTIONS
    response_format, offered = _tools(request, options, context)
    assembly = assemble_contents(request.messages, history=history, restored=restored, context=context)
    config = _config(request, options, response_format, context)
    if options.cached_content:
        assembly, offered = beside_cached_content(assembly, offered, context=context)
    body = generate_content_body(assembly, offered, config)
    safety = request.gemini_safety_settings or options.safety_settings
    add_settings(
        body,
        safety=safety_settings_to_gemini(safety) if safety else (),
        cached_content=options.cached_content,
        tier=service_tier_to_gemini(request.service_tier, context=context),
    )
    note_dropped(request, context)
    return UpstreamCall(
        body=body,
        gemini_contents=assembly.gemini_contents,
        placement=assembly.placement,
        notes=tuple(context.notes),
        parallel=parallel_calls(request.choices, context=context),
        tool_names=context.names.changed,
    )


def _tools(
    request: ChatCompletionRequest, options: GoogleOptions, context: RequestContext
) -> tuple[Mapping[str, Any] | None, OfferedTools]:
    """Return the response format and the tools that the model accepts together."""
    if options is NO_OPTIONS and _TOOL_PARAMETERS.isdisjoint(request.model_fields_set):
        return request.response_format, NO_TOOLS
    response_format, chosen = reconcile_with_tools(
        request.response_format, _chosen_tools(request, context), context=context
    )
    requested = built_in_tools(request.web_search_options, options, context=context)
    json = response_format is not None and response_format["type"] != "text"
    return response_format, reconcile_built_in(requested, chosen, json=json, context=context)


def _chosen_tools(request: ChatCompletionRequest, context: RequestContext) -> ChosenTools:
    if not request.tools and not request.functions:
        return choose_tools([], request.tool_choice or request.function_call, strict=None, context=context)
    declarations = tools_to_declarations(request.tools, request.functions, context=context)
    return choose_tools(
        declarations,
        request.tool_choice or request.function_call,
        strict=strict_path(request.tools, request.functions),
        context=context,
    )


def _sampling(request: ChatCompletionRequest) -> Sampling:
    return Sampling(
        temperature=request.temperature,
        top_p=request.top_p,
        presence_penalty=request.presence_penalty,
        frequency_penalty=request.frequency_penalty,
        output_limit=request.output_limit,
        output_limit_param="max_tokens" if request.max_completion_tokens is None else "max_completion_tokens",
        stop=request.stop_sequences,
        seed=request.seed,
        choices=request.choices,
    )


def _config(
    request: ChatCompletionRequest,
    options: GoogleOptions,
    response_format: Mapping[str, Any] | None,
    context: RequestContext,
) -> GenerationConfig:
    config = generation_config(_sampling(request), context=context)
    modalities = request.modalities or [word.lower() for word in options.response_modalities]
    config.update(modalities_to_config(modalities, request.audio, stream=bool(request.stream), context=context))
    logprobs_to_config(request.wanted_top_logprobs, config, param="logprobs", context=context)
    if response_format is not None:
        config.update(response_format_to_config(response_format, context=context))
    thinking = _thinking(request, options, context)
    if thinking:
        config["thinkingConfig"] = thinking
    if options.media_resolution:
        config["mediaResolution"] = options.media_resolution
    return config


def _thinking(request: ChatCompletionRequest, options: GoogleOptions, context: RequestContext) -> ThinkingConfig | None:
    """Return the thinking config; any effort requests thoughts, unless `google.thinking_config` is set."""
    own = options.thinking_config
    if own is None and request.reasoning_effort is None and request.reasoning is None:
        return None
    effort, requested = request.effort, request.asks_for_thoughts
    if own is None and effort is None and not requested:
        return None
    if requested and effort is None and context.profile.thinking == "none":
        context.note("dropped", "reasoning", "the model does not support reasoning")
    thoughts = requested or (own is None and not request.hides_thoughts)
    return thinking_config(effort, own, thoughts=thoughts, context=context)
