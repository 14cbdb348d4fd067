"""The Gemini client, the only module that uses private names of google-genai.

google-genai supplies the base URL, the API version, the credentials (Gemini API key or Vertex AI) and the headers.
`api.gemini.transport` sends and receives the bodies as bytes: the SDK's typed objects cost 30 times more per chunk, and
the SDK cannot cancel a stream (docs/decisions/0002 and 0005). Private names in use: `Client._api_client`,
`BaseApiClient._build_request` and `BaseApiClient._async_access_token`. The contract test
tests/unit/test_gemini_client.py fails first when a new version changes them.
"""

import asyncio
import importlib.util
import logging
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from google import genai
from google.genai import types

from api.errors import (
    GatewayError,
    InvalidRequestError,
    ModelNotFoundError,
    NotFoundError,
    UpstreamError,
    UpstreamTimeoutError,
)
from api.gemini.error_mapping import KEY_REJECTED, upstream_error
from api.gemini.error_messages import known_sentence
from api.gemini.transport import Body, Transport, TransportError, UpstreamResponse
from api.gemini.upstream_stream import Deadlines, UpstreamStream, connection_error, too_large
from api.gemini.wire import GenerateContentResponse
from api.json.repair import read_json

logger = logging.getLogger(__name__)

MAX_ERROR_BYTES: Final = 2**20
MODEL_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9._-]+)*")
PROXY_VARIABLES: Final = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")

LATE = "The upstream model did not respond within the time limit."


@dataclass(frozen=True, kw_only=True, slots=True)
class Upstream:
    """Address and credentials of Gemini: an API key, or a Vertex AI project and location.

    `account` is the name of the Gemini account: thought signatures may be valid for this account only.
    """

    api_key: str = ""
    base_url: str = ""
    vertex: bool = False
    project: str = ""
    location: str = ""
    account: str = ""


class GeminiClient:
    """A connection pool to one upstream; one instance per process and event loop.

    Methods raise `GatewayError` only. `asyncio.CancelledError` passes through and closes the upstream call at once.
    """

    def __init__(self, upstream: Upstream, deadlines: Deadlines) -> None:
        self.account = upstream.account
        self.deadlines = deadlines
        self._upstream = upstream
        self._sdk = _sdk_client(upstream)
        self._api: Any = self._sdk._api_client  # noqa: SLF001 - this module wraps the SDK's private API client
        self._loop = asyncio.get_running_loop()
        self.now = self._loop.time  # the clock of all deadlines
        self._targets: dict[str, tuple[str, Mapping[str, str]]] = {}
        origin = urlsplit(self._api._build_request("post", "models", {}).url)  # noqa: SLF001
        self._transport = _transport(f"{origin.scheme}://{origin.netloc}", deadlines.connect)

    async def aclose(self) -> None:
        """Close the connection pool; open calls fail."""
        await self._transport.aclose()
        await self._sdk.aio.aclose()

    async def generate(
        self,
        model: str,
        body: Body,
        *,
        public_model: str = "",
        since: float | None = None,
        on_growth: Callable[[int], None] | None = None,
    ) -> GenerateContentResponse:
        """POST a JSON body to `:generateContent` and return Gemini's JSON response unchanged.

        `body` encodes the request at the moment of sending. `public_model` is the public model name, used in error
        messages. The total deadline counts from `since` (event loop time, default: now). `on_growth` receives the
        response's size in bytes.
        """
        name = public_model or model
        response: Any = await self._plain(f"{self._path(model)}:generateContent", body, name, since, on_growth)
        parsed: GenerateContentResponse = response
        return parsed

    async def count_tokens(self, model: str, body: Body, *, public_model: str = "") -> int:
        """POST to `:countTokens` and return `totalTokens`.

        Raises UpstreamError unless `totalTokens` is an integer >= 0.
        """
        counted = await self._plain(f"{self._path(model)}:countTokens", body, public_model or model)
        total = counted.get("totalTokens", 0)  # proto JSON omits zero
        if type(total) is not int or total < 0:
            raise UpstreamError("The upstream model returned an invalid token count.")
        return total

    async def list_models(self) -> None:
        """GET one model of the list, at no charge, to check credentials and connectivity.

        Raises the errors of `generate`.
        """
        until = self._loop.time() + min(self.deadlines.first_byte, self.deadlines.total)
        target, headers = await self._target("models?pageSize=1")
        response = await self._accepted(self._transport.get(target, headers, until=until), until, "")
        response.close()

    async def stream(
        self, model: str, body: Body, *, public_model: str = "", since: float | None = None
    ) -> "UpstreamStream":
        """POST to `:streamGenerateContent` and return the open stream after a 200.

        The caller closes the stream or reads it to its end. `public_model` and `since` are as in `generate`.
        """
        started = self._loop.time()
        ends_at = (started if since is None else since) + self.deadlines.total
        name = public_model or model
        response = await self._post(f"{self._path(model)}:streamGenerateContent?alt=sse", body, name, ends_at)
        return UpstreamStream(response, self.deadlines, started=started, ends_at=ends_at, model=name)

    async def _plain(
        self,
        path: str,
        body: Body,
        name: str,
        since: float | None = None,
        on_growth: Callable[[int], None] | None = None,
    ) -> dict[str, Any]:
        until = (self._loop.time() if since is None else since) + self.deadlines.total
        response = await self._post(path, body, name, until)
        try:
            raw = await _read_all(response, until, self.deadlines.answer_bytes)
        except BaseException:
            response.close()
            raise
        response.release()
        if on_growth is not None:
            on_growth(len(raw))
        return _json_object(raw, name)

    async def _post(self, path: str, body: Body, name: str, ends_at: float) -> UpstreamResponse:
        """Send one request and return the 200 response with its body unread.

        Raises the GatewayError of any other status.
        """
        until = min(self._loop.time() + self.deadlines.first_byte, ends_at)
        target, headers = await self._target(path)
        return await self._accepted(self._transport.post(target, headers, body, until=until), until, name, body)

    async def _accepted(
        self, pending: Awaitable[UpstreamResponse | None], until: float, name: str, body: Body | None = None
    ) -> UpstreamResponse:
        """Await the response to `body` and return it with its own body unread if its status is 200.

        Raises the GatewayError of any other status, of a timeout and of a failed connection.
        """
        try:
            response = await pending
        except TransportError as error:
            raise connection_error(error) from None
        if response is None:
            raise UpstreamTimeoutError(LATE)
        if response.status == 200:
            return response
        try:
            raw = await _read_all(response, until, MAX_ERROR_BYTES)
        finally:
            response.close()
        rejection = upstream_error(
            response.status, raw, response.headers, openai_model=name, request=b"" if body is None else body()
        )
        self._log(rejection, response.status)
        raise rejection

    def _log(self, error: GatewayError, status: int) -> None:
        """Log an upstream error, with Google's sentence if the sentence cannot quote a prompt.

        The record always has it.
        """
        if self._upstream.api_key:
            error.upstream_message = error.upstream_message.replace(self._upstream.api_key, "[key]")
        if error.code == KEY_REJECTED:
            logger.error("Gemini rejects this server's credentials", extra={"status": status})
        elif isinstance(error, InvalidRequestError | NotFoundError):
            sentence = known_sentence(error.upstream_message)
            logger.warning(
                "Gemini rejected a request: %s", ascii(sentence or "see the usage record"), extra={"status": status}
            )

    async def _target(self, path: str) -> tuple[str, Mapping[str, str]]:
        """Return the request's path and headers, built once per path by the SDK; Vertex AI gets a token each time."""
        known = self._targets.get(path)
        if known is None:
            built = self._api._build_request("post", path, {})  # noqa: SLF001
            parts = urlsplit(built.url)
            target = f"{parts.path}?{parts.query}" if parts.query else parts.path
            known = self._targets[path] = (target, dict(built.headers))
        if not self._upstream.vertex or self._api.api_key:
            return known
        token = await self._api._async_access_token()  # noqa: SLF001
        return known[0], {**known[1], "Authorization": f"Bearer {token}"}

    def _path(self, model: str) -> str:
        if MODEL_NAME.fullmatch(model) is None or ".." in model:
            raise ModelNotFoundError("The model name contains characters that no Gemini model name has.", param="model")
        prefix = "publishers/google/models" if self._upstream.vertex else "models"
        return f"{prefix}/{model}"


