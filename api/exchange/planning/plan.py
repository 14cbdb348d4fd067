"""From a parsed request to planned upstream calls: resolve the model, load the conversation, build the body."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from api.auth.principals import Caller
from api.errors import ModelNotFoundError
from api.exchange.accounting import Accounting
from api.exchange.conversation.context import ConversationContext, SessionKey
from api.exchange.conversation.lookup import remember
from api.exchange.conversation.media import fetch_media
from api.exchange.conversation.signature_compatibility import Fit
from api.exchange.exchange import Exchange
from api.exchange.generation import Accumulator, Branch, Generation
from api.exchange.ids import audio_ids, call_ids, completion_id, legacy_completion_id
from api.exchange.planning.token_prompts import in_text
from api.exchange.recording.stored_completion import CompletionKeeper
from api.exchange.running.parallel_calls import PlannedCall
from api.gemini.wire import Blob
from api.notes import Note
from api.openai.chat.request import ChatCompletionRequest
from api.openai.chat.tools import custom_names
from api.openai.completions.request import CompletionRequest
from api.openai.shared.request_model import RequestModel
from api.resources.byte_budget import Hold
from api.resources.worker_threads import off_loop
from api.services import Runtime
from api.translate.answers.speech import Speech
from api.translate.chat.answer import ChatAnswer
from api.translate.chat.request import chat_to_gemini
from api.translate.completions.answer import CompletionAnswer, UnaskedAnswer
from api.translate.completions.request import completion_to_gemini, suffix_instruction
from api.translate.request.message_tokens import json_tokens
from api.translate.request.vertex import final_call
from sessions_store.catalogue.model_profile import ModelProfile
from sessions_store.catalogue.resolution import Catalogue
from sessions_store.transcript.reading import message_keys

Request = TypeVar("Request", bound=RequestModel)
# How long clients of OpenAI may refer to an audio response by its id.
SPEECH_SECONDS: Final = 3600


@dataclass(slots=True)
class Asker:
    """The caller and the context of a request.

    `catalogue` is the snapshot that the request uses; `session_name` is the value of `X-Session-Id`; `memory` is
    MEMORY_ENABLED; `notes` are the changes made before the body was parsed; `hold` reserves the request's bytes.
    """

    request_id: str
    caller: Caller
    catalogue: Catalogue
    session_name: str = ""
    memory: bool = True
    notes: tuple[Note, ...] = ()
    hold: Hold | None = None

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
    runtime: Runtime, request: Accounted, asker: Asker, endpoint: str, *, stream: bool | None = None
) -> Exchange:
    """Return the exchange of a request, to be opened with `async with`; `stream`: whether Gemini's response is
    streamed.
    """
    accounting = Accounting(
        request_id=asker.request_id,
        caller=asker.caller,
        endpoint=endpoint,
        public_model=request.model or "",
        account=runtime.account,
        stream=bool(stream),
        user=request.user or "",
        metadata=request.metadata or {},
        notes=[*asker.notes, *request.notes],
    )
    return Exchange(runtime, accounting, asker.catalogue, asker.hold)


async def plan_chat(exchange: Exchange, request: ChatCompletionRequest, asker: Asker) -> Generation:
    """Plan a chat completion. Raises ModelNotFoundError, InvalidRequestError, RateLimitError or OverloadedError."""
    request, profile = resolve_model(request, exchange)
    fit = _fit(exchange, profile)
    memory = await remember(exchange, request.messages, asker.session_of(request.user), fit=fit)
    exchange.hold_bytes(memory.read_size)
    fetched = await fetch_media(exchange, memory)
    generation = await off_loop(exchange.size, _chat_generation, exchange, (request, profile), memory, fetched)
    exchange.generation = generation
    return generation


def _fit(exchange: Exchange, profile: ModelProfile) -> Fit:
    accounting = exchange.accounting
    return Fit(profile.family, accounting.account, exchange.catalogue.family, accounting.notes)


def _chat_generation(
    exchange: Exchange,
    resolved: tuple[ChatCompletionRequest, ModelProfile],
    memory: ConversationContext,
    fetched: Mapping[str, Blob],
) -> Generation:
    request, profile = resolved
    accounting = exchange.accounting
    keeper = CompletionKeeper(request.model, request.messages) if request.store else None
    if memory.changed:
        request = request.model_copy(update={"messages": memory.messages})
    upstream = chat_to_gemini(
        request, profile=profile, remembered=memory.before, restored=memory.restored, fetched=fetched
    )
    upstream = final_call(upstream, vertex=exchange.runtime.deployment.vertex)
    accounting.notes += upstream.notes
    branch = Branch(memory, upstream, 0, request.choices)
    answer = ChatAnswer(
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
        top_logprobs=request.rivals,
        metadata=accounting.metadata if request.store else None,
        speech=_speech(request, accounting),
        empty_stop=upstream.empty_stop,
    )
    return Generation(
        accounting=accounting,
        accumulator=answer,
        branches=(branch,),
        calls=_calls(branch),
        hold=exchange.hold,
        keeper=keeper,
    )


def _speech(request: ChatCompletionRequest, accounting: Accounting) -> Speech | None:
    """Return the format of the audio response, None for text; the translation has validated `audio.format`."""
    if request.audio is None or "audio" not in (request.modalities or ()):
        return None
    expires_at = int(accounting.started_at.timestamp()) + SPEECH_SECONDS
    return Speech(wav=request.audio["format"] == "wav", expires_at=expires_at, ids=audio_ids())


async def plan_completion(exchange: Exchange, request: CompletionRequest, asker: Asker) -> Generation:
    """Plan a legacy completion: one conversation per prompt.

    A single prompt with a `user` continues that user's session, as a chat message would. With `max_tokens: 0` no
    upstream call is made and no session is continued.
    """
    accounting = exchange.accounting
    request, profile = resolve_model(request, exchange)
    request = await in_text(request, accounting)
    generates = request.max_tokens != 0
    session = asker.session_of(request.user) if generates and isinstance(request.prompt, str) else None
    turns = [{"role": "user", "content": prompt} for prompt in request.prompts]
    if session is None:
        principal = accounting.caller.principal_id
        memories = [ConversationContext(principal, [turn], message_keys(principal, [turn])) for turn in turns]
    else:
        memories = [await remember(exchange, turns, session, fit=_fit(exchange, profile))]
    exchange.hold_bytes(memories[0].read_size)
    generation = _completion_generation(exchange, request, profile, memories)
    exchange.generation = generation
    return generation


def _completion_generation(
    exchange: Exchange, request: CompletionRequest, profile: ModelProfile, memories: Sequence[ConversationContext]
) -> Generation:
    accounting = exchange.accounting
    upstreams = [
        final_call(upstream, vertex=exchange.runtime.deployment.vertex)
        for upstream in completion_to_gemini(request, profile=profile, remembered=memories[0].before)
    ]
    accounting.notes += upstreams[0].notes
    branches = [
        Branch(memory, upstream, number * request.choices, request.choices)
        for number, (memory, upstream) in enumerate(zip(memories, upstreams, strict=True))
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
    answer: Accumulator
    calls: list[PlannedCall] = []
    if request.max_tokens == 0:
        tokens = sum(json_tokens(prompt.encode()) for prompt in request.prompts)
        answer = UnaskedAnswer(prompt_tokens=tokens, **fields)
    else:
        calls = [call for branch in branches for call in _calls(branch)]
        answer = CompletionAnswer(**fields)
    return Generation(
        accounting=accounting,
        accumulator=answer,
        branches=branches,
        calls=calls,
        instructions=suffix_instruction(request),
        hold=exchange.hold,
    )


def resolve_model(request: Request, exchange: Exchange) -> tuple[Request, ModelProfile]:
    """Resolve `request.model`; return the request with the mapping's default parameters where the client sent none, and
    the profile of the upstream model.

    Raises ModelNotFoundError.
    """
    accounting = exchange.accounting
    name = accounting.public_model
    resolution = exchange.catalogue.resolve(name, today=accounting.started_at.date())
    if resolution is None:
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
    return request, resolution.model


def _calls(branch: Branch) -> list[PlannedCall]:
    """Return the upstream calls of one conversation: several if the model gives one candidate per call."""
    upstream = branch.upstream
    choices = branch.choices // upstream.parallel
    return [
        PlannedCall(upstream.body, branch.first_choice + number * choices, choices)
        for number in range(upstream.parallel)
    ]
