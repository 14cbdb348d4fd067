"""From a parsed request to planned upstream calls: the model resolved, the conversation remembered, the body built."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from api.authentication import Caller
from api.byte_budget import Hold
from api.errors import ModelNotFoundError
from api.exchange.completion_keeper import CompletionKeeper
from api.exchange.exchange import Branch, Exchange
from api.exchange.families import Fit
from api.exchange.fanout import PlannedCall
from api.exchange.identity import audio_ids, call_ids, completion_id, legacy_completion_id
from api.exchange.media import fetch_media
from api.exchange.memory import Memory, SessionKey, remember
from api.exchange.profiles import profile_of
from api.exchange.record import record_failure
from api.exchange.token_prompts import in_text
from api.gemini.profile import ModelProfile
from api.gemini.wire import Blob
from api.large_work import off_loop
from api.notes import Note
from api.openai.chat_request import ChatCompletionRequest
from api.openai.completion_request import CompletionRequest
from api.openai.request_model import RequestModel
from api.openai.tools import custom_names
from api.runtime import Runtime
from api.translate.chat.answer import ChatAnswer
from api.translate.chat.request import chat_to_gemini
from api.translate.completions.answer import CompletionAnswer, UnaskedAnswer
from api.translate.completions.request import completion_to_gemini, suffix_instruction
from api.translate.message_tokens import json_tokens
from api.translate.speech import Speech
from api.translate.vertex import call_for_vertex
from gemini_gateway.frozen import frozen
from sessions_store.catalogue import latest
from sessions_store.transcript import message_keys

Request = TypeVar("Request", bound=RequestModel)
# For how long OpenAI's clients may name a spoken answer by its id.
SPEECH_SECONDS: Final = 3600


@frozen()
class Asker:
    """Who asks, under which request id, what `X-Session-Id` named, what was changed before the request was read, and
    what holds the request's bytes.
    """

    request_id: str
    caller: Caller
    session_name: str = ""
    memory: bool = True
    notes: tuple[Note, ...] = ()
    hold: Hold | None = None

    def session_of(self, user: str | None) -> SessionKey | None:
        """Return the session that the request continues, or None when nothing is to be remembered for it."""
        if not self.memory or not self.caller.memory or not (user or self.session_name):
            return None
        return SessionKey(user or "", self.session_name)


async def plan_chat(runtime: Runtime, request: ChatCompletionRequest, asker: Asker) -> Exchange:
    """Plan a chat completion. A request that cannot be served is recorded and raises."""
    exchange = _exchange(request, asker, "chat.completions")
    try:
        request, profile = resolve_model(request, exchange)
        fit = Fit(profile.family, runtime.account, latest().family, exchange.notes)
        session = asker.session_of(request.user)
        memory = await remember(runtime, asker.caller, request.messages, session, fit=fit)
        try:
            exchange.hold_bytes(memory.read_size)
            fetched = await fetch_media(runtime, memory, exchange)
            await off_loop(exchange.size, _plan_chat_calls, runtime, exchange, (request, profile), memory, fetched)
        except BaseException:
            memory.release()
            raise
    except BaseException as error:
        await record_failure(runtime, exchange, error)
        raise
    return exchange


def _plan_chat_calls(
    runtime: Runtime,
    exchange: Exchange,
    asked: tuple[ChatCompletionRequest, ModelProfile],
    memory: Memory,
    fetched: Mapping[str, Blob],
) -> None:
    request, profile = asked
    exchange.keeper = CompletionKeeper(request.model, request.messages) if request.store else None
    if memory.changed:
        request = request.model_copy(update={"messages": memory.messages})
    upstream = chat_to_gemini(
        request, profile=profile, remembered=memory.before, restored=memory.restored, fetched=fetched
    )
    if runtime.deployment.vertex:
        upstream = call_for_vertex(upstream)
    exchange.notes += upstream.notes
    exchange.branches = (Branch(memory, upstream, 0, request.choices),)
    exchange.calls = _calls(exchange.branches[0])
    exchange.answer = ChatAnswer(
        id=completion_id(),
        created=int(exchange.started_at.timestamp()),
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
        metadata=exchange.metadata if request.store else None,
        speech=_speech(request, exchange),
        empty_stop=upstream.empty_stop,
    )


def _speech(request: ChatCompletionRequest, exchange: Exchange) -> Speech | None:
    """Return how the answers are spoken, None for answers in writing; the translation has checked the format."""
    if request.audio is None or "audio" not in (request.modalities or ()):
        return None
    expires_at = int(exchange.started_at.timestamp()) + SPEECH_SECONDS
    return Speech(wav=request.audio["format"] == "wav", expires_at=expires_at, ids=audio_ids())


async def plan_completion(runtime: Runtime, request: CompletionRequest, asker: Asker) -> Exchange:
    """Plan a legacy completion: one conversation per prompt. A request that cannot be served is recorded and raises.

    A single prompt with a `user` continues that user's session, as a chat message would. With `max_tokens: 0` Gemini is
    asked nothing, and nothing is remembered.
    """
    exchange = _exchange(request, asker, "completions")
    try:
        request, profile = resolve_model(request, exchange)
        request = await in_text(request, exchange)
        asked = request.max_tokens != 0
        session = asker.session_of(request.user) if asked and isinstance(request.prompt, str) else None
        turns = [{"role": "user", "content": prompt} for prompt in request.prompts]
        if session is None:
            principal = asker.caller.principal_id
            memories = [Memory(principal, [turn], message_keys(principal, [turn])) for turn in turns]
        else:
            fit = Fit(profile.family, runtime.account, latest().family, exchange.notes)
            memories = [await remember(runtime, asker.caller, turns, session, fit=fit)]
        try:
            exchange.hold_bytes(memories[0].read_size)
            _plan_completion_calls(exchange, request, profile, memories)
        except BaseException:
            memories[0].release()
            raise
    except BaseException as error:
        await record_failure(runtime, exchange, error)
        raise
    return exchange


def _plan_completion_calls(
    exchange: Exchange, request: CompletionRequest, profile: ModelProfile, memories: Sequence[Memory]
) -> None:
    upstreams = completion_to_gemini(request, profile=profile, remembered=memories[0].before)
    exchange.notes += upstreams[0].notes
    exchange.instructions = suffix_instruction(request)
    exchange.branches = [
        Branch(memory, upstream, number * request.choices, request.choices)
        for number, (memory, upstream) in enumerate(zip(memories, upstreams, strict=True))
    ]
    fields: dict[str, Any] = {
        "id": legacy_completion_id(),
        "created": int(exchange.started_at.timestamp()),
        "model": request.model,
        "choices": len(request.prompts) * request.choices,
        "include_usage": request.include_usage,
        "prompts": request.prompts,
        "echo": bool(request.echo),
        "top_logprobs": request.logprobs,
        "empty_stop": upstreams[0].empty_stop,
    }
    if request.max_tokens == 0:
        tokens = sum(json_tokens(prompt.encode()) for prompt in request.prompts)
        exchange.answer = UnaskedAnswer(prompt_tokens=tokens, **fields)
        return
    exchange.calls = [call for branch in exchange.branches for call in _calls(branch)]
    exchange.answer = CompletionAnswer(**fields)


def _exchange(request: ChatCompletionRequest | CompletionRequest, asker: Asker, endpoint: str) -> Exchange:
    return Exchange(
        request_id=asker.request_id,
        endpoint=endpoint,
        caller=asker.caller,
        public_model=request.model,
        upstream_model="",
        stream=bool(request.stream),
        user=request.user or "",
        metadata=getattr(request, "metadata", None) or {},
        notes=[*asker.notes, *request.notes],
        hold=asker.hold,
    )


def resolve_model(request: Request, exchange: Exchange) -> tuple[Request, ModelProfile]:
    """Find the upstream model of `request.model` and apply the mapping's default parameters where the client gave none.

    The caller's admission has looked for edits of the catalogue. Raises ModelNotFoundError.
    """
    name = exchange.public_model
    resolution = latest().resolve(name, today=exchange.started_at.date())
    if resolution is None:
        raise ModelNotFoundError(
            f"The model '{name}' does not exist: no model mapping and no Gemini model has this name. "
            "See GET /v1/models.",
            param="model",
        )
    exchange.upstream_model = resolution.upstream
    exchange.notes += [Note("mapped", "model", detail) for _, detail in resolution.changes]
    if resolution.defaults:
        request, applied = request.with_defaults(resolution.defaults)
        exchange.notes += [Note("added", name, "default of the model mapping") for name in applied]
    return request, profile_of(resolution.model)


def _calls(branch: Branch) -> list[PlannedCall]:
    """Return the calls of one conversation: several where the model gives one candidate only."""
    upstream = branch.upstream
    choices = branch.choices // upstream.parallel
    return [
        PlannedCall(upstream.body, branch.first_choice + number * choices, choices)
        for number in range(upstream.parallel)
    ]