def _sdk_client(upstream: Upstream) -> genai.Client:
    options = types.HttpOptions(
        api_version="v1beta1" if upstream.vertex else "v1beta",
        base_url=upstream.base_url or None,
        retry_options=types.HttpRetryOptions(attempts=1),
    )
    if not upstream.vertex:
        return genai.Client(vertexai=False, api_key=upstream.api_key, http_options=options)
    return genai.Client(
        vertexai=True,
        api_key=None if upstream.project else upstream.api_key or None,
        project=upstream.project or None,
        location=upstream.location or None,
        http_options=options,
    )


def _transport(origin: str, connect_seconds: float) -> Transport:
    """Return the direct transport, or aiohttp's if a proxy is configured or httptools is missing."""
    if any(os.environ.get(name) for name in PROXY_VARIABLES) or importlib.util.find_spec("httptools") is None:
        from api.gemini.aiohttp_transport import AiohttpTransport

        return AiohttpTransport(origin, connect_seconds=connect_seconds)
    from api.gemini.direct_transport import DirectTransport

    return DirectTransport(origin, connect_seconds=connect_seconds)


async def _read_all(response: UpstreamResponse, until: float, limit: int) -> bytes:
    """Return the whole body; raises UpstreamError above `limit` bytes, UpstreamTimeoutError past `until`."""
    if (rest := response.rest()) is not None:
        if len(rest) > limit:
            raise too_large()
        return rest
    chunks: list[bytes] = []
    size = 0
    try:
        while data := await response.receive(until):
            chunks.append(data)
            size += len(data)
            if size > limit:
                raise too_large()
    except TransportError as error:
        raise connection_error(error) from None
    if data is None:
        raise UpstreamTimeoutError(LATE)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _json_object(raw: bytes, model: str) -> dict[str, Any]:
    try:
        response, replaced = read_json(raw)
    except orjson.JSONDecodeError:
        raise UpstreamError("The upstream response is not JSON.") from None
    if not isinstance(response, dict):
        raise UpstreamError("The upstream response is not a JSON object.")
    if "error" in response:
        raise upstream_error(500, response, {}, openai_model=model)
    if replaced:
        response["replacedCharacters"] = True
    return response
