"""A Responses request to the body of Gemini's `generateContent`, over the translations of chat completions.

`items_to_messages` has converted the items to messages before, because the exchange looks them up in the transcript
tree. The order of the translations is that of chat completions: tools first, the generation config last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from api.errors import InvalidRequestError
from api.gemini.wire import Blob, Content, GenerationConfig, Part
from api.openai.responses.request import ResponseParameters
from api.translate.candidates.logprobs import logprobs_to_config
from api.translate.config.cached_content import beside_cached_content
from api.translate.config.generation import Sampling, generation_config
from api.translate.config.google_options import NO_OPTIONS, GoogleOptions, google_options
from api.translate.config.modalities import modalities_to_config
from api.translate.config.response_format import reconcile_with_tools, response_format_to_config
from api.translate.config.safety import safety_settings_to_gemini
from api.translate.config.service_tier import service_tier_to_gemini
from api.translate.config.thinking import thinking_config
from api.translate.conversation.contents import Assembly, assemble_contents
from api.translate.conversation.pairing import Pairing, paired
from api.translate.request.body import add_settings, generate_content_body
from api.translate.request.context import RequestContext
from api.translate.request.upstream_call import HistoryMessage, UpstreamCall
from api.translate.responses.dropped import note_dropped
from api.translate.responses.input.items import ItemMessages
from api.translate.responses.input.unanswered_calls import check_owed
from api.translate.responses.settings import ResponseSettings, format_to_chat, settings_in_force
from api.translate.responses.tools.choice import choice_to_chat
from api.translate.responses.tools.declarations import ToolSet, tools_to_set
from api.translate.responses.tools.names import CalledTools
from api.translate.tools.built_in import OfferedTools, built_in_tools, reconcile_built_in
from api.translate.tools.choice import ChosenTools, choose_tools
from api.translate.tools.declarations import strict_path, tools_to_declarations
from sessions_store.catalogue.model_profile import ModelProfile

_NOTHING_RESTORED: Mapping[int, Content] = MappingProxyType({})
_NOTHING_FETCHED: Mapping[str, Blob] = MappingProxyType({})


@dataclass(slots=True, kw_only=True)
class ResponsesCall(UpstreamCall):
    """See UpstreamCall; its request messages are those of the items. `called` has the tools by their flat names."""

    called: CalledTools


def responses_to_gemini(
    request: ResponseParameters,
    *,
    own: ItemMessages,
    profile: ModelProfile,
    history: Sequence[HistoryMessage] = (),
    restored: Mapping[int, Content] = _NOTHING_RESTORED,
    fetched: Mapping[str, Blob] = _NOTHING_FETCHED,
) -> ResponsesCall:
    """Return the upstream call of a request whose items are `own`.

    `history` is the previous conversation without its instructions, which are not inherited. `restored` maps indices in
    `own.messages` to stored Gemini contents, `fetched` maps URLs to fetched media. Contents are shared, not copied.
    Raises InvalidRequestError naming an unsupported parameter by its path in the Responses API.
        {"instructions": "Be brief.", "input": "Hi", "max_output_tokens": 100}
        {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
         "systemInstruction": {"parts": [{"text": "Be brief."}]}, "generationConfig": {"maxOutputTokens": 100}}
    """
    try:
        return _translated(request, own, (history, restored), RequestContext(profile=profile, fetched=fetched))
    except InvalidRequestError as error:
        raise own.places.error(error) from None


def _translated(
    request: ResponseParameters,
    own: ItemMessages,
    stored: tuple[Sequence[HistoryMessage], Mapping[int, Content]],
    context: RequestContext,
) -> ResponsesCall:
    """See `responses_to_gemini`; errors have the paths of chat completions.

    `stored` is the history and the restored contents.
    """
    history, restored = stored
    settings = settings_in_force(request, own.settings)
    options = google_options(request.google_options) if request.google or request.extra_body else NO_OPTIONS
    tools = tools_to_set(request.tools, own.settings, places=own.places, context=context)
    text_format, offered = _offered(request, settings, (tools, options), context)
    pairing = _pairing(request, own, history)
    assembly = assemble_contents(
        own.messages, history=history, restored=restored, context=context, one_history=True, pairing=pairing
    )
    assembly = _instructed(assembly, request.instructions)
    config = _config(request, settings, (text_format, options), context)
    if options.cached_content:
        assembly, offered = beside_cached_content(assembly, offered, context=context)
    body = generate_content_body(assembly, offered, config)
    add_settings(
        body,
        safety=safety_settings_to_gemini(request.gemini_safety_settings or options.safety_settings or ()),
        cached_content=options.cached_content,
        tier=service_tier_to_gemini(request.service_tier, context=context),
    )
    note_dropped(request, settings, context)
    return ResponsesCall(
        body=body,
        gemini_contents=assembly.gemini_contents,
        placement=assembly.placement,
        # A field noted by both the items and the translations is noted once.
        notes=tuple(dict.fromkeys((*own.notes, *own.places.notes(context.notes)))),
        parallel=1,
        tool_names=context.names.changed,
        called=tools.called,
    )


def _pairing(request: ResponseParameters, own: ItemMessages, history: Sequence[HistoryMessage]) -> Pairing | None:
    """Return the pairing of calls and results.

    Raises InvalidRequestError for a missing result that the request must contain.
    """
    messages = [*(item.message for item in history), *own.messages]
    pairing = paired(messages)
    if pairing is not None and pairing.unanswered and request.needs_results:
        check_owed(messages, pairing, previous_place=len(history) - 1 if request.previous_response_id else None)
    return pairing


def _offered(
    request: ResponseParameters,
    settings: ResponseSettings,
    requested: tuple[ToolSet, GoogleOptions],
    context: RequestContext,
) -> tuple[Mapping[str, Any] | None, OfferedTools]:
    """Return the response format and the tools that the model accepts together."""
    tools, options = requested
    choice, tools = choice_to_chat(request.tool_choice, tools, context=context)
    text_format, chosen = reconcile_with_tools(
        format_to_chat(settings.text_format), _chosen(tools, choice, context), context=context
    )
    built_in = built_in_tools(None, options, context=context) | tools.built_in
    json = text_format is not None and text_format["type"] != "text"
    return text_format, reconcile_built_in(built_in, chosen, json=json, context=context)


def _chosen(tools: ToolSet, choice: str | Mapping[str, Any] | None, context: RequestContext) -> ChosenTools:
    declarations = tools_to_declarations(tools.functions, None, context=context)
    return choose_tools(declarations, choice, strict=strict_path(tools.functions, None), context=context)


def _instructed(assembly: Assembly, instructions: str | None) -> Assembly:
    """Return the conversation with the request's instructions before all others."""
    if not instructions:
        return assembly
    first: Part = {"text": instructions}
    return replace(assembly, system=[first, *assembly.system])


