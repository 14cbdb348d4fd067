"""Thought signatures: extraction from client fields, repair of missing ones, and removal (rules 26 to 40).

Source: https://ai.google.dev/gemini-api/docs/thought-signatures. A signature belongs to one part and stays on it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from api.gemini.wire import Content, GenerateContentRequest, Part
from api.translate.media.data_urls import is_base64
from api.translate.request.context import RequestContext

# Google's documented value for calls of other models, `skip_thought_signature_validator`; the field is base64 (rule
# 31).
SKIP_SIGNATURE = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="

_ID_CARRIER = "__thought__"
_FIELDS = ("thought_signature", "thoughtSignature")
_NESTS = ("extra_content", "provider_specific_fields")
_CARRIERS = frozenset({*_FIELDS, *_NESTS})
_PROVIDERS = ("google", "vertex")
# Marks a signature of a part without text.
SIGNED_ALONE = "thought_signature_alone"


def carried_signature(holder: Mapping[str, Any]) -> str | None:
    """Return the signature in a client's message, content part or tool call; None without one.

    Known fields: `extra_content.google.thought_signature` (Google's own), `thought_signature`, `thoughtSignature`,
    `provider_specific_fields.thought_signature(s)`, each also inside a call's `function`, and ids of the form
    `call_1__thought__<signature>`.
    """
    found = None if _CARRIERS.isdisjoint(holder) else _own_signature(holder)
    if found:
        return found
    function = holder.get("function")
    if isinstance(function, dict) and not _CARRIERS.isdisjoint(function):
        return _own_signature(function)
    call_id = holder.get("id")
    if isinstance(call_id, str) and _ID_CARRIER in call_id:
        return _text(call_id.partition(_ID_CARRIER)[2])
    return None


def signed_alone(message: Mapping[str, Any]) -> bool:
    """Whether the signature of a message belongs to a part without text, as in a stream's last chunk."""
    extra = message.get("extra_content")
    google = extra.get("google") if isinstance(extra, Mapping) else None
    return isinstance(google, Mapping) and google.get(SIGNED_ALONE) is True


def plain_call_id(call_id: str) -> str:
    """Return a tool call's id without a signature."""
    return call_id.partition(_ID_CARRIER)[0]


def usable_signature(holder: Mapping[str, Any], *, path: str, seen: set[str], context: RequestContext) -> str | None:
    """Return the signature of `holder` if it can be sent; an unusable signature is noted.

    `seen` has the signatures already used in this message: a second copy would be billed as the whole reasoning again
    (rule 29).
    """
    signature = carried_signature(holder)
    if signature is None or signature in seen:
        return None
    if context.profile.thinking == "none" and not context.profile.signatures:
        context.note("dropped", f"{path}.thought_signature", "not supported by this model")
        return None
    if not is_base64(signature):
        context.note("dropped", f"{path}.thought_signature", "not base64")
        return None
    seen.add(signature)
    return signature


def first_unsigned_call(content: Content) -> int | None:
    """Return the index of the first functionCall part if it has no signature; later calls need none (rule 27)."""
    for index, part in enumerate(content["parts"]):
        if "functionCall" in part:
            return None if "thoughtSignature" in part else index
    return None


def with_skip_value(content: Content, index: int) -> Content:
    """Return a copy of `content` with the skip value on the part at `index`."""
    parts = list(content["parts"])
    parts[index] = cast("Part", {**parts[index], "thoughtSignature": SKIP_SIGNATURE})
    return cast("Content", {**content, "parts": parts})


def is_real_user_content(content: Content) -> bool:
    """Tell whether a content is a user content without function results, where Gemini's signature check begins."""
    return content["role"] == "user" and not any("functionResponse" in part for part in content["parts"])


def without_signatures(body: GenerateContentRequest) -> GenerateContentRequest:
    """Return the body without signatures, except the skip values required since the last user content.

    For one retry after "Corrupted thought signature" (rule 38). Parts with a signature only are removed.
    """
    contents = body["contents"]
    last_user = max((i for i, content in enumerate(contents) if is_real_user_content(content)), default=-1)
    plain = [unsigned(content) for content in contents]
    for position in range(last_user + 1, len(plain)):
        index = first_unsigned_call(plain[position])
        if index is not None:
            plain[position] = with_skip_value(plain[position], index)
    return cast("GenerateContentRequest", {**body, "contents": plain})


def unsigned(content: Content) -> Content:
    """Return `content` without signatures; the same object if it has none."""
    parts = content.get("parts", [])
    if not any("thoughtSignature" in part for part in parts):
        return content
    bare = [{key: value for key, value in part.items() if key != "thoughtSignature"} for part in parts]
    kept = [part for part in bare if part and part != {"text": ""}]
    return cast("Content", {**content, "parts": kept or [{"text": " "}]})


def _own_signature(holder: Mapping[str, Any]) -> str | None:
    found = next((text for field in _FIELDS if (text := _text(holder.get(field)))), None)
    return found or next((text for nest in _NESTS if (text := _nested_signature(holder.get(nest)))), None)


def _nested_signature(nest: object) -> str | None:
    if not isinstance(nest, Mapping):
        return None
    for provider in _PROVIDERS:
        inner = nest.get(provider)
        if isinstance(inner, Mapping):
            found = _text(inner.get("thought_signature"))
            if found:
                return found
    several = nest.get("thought_signatures")
    first = several[0] if isinstance(several, Sequence) and not isinstance(several, str) and several else None
    return _text(nest.get("thought_signature")) or _text(first)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
