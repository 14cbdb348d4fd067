"""From a parsed request to planned upstream calls: resolve the model, load the conversation, build the body."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from api.auth.key_settings import refuse_losses
from api.errors import ModelNotFoundError
from api.exchange.accounting import Accounting
from api.exchange.conversation.call_signatures import with_signatures
from api.exchange.conversation.context import ConversationContext, SessionKey
from api.exchange.conversation.lookup import load_context
from api.exchange.conversation.media import fetch_media
from api.exchange.conversation.signature_compatibility import SignaturePolicy
from api.exchange.exchange import Exchange
from api.exchange.generation import Accumulator, Branch, Generation
from api.exchange.ids import audio_ids, call_ids, completion_id, legacy_completion_id
from api.exchange.planning.policy import governed
from api.exchange.planning.token_prompts import in_text
from api.exchange.recording.metadata_only import METADATA
from api.exchange.recording.stored_completion import StoredCompletionBuilder
from api.exchange.running.parallel_calls import PlannedCall
from api.gemini.wire import Blob
from api.limits.admission import Admission
from api.notes import Note
from api.openai.chat.request import ChatCompletionRequest
from api.openai.chat.tools import custom_names
from api.openai.completions.request import CompletionRequest
from api.openai.shared.request_model import RequestModel
from api.resources.byte_budget import Hold
from api.services import Services
from api.translate.candidates.speech import Speech
from api.translate.chat.accumulator import ChatAccumulator
from api.translate.chat.request import chat_to_gemini
from api.translate.completions.accumulator import CompletionAccumulator, PromptOnlyAccumulator
from api.translate.completions.request import completion_to_gemini, suffix_instruction
from api.translate.request.message_tokens import json_tokens
from api.translate.request.vertex import final_call
from sessions_store.accounts.access import Caller
from sessions_store.catalogue.model_profile import ModelProfile
from sessions_store.catalogue.resolution import Catalogue
from sessions_store.transcript.reading import message_keys

Request = TypeVar("Request", bound=RequestModel)
# How long clients of OpenAI may refer to an audio response by its id.
SPEECH_SECONDS: Final = 3600


@dataclass(slots=True)
class RequestOrigin:
    """The caller and the context of a request.

    `catalogue` is the snapshot that the request uses; `session_name` is the value of `X-Session-Id`; `memory` is
    MEMORY_ENABLED; `notes` are the changes made before the body was parsed; `hold` reserves the request's bytes;
    `admission` is the request in the rate limits; `peer` is the address of the client.
    """

    request_id: str
    caller: Caller
    catalogue: Catalogue
    session_name: str = ""
    memory: bool = True
    notes: tuple[Note, ...] = ()
    hold: Hold | None = None
    admission: Admission | None = None
    peer: str = ""

    def session_of(self, user: str | None) -> SessionKey | None:
        """Return the session that the request continues, None without one or with memory switched off."""
        if not self.memory or not self.caller.memory or not (user or self.session_name):
            return None
        return SessionKey(user or "", self.session_name)


class Accounted(Protocol):
    """The fields of a request that every endpoint records."""

    @property
    def model(self) -> str | None:
        """The public model."""

    @property
    def user(self) -> str | None:
        """The end user."""

    @property
    def metadata(self) -> Mapping[str, str] | None:
        """The client's own key-value pairs."""

    @property
    def notes(self) -> tuple[Note, ...]:
        """The changes made while the request was parsed."""


def open_exchange(
    services: Services, request: Accounted, origin: RequestOrigin, endpoint: str, *, stream: bool | None = None
) -> Exchange:
    """Return the exchange of a request, to be opened with `async with`; `stream`: whether Gemini's response is
    streamed.
    """
    notes = [*origin.notes, *request.notes]
    if origin.session_name and not origin.caller.memory:
        notes.append(Note("dropped", "X-Session-Id", "the settings of the API key switch memory off"))
    accounting = Accounting(
        request_id=origin.request_id,
        caller=origin.caller,
        endpoint=endpoint,
        public_model=request.model or "",
        peer=origin.peer,
        stream=bool(stream),
        user=request.user or "",
        metadata=request.metadata or {},
        notes=notes,
        admission=origin.admission,
    )
    if origin.admission is not None:
        origin.admission.owned = True
    return Exchange(services, accounting, origin.catalogue, origin.hold)


