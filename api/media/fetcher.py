"""The fetcher of media that a client names by URL; no other module requests a client's URL.

https only (http by setting), public addresses only (`api.media.guard`), no cookies, credentials or proxies; at most
three redirects, each checked like the first URL; limits on time, decompressed size, number and concurrency; accepted by
content (`api.media.kinds`). An error names the parameter, never a body or an address.
"""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import httpcore2
import httpx2

from api.errors import InvalidRequestError, RateLimitError
from api.gemini.wire import Blob
from api.media.guard import Guard, GuardedBackend, RejectedURLError
from api.media.kinds import media_kind

MAX_REDIRECTS: Final = 3
MAX_CONCURRENT: Final = 16
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
HEADERS: Final = (
    ("User-Agent", "gemini-gateway"),
    ("Accept", "image/*, audio/*, video/*, application/pdf, text/plain"),
    ("Accept-Encoding", "gzip, deflate"),
    ("Connection", "close"),
)
_FAMILIES: Final = {
    "image": ("image/", "video/"),  # Google's own clients send a video as image_url too
    "video": ("video/",),
    "file": ("image/", "audio/", "video/", "application/pdf", "text/plain"),
}
_TRANSPORT_ERRORS: Final = (
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.UnsupportedProtocol,
    httpcore2.ConnectionNotAvailable,
    httpx2.DecodingError,
    OSError,  # a name that does not resolve
    UnicodeError,  # an invalid name
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaLimits:
    """The limits of a request: bytes of one file and of all files after decompression, URLs, timeouts in seconds."""

    file_bytes: int = 10 * 1024 * 1024
    request_bytes: int = 20 * 1024 * 1024
    urls: int = 16
    connect: float = 5.0
    total: float = 15.0


@dataclass(frozen=True, slots=True)
class WantedMedia:
    """A URL of a request, its parameter, and the kinds of media that are allowed there."""

    url: str
    param: str
    kind: Literal["image", "video", "file"]


class _FailedError(Exception):
    """The download failed; the text says why."""


class _RejectedError(Exception):
    """The content is not accepted; `code` is OpenAI's error code."""

    def __init__(self, reason: str, code: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(slots=True)
class _Allowance:
    """The bytes that the files of one request may still have."""

    left: int

    def take(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise _RejectedError("the total size of the files in this request is too large", "image_file_too_large")


class MediaFetcher:
    """Fetches media; one instance per process and event loop. `guard` and `tls` exist for tests; see `Guard`."""

    def __init__(self, limits: MediaLimits, *, guard: Guard | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.limits = limits
        self._guard = guard or Guard()
        self._tls = tls
        self._slots = asyncio.Semaphore(MAX_CONCURRENT)
        self._timeouts = {"connect": limits.connect, "read": limits.total, "write": limits.total, "pool": limits.total}

    async def fetch_all(self, wanted: Sequence[WantedMedia]) -> dict[str, Blob]:
        """Fetch every URL once, concurrently, and return the contents: URL → blob.

        Raises InvalidRequestError with the parameter of a URL that is rejected, fails, or has the wrong kind of
        content; RateLimitError if too many downloads are running. The first failure cancels the others.
        """
        first: dict[str, WantedMedia] = {}
        for item in wanted:
            first.setdefault(item.url, item)
        if len(first) > self.limits.urls:
            raise InvalidRequestError(
                f"Too many URLs to fetch: expected at most {self.limits.urls} in one request.",
                param=list(first.values())[self.limits.urls].param,
                code="invalid_value",
            )
        allowance = _Allowance(self.limits.request_bytes)
        tasks = [asyncio.ensure_future(self._fetch(item, allowance)) for item in first.values()]
        try:
            blobs = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        fetched = dict(zip(first, blobs, strict=True))
        for item in wanted:
            _check_family(item, fetched[item.url])
        return fetched

    async def _fetch(self, wanted: WantedMedia, allowance: _Allowance) -> Blob:
        """Fetch one URL when a slot is free; every failure becomes an error with the parameter."""
        try:
            async with asyncio.timeout(self.limits.total):
                await self._slots.acquire()
        except TimeoutError:
            raise RateLimitError(
                "This gateway is at its limit for concurrent downloads. Please try again.", retry_after=1
            ) from None
        noun = wanted.kind
        try:
            async with asyncio.timeout(self.limits.total):
                return await self._follow(wanted.url, allowance)
        except RejectedURLError as error:
            raise _invalid(
                wanted, f"The URL in '{wanted.param}' cannot be fetched: {error}.", f"invalid_{noun}_url"
            ) from None
        except _RejectedError as error:
            code = error.code if wanted.kind == "image" else f"invalid_{noun}"
            raise _invalid(wanted, f"Invalid {noun} in '{wanted.param}': {error}.", code) from None
        except (TimeoutError, httpcore2.TimeoutException):
            reason = f"no response within {self.limits.total:g} seconds"
        except _FailedError as error:
            reason = str(error)
        except _TRANSPORT_ERRORS:
            reason = "the connection failed"
        finally:
            self._slots.release()
        raise _invalid(
            wanted, f"Failed to download the {noun} in '{wanted.param}': {reason}.", f"failed_to_download_{noun}"
        )

    async def _follow(self, start: str, allowance: _Allowance) -> Blob:
        """Fetch `start` with at most MAX_REDIRECTS redirects, over connections of its own."""
        url = _parsed(start)
        async with httpcore2.AsyncConnectionPool(
            ssl_context=await self._context(), network_backend=GuardedBackend(self._guard), max_keepalive_connections=0
        ) as pool:
            for _ in range(MAX_REDIRECTS + 1):
                self._guard.check_url(url)
                response = await self._ask(pool, url)
                try:
                    if response.status_code not in REDIRECTS:
                        return await self._read(response, allowance)
                    url = _next(url, response.headers.get("location", ""))
                finally:
                    await response.aclose()
        raise _FailedError(f"more than {MAX_REDIRECTS} redirects")

    async def _ask(self, pool: httpcore2.AsyncConnectionPool, url: httpx2.URL) -> httpx2.Response:
        """Send the request; return the response with its body unread."""
        request = httpcore2.Request(
            method="GET",
            url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path or b"/"),
            headers=[("Host", url.netloc.decode("ascii")), *HEADERS],
            extensions={"timeout": self._timeouts},
        )
        response = await pool.handle_async_request(request)
        return httpx2.Response(response.status, headers=response.headers, stream=_Body(response))

    async def _read(self, response: httpx2.Response, allowance: _Allowance) -> Blob:
        """Read the body within the limits; return it if its type is accepted."""
        if response.status_code != 200:
            raise _FailedError(f"the server returned status {response.status_code}")
        limit = self.limits.file_bytes
        content = bytearray()
        async for chunk in response.aiter_bytes():
            allowance.take(len(chunk))
            content += chunk
            if len(content) > limit:
                raise _RejectedError(f"larger than {limit} bytes", "image_file_too_large")
        if not content:
            raise _RejectedError("the file is empty", "empty_image_file")
        mime_type = media_kind(bytes(content), response.headers.get("content-type", ""))
        if mime_type is None:
            raise _RejectedError(
                "the content is not a supported image, audio, video, PDF or text file, or has another media type",
                "unsupported_image_media_type",
            )
        return {"mimeType": mime_type, "data": b64encode(content).decode()}

    async def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            # Loads the machine's certificates from disk.
            self._tls = await asyncio.to_thread(httpx2.create_ssl_context, trust_env=False)
        return self._tls


class _Body(httpx2.AsyncByteStream):
    """The undecoded body of a response as a stream of httpx2."""

    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._response.aiter_stream():
            yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()


def _parsed(url: str) -> httpx2.URL:
    try:
        return httpx2.URL(url)
    except (httpx2.InvalidURL, UnicodeError):
        raise RejectedURLError("it is not a valid URL") from None


def _next(url: httpx2.URL, location: str) -> httpx2.URL:
    if not location:
        raise _FailedError("a redirect without a location")
    try:
        return url.join(location)
    except (httpx2.InvalidURL, UnicodeError):
        raise RejectedURLError("it redirects to an invalid URL") from None


def _check_family(wanted: WantedMedia, blob: Blob) -> None:
    """Raise InvalidRequestError if the content is of a kind that the parameter does not allow."""
    if not blob["mimeType"].startswith(_FAMILIES[wanted.kind]):
        raise _invalid(
            wanted,
            f"Invalid {wanted.kind} in '{wanted.param}': the content has another media type.",
            "unsupported_image_media_type" if wanted.kind == "image" else f"invalid_{wanted.kind}",
        )


def _invalid(wanted: WantedMedia, message: str, code: str) -> InvalidRequestError:
    return InvalidRequestError(message, param=wanted.param, code=code)
