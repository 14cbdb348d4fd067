"""Serialisation of candidates: one GenerateContentResponse, or the chunks of a stream."""

import base64
import hashlib
from collections.abc import Iterator
from itertools import count
from typing import Any

from api.emulator.conversation import Conversation, Part
from api.emulator.models import Model
from api.emulator.output.candidates import CALLED, Candidate, candidates_for
from api.emulator.output.grounding import grounding_for, searches
from api.emulator.output.logprobs import logprobs_for
from api.emulator.signatures import sign
from api.emulator.usage import listed, prompt_details, usage_metadata, word_groups

Response = dict[str, Any]
_numbers = count(1)


class Generation:
    """The response of one model to one conversation."""

    def __init__(self, conversation: Conversation, model: Model) -> None:
        self.model = model
        self.candidates = candidates_for(conversation, model)
        self.prompt = prompt_details(conversation.request)
        self._conversation = conversation
        self.tier = conversation.request.get("serviceTier", "standard")
        unique = f"{self.candidates[0].seed}/{next(_numbers)}"
        self.response_id = base64.urlsafe_b64encode(hashlib.blake2b(unique.encode(), digest_size=16).digest()).decode()

    def response(self) -> Response:
        """Return the whole response."""
        candidates = []
        for candidate in self.candidates:
            parts = self._thought_parts(candidate) + self._call_parts(candidate)
            if candidate.text:
                part: Part = {"text": candidate.text}
                parts.append(self._signed(part, candidate) if self.model.signatures else part)
            parts += self._media_parts(candidate)
            body = self._body(candidate, parts) | {"finishReason": candidate.finish_reason}
            called = {"finishMessage": CALLED} if candidate.calls else {}
            candidates.append(body | called | self._logprobs(candidate.text) | self._sources(candidate))
        totals = [(candidate.thoughts, candidate.tokens) for candidate in self.candidates]
        return self._envelope(candidates, totals, self._media_tokens())

    def chunks(self) -> Iterator[Response]:
        """Yield the chunks: usage grows from chunk to chunk, and a candidate's last chunk has its finish reason."""
        totals = [(0, 0) for _ in self.candidates]
        unfinished = len(self.candidates)
        for candidate in self.candidates:
            chunks = list(self._chunk_parts(candidate))
            for number, parts in enumerate(chunks, start=1):
                body = self._body(candidate, parts)
                body |= self._logprobs("".join(part.get("text", "") for part in parts if not part.get("thought")))
                if number == len(chunks):
                    body |= {"finishReason": candidate.finish_reason} | self._sources(candidate)
                    unfinished -= 1
                spent = candidate.tokens * number // len(chunks)
                totals[candidate.index] = (candidate.thoughts, spent)
                yield self._envelope([body], totals, {} if unfinished else self._media_tokens())

    def _chunk_parts(self, candidate: Candidate) -> Iterator[list[Part]]:
        """Yield the parts of each chunk. A text's signature comes last, on an empty part, as Gemini 3 sends it."""
        for part in [*self._thought_parts(candidate), *self._call_parts(candidate)]:
            yield [part]
        texts = word_groups(candidate.text)
        signed = bool(texts) and self.model.signatures
        closing = signed or bool(candidate.calls) or bool(candidate.media) or not texts
        for text in texts:
            yield [{"text": text}]
        for part in self._media_parts(candidate):
            yield [part]
        if closing:
            last: Part = {"text": ""}
            yield [self._signed(last, candidate) if signed else last]

    def _logprobs(self, text: str) -> dict[str, Any]:
        """Return the log probabilities of a chunk's text, if requested."""
        config = self._conversation.config
        if not text or not config.get("responseLogprobs"):
            return {}
        return {"logprobsResult": logprobs_for(text, config.get("logprobs", 0))}

    def _sources(self, candidate: Candidate) -> dict[str, Any]:
        """Return the grounding metadata of a text, if Google Search is declared."""
        if not candidate.text or not searches(self._conversation) or self._conversation.mime_type != "text/plain":
            return {}
        return {"groundingMetadata": grounding_for(self._conversation, candidate.text)}

    def _thought_parts(self, candidate: Candidate) -> list[Part]:
        return [{"text": candidate.thought, "thought": True}] if candidate.thought else []

    def _call_parts(self, candidate: Candidate) -> list[Part]:
        """Return the calls; the first one of a parallel batch is signed."""
        parts: list[Part] = [{"functionCall": call} for call in candidate.calls]
        if parts and self.model.signs:
            parts[0] = self._signed(parts[0], candidate)
        return parts

    def _media_parts(self, candidate: Candidate) -> list[Part]:
        """Return images or speech; an image is signed in place of a text."""
        if not self.model.signatures:
            return candidate.media
        return [self._signed(part, candidate) for part in candidate.media]

    def _media_tokens(self) -> dict[str, int]:
        """Return the media tokens of all candidates by modality."""
        counts: dict[str, int] = {}
        for candidate in self.candidates:
            for kind, cost in candidate.media_tokens.items():
                counts[kind] = counts.get(kind, 0) + cost
        return counts

    def _signed(self, part: Part, candidate: Candidate) -> Part:
        return part | {"thoughtSignature": sign(part, family=self.model.family, seed=candidate.seed)}

    def _body(self, candidate: Candidate, parts: list[Part]) -> dict[str, Any]:
        content: dict[str, Any] = {"parts": parts, "role": "model"} if parts else {"role": "model"}
        return {"content": content, "index": candidate.index}

    def _envelope(
        self, candidates: list[dict[str, Any]], totals: list[tuple[int, int]], media: dict[str, int]
    ) -> Response:
        usage = usage_metadata(
            self.prompt,
            thoughts=sum(thoughts for thoughts, _ in totals),
            candidates=sum(spent for _, spent in totals),
            tier=self.tier,
        )
        if media:
            usage["candidatesTokensDetails"] = listed(media)
        return {
            "candidates": candidates,
            "usageMetadata": usage,
            "modelVersion": self.model.alias_of or self.model.name,
            "responseId": self.response_id,
        }