async def plan_chat(exchange: Exchange, request: ChatCompletionRequest, origin: RequestOrigin) -> Generation:
    """Plan a chat completion. Raises ModelNotFoundError, InvalidRequestError, RateLimitError or OverloadedError."""
    request, profile = resolve_model(request, exchange)
    policy = signature_policy(exchange, profile)
    if exchange.accounting.caller.policy.content == METADATA:
        messages = await with_signatures(exchange, request.messages, policy)
        request = request.model_copy(update={"messages": messages})
    context = await load_context(exchange, request.messages, origin.session_of(request.user), policy=policy)
    exchange.hold.grow(context.read_size)
    fetched = await fetch_media(exchange, context)
    generation = await exchange.services.worker_threads.off_loop(
        exchange.hold.size, _chat_generation, exchange, (request, profile), context, fetched
    )
    refuse_losses(exchange.accounting.caller.policy, exchange.accounting.notes)
    exchange.generation = generation
    return generation


def signature_policy(exchange: Exchange, profile: ModelProfile) -> SignaturePolicy:
    """Return the policy for the Gemini account that the upstream calls are planned for."""
    account = exchange.services.client.account
    return SignaturePolicy(profile.family, account, exchange.catalogue.family, exchange.accounting.notes)


def _chat_generation(
    exchange: Exchange,
    resolved: tuple[ChatCompletionRequest, ModelProfile],
    context: ConversationContext,
    fetched: Mapping[str, Blob],
) -> Generation:
    request, profile = resolved
    accounting = exchange.accounting
    state_builder = StoredCompletionBuilder(request.model, request.messages) if request.store else None
    if context.changed:
        request = request.model_copy(update={"messages": context.messages})
    upstream = chat_to_gemini(
        request, profile=profile, history=context.history, restored=context.restored, fetched=fetched
    )
    upstream = final_call(upstream, vertex=exchange.services.deployment.vertex)
    accounting.notes += upstream.notes
    branch = Branch(context, upstream, 0, request.choices)
    accumulator = ChatAccumulator(
        id=completion_id(),
        created=int(accounting.started_at.timestamp()),
        model=request.model,
        choices=request.choices,
        call_ids=call_ids(),
        tool_names=upstream.tool_names,
        custom_tools=custom_names(request.tools) if request.tools else frozenset(),
        include_usage=request.include_usage,
        parallel_tool_calls=request.parallel_tool_calls is not False,
        legacy_functions=request.functions is not None,
        show_thoughts=not request.hides_thoughts,
        show_reasoning=request.reasoning is not None,
        top_logprobs=request.wanted_top_logprobs,
        metadata=accounting.metadata if request.store else None,
        speech=_speech(request, accounting),
        empty_stop=upstream.empty_stop,
    )
    return Generation(
        accounting=accounting,
        accumulator=accumulator,
        branches=(branch,),
        calls=_calls(branch),
        hold=exchange.hold,
        state_builder=state_builder,
    )


def _speech(request: ChatCompletionRequest, accounting: Accounting) -> Speech | None:
    """Return the format of the audio response, None for text; the translation has validated `audio.format`."""
    if request.audio is None or "audio" not in (request.modalities or ()):
        return None
    expires_at = int(accounting.started_at.timestamp()) + SPEECH_SECONDS
    return Speech(wav=request.audio["format"] == "wav", expires_at=expires_at, ids=audio_ids())