def _config(
    request: ResponseParameters,
    settings: ResponseSettings,
    requested: tuple[Mapping[str, Any] | None, GoogleOptions],
    context: RequestContext,
) -> GenerationConfig:
    text_format, options = requested
    config = generation_config(_sampling(request), context=context)
    modalities = [word.lower() for word in options.response_modalities]
    config.update(modalities_to_config(modalities, None, stream=bool(request.stream), context=context))
    logprobs_to_config(request.wanted_top_logprobs, config, param="top_logprobs", context=context)
    if text_format is not None:
        config.update(response_format_to_config(text_format, context=context))
    thinking = thinking_config(settings.effort, options.thinking_config, thoughts=settings.summary, context=context)
    if thinking:
        config["thinkingConfig"] = thinking
    elif settings.summary and context.profile.thinking == "none":
        context.note("dropped", "reasoning.summary", "the model does not support reasoning")
    if options.media_resolution:
        config["mediaResolution"] = options.media_resolution
    return config


def _sampling(request: ResponseParameters) -> Sampling:
    return Sampling(
        temperature=request.temperature,
        top_p=request.top_p,
        presence_penalty=request.presence_penalty,
        frequency_penalty=request.frequency_penalty,
        output_limit=request.max_output_tokens,
        output_limit_param="max_output_tokens",
    )