async def plan_completion(exchange: Exchange, request: CompletionRequest, origin: RequestOrigin) -> Generation:
    """Plan a legacy completion: one conversation per prompt.

    A single prompt with a `user` continues that user's session, as a chat message would. With `max_tokens: 0` no
    upstream call is made and no session is continued.
    """
    accounting = exchange.accounting
    request, profile = resolve_model(request, exchange)
    request = await in_text(request, accounting)
    generates = request.max_tokens != 0
    session = origin.session_of(request.user) if generates and isinstance(request.prompt, str) else None
    messages = [{"role": "user", "content": prompt} for prompt in request.prompts]
    if session is None:
        principal = accounting.caller.owner_id
        contexts = [
            ConversationContext(principal, [message], message_keys(principal, [message])) for message in messages
        ]
    else:
        contexts = [await load_context(exchange, messages, session, policy=signature_policy(exchange, profile))]
    exchange.hold.grow(contexts[0].read_size)
    generation = _completion_generation(exchange, request, profile, contexts)
    refuse_losses(accounting.caller.policy, accounting.notes)
    exchange.generation = generation
    return generation


def _completion_generation(
    exchange: Exchange, request: CompletionRequest, profile: ModelProfile, contexts: Sequence[ConversationContext]
) -> Generation:
    accounting = exchange.accounting
    upstreams = [
        final_call(upstream, vertex=exchange.services.deployment.vertex)
        for upstream in completion_to_gemini(request, profile=profile, history=contexts[0].history)
    ]
    accounting.notes += upstreams[0].notes
    branches = [
        Branch(context, upstream, number * request.choices, request.choices)
        for number, (context, upstream) in enumerate(zip(contexts, upstreams, strict=True))
    ]
    fields: dict[str, Any] = {
        "id": legacy_completion_id(),
        "created": int(accounting.started_at.timestamp()),
        "model": request.model,
        "choices": len(request.prompts) * request.choices,
        "include_usage": request.include_usage,
        "prompts": request.prompts,
        "echo": bool(request.echo),
        "top_logprobs": request.logprobs,
        "empty_stop": upstreams[0].empty_stop,
    }
    accumulator: Accumulator
    calls: list[PlannedCall] = []
    if request.max_tokens == 0:
        tokens = sum(json_tokens(prompt.encode()) for prompt in request.prompts)
        accumulator = PromptOnlyAccumulator(prompt_tokens=tokens, **fields)
    else:
        calls = [call for branch in branches for call in _calls(branch)]
        accumulator = CompletionAccumulator(**fields)
    return Generation(
        accounting=accounting,
        accumulator=accumulator,
        branches=branches,
        calls=calls,
        instructions=suffix_instruction(request),
        hold=exchange.hold,
    )


def resolve_model(request: Request, exchange: Exchange) -> tuple[Request, ModelProfile]:
    """Resolve `request.model`; return the request with the mapping's default parameters where the client sent none, and
    the profile of the upstream model, both within the caller's policy.

    Raises ModelNotFoundError and the errors of `governed`.
    """
    accounting = exchange.accounting
    name = accounting.public_model
    resolution = exchange.catalogue.resolve(name, today=accounting.started_at.date())
    if resolution is None or not accounting.caller.policy.permits_model(name, resolution.upstream):
        raise ModelNotFoundError(
            f"The model '{name}' does not exist: no model mapping and no Gemini model has this name. "
            "See GET /v1/models.",
            param="model",
        )
    accounting.upstream_model = resolution.upstream
    accounting.notes += [Note("mapped", "model", detail) for _, detail in resolution.changes]
    if resolution.defaults:
        request, applied = request.with_defaults(resolution.defaults)
        accounting.notes += [Note("added", name, "default of the model mapping") for name in applied]
    return governed(request, resolution.model, accounting)


def _calls(branch: Branch) -> list[PlannedCall]:
    """Return the upstream calls of one conversation: several if the model gives one candidate per call."""
    upstream = branch.upstream
    choices = branch.choices // upstream.parallel
    return [
        PlannedCall(upstream.body, branch.first_choice + number * choices, choices)
        for number in range(upstream.parallel)
    ]
