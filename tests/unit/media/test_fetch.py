"""The fetch itself: the returned blob, and C14: no response of a server costs more than the limits."""

import asyncio
import gzip
import ssl
from base64 import b64decode
from typing import Any

import httpcore2
import pytest
from blockbuster import BlockBuster

from api.errors import InvalidRequestError, RateLimitError
from api.media.fetcher import MAX_CONCURRENT, MAX_REDIRECTS, MediaFetcher, MediaLimits
from api.media.guard import Guard
from tests.unit.media.site import PNG, PUBLIC, Page, Site, fetcher, open_site, page, redirect, wanted

URL = "http://public.example/a.png"
JPEG = b"\xff\xd8\xff\xe0" + bytes(32)
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


async def rejected(site: Site, *urls: str, kind: Any = "image", **limits: Any) -> InvalidRequestError:
    """Return the error of a fetch."""
    with pytest.raises(InvalidRequestError) as caught:
        await fetcher(site, **limits).fetch_all([wanted(url, kind) for url in urls])
    return caught.value


async def test_fetched_media_is_returned_as_a_blob(site: Site, blockbuster: BlockBuster) -> None:
    fetched = await fetcher(site).fetch_all([wanted(URL)])
    assert fetched[URL]["mimeType"] == "image/png"
    assert b64decode(fetched[URL]["data"]) == PNG


async def test_a_fetch_discloses_nothing_of_this_machine(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    site.pages["/a.png"] = redirect("/b.png").replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b\r\n\r\n")
    site.pages |= {"/b.png": page(), "/a.png?q=1": page()}
    await fetcher(site).fetch_all([wanted("http://public.example/a.png?q=1#fragment"), wanted(URL)])
    names = {line.partition(":")[0].lower() for _, _, lines in site.heard for line in lines}
    assert names == {"host", "user-agent", "accept", "accept-encoding", "connection"}
    assert {path for _, path, _ in site.heard} == {"/a.png?q=1", "/a.png", "/b.png"}
    assert {host for host, _, _ in site.heard} == {"public.example"}


async def test_a_url_in_two_parts_is_fetched_once(site: Site) -> None:
    assert set(await fetcher(site).fetch_all([wanted(URL), wanted(URL)])) == {URL}
    assert site.connections == 1


async def test_compressed_files_are_decompressed(site: Site) -> None:
    site.pages["/a.png"] = page(gzip.compress(PNG), Content_Encoding="gzip")
    fetched = await fetcher(site).fetch_all([wanted(URL)])
    assert b64decode(fetched[URL]["data"]) == PNG


async def test_redirects_are_followed_up_to_the_limit(site: Site) -> None:
    for number in range(MAX_REDIRECTS):
        site.pages[f"/{number}"] = redirect(f"http://public.example/{number + 1}")
    site.pages[f"/{MAX_REDIRECTS}"] = page()
    assert await fetcher(site).fetch_all([wanted("http://public.example/0")])


async def test_c14_thirty_redirects_are_too_many(site: Site) -> None:
    for number in range(30):
        site.pages[f"/{number}"] = redirect(f"/{number + 1}")
    error = await rejected(site, "http://public.example/0")
    assert error.code == "failed_to_download_image"
    assert site.connections == MAX_REDIRECTS + 1


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"2000\r\n" + b"\x89PNG\r\n\x1a\n" + bytes(8184) + b"\r\n")
        await writer.drain()


async def silent(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 100\r\n\r\n\x89PNG")
    await writer.drain()
    await asyncio.Event().wait()


async def broken(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 100\r\n\r\n\x89PNG")
    await writer.drain()
    writer.transport.abort()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (page(gzip.compress(PNG + bytes(30_000_000)), Content_Encoding="gzip"), "image_file_too_large"),
        (
            page(gzip.compress(gzip.compress(PNG + bytes(30_000_000))), Content_Encoding="gzip, gzip"),
            "image_file_too_large",
        ),
        (page(PNG + bytes(1_000_000)), "image_file_too_large"),
        (endless, "image_file_too_large"),
        (page(b""), "empty_image_file"),
        (page(SVG, kind="image/svg+xml"), "unsupported_image_media_type"),
        (page(SVG, kind="image/png"), "unsupported_image_media_type"),
        (page(SVG, kind="text/plain"), "unsupported_image_media_type"),
        (page(b"<html>not here</html>", kind="text/html"), "unsupported_image_media_type"),
        (page(PNG, kind="text/html"), "unsupported_image_media_type"),
        (page(PNG, kind="image/jpeg"), "unsupported_image_media_type"),
        (page(b"MZ" + bytes(100), kind="image/png"), "unsupported_image_media_type"),
        (page(b"MZ" + bytes(100), kind="application/octet-stream"), "unsupported_image_media_type"),
        (page(b"%PDF-1.7", kind="application/pdf"), "unsupported_image_media_type"),
        (page(b"plain", kind="text/plain"), "unsupported_image_media_type"),
        (page(b"no gzip", Content_Encoding="gzip"), "failed_to_download_image"),
        (page(PNG, Content_Encoding=",".join(["gzip"] * 50)), "failed_to_download_image"),
        (page(PNG, status="404 Not Found"), "failed_to_download_image"),
        (page(PNG, status="206 Partial Content"), "failed_to_download_image"),
        (page(PNG, status="302 Found"), "failed_to_download_image"),
        (b"nonsense\r\n\r\n", "failed_to_download_image"),
        (b"", "failed_to_download_image"),
        (silent, "failed_to_download_image"),
        (broken, "failed_to_download_image"),
    ],
)
async def test_c14_invalid_files_are_rejected(site: Site, answer: Page, code: str) -> None:
    site.pages["/a.png"] = answer
    error = await rejected(site, URL, total=0.5 if answer is silent else 5.0)
    assert error.status == 400
    assert error.code == code
    assert error.param == "messages[0].content[1].image_url.url"
    assert error.param in error.message
    assert "PNG" not in error.message
    assert "svg" not in error.message


async def test_all_files_of_a_request_share_one_limit(site: Site) -> None:
    for name in "abc":
        site.pages[f"/{name}"] = page(PNG + bytes(80_000))
    urls = [f"http://public.example/{name}" for name in "abc"]
    assert len(await fetcher(site).fetch_all([wanted(url) for url in urls[:2]])) == 2
    assert (await rejected(site, *urls)).code == "image_file_too_large"


async def test_a_request_with_too_many_urls_is_rejected(site: Site) -> None:
    urls = [f"http://public.example/{number}" for number in range(17)]
    error = await rejected(site, *urls)
    assert "at most 16" in error.message
    assert site.connections == 0


async def test_too_many_simultaneous_downloads_are_rejected(site: Site) -> None:
    urls = [f"http://public.example/slow?{number}" for number in range(MAX_CONCURRENT)]
    site.pages |= {f"/slow?{number}": silent for number in range(MAX_CONCURRENT)}
    crowded = MediaFetcher(
        MediaLimits(total=0.3, connect=0.3), guard=Guard(schemes=frozenset({"http"}), resolve=site.resolve)
    )
    patient = [asyncio.ensure_future(crowded.fetch_all([wanted(url)])) for url in urls for _ in range(3)]
    outcomes = await asyncio.gather(*patient, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {InvalidRequestError, RateLimitError}
    assert site.connections <= 2 * MAX_CONCURRENT


async def test_the_first_failure_ends_the_other_downloads(site: Site) -> None:
    site.pages["/slow"] = silent
    site.pages["/gone"] = page(b"", status="410 Gone")
    error = await rejected(site, "http://public.example/slow", "http://public.example/gone", total=30.0)
    assert "410" in error.message


@pytest.mark.parametrize("kind", ["image", "video", "file"])
@pytest.mark.parametrize(
    ("body", "declared", "found", "kinds"),
    [
        (PNG, "image/png", "image/png", {"image", "file"}),
        (PNG, "application/octet-stream", "image/png", {"image", "file"}),
        (PNG, "", "image/png", {"image", "file"}),
        (JPEG, "image/jpg; charset=x", "image/jpeg", {"image", "file"}),
        (b"GIF89a" + bytes(9), "image/gif", "image/gif", {"image", "file"}),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp", "image/webp", {"image", "file"}),
        (b"\x00\x00\x00\x18ftypheic" + bytes(9), "image/heic", "image/heic", {"image", "file"}),
        (b"\x00\x00\x00\x18ftypmif1" + bytes(9), "image/heif", "image/heif", {"image", "file"}),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/x-wav", "audio/wav", {"file"}),
        (b"ID3\x04" + bytes(9), "audio/mp3", "audio/mpeg", {"file"}),
        (b"\xff\xfb\x90\x00" + bytes(9), "audio/mpeg", "audio/mpeg", {"file"}),
        (b"\xff\xf1\x50\x80" + bytes(9), "audio/aac", "audio/aac", {"file"}),
        (b"OggS" + bytes(9), "audio/ogg", "audio/ogg", {"file"}),
        (b"fLaC" + bytes(9), "audio/flac", "audio/flac", {"file"}),
        (b"FORM\x00\x00\x00\x00AIFF", "audio/aiff", "audio/aiff", {"file"}),
        (b"\x00\x00\x00\x18ftypisom" + bytes(9), "video/mp4", "video/mp4", {"image", "video", "file"}),
        (b"\x00\x00\x00\x14ftypqt  " + bytes(9), "video/quicktime", "video/mov", {"image", "video", "file"}),
        (b"\x1aE\xdf\xa3\x01\x42\x82\x84webm", "video/webm", "video/webm", {"image", "video", "file"}),
        (b"\x00\x00\x01\xba" + bytes(9), "video/mpeg", "video/mpeg", {"image", "video", "file"}),
        (b"%PDF-1.7\n", "application/pdf", "application/pdf", {"file"}),
        ("Gr\u00fcezi".encode(), "text/plain; charset=utf-8", "text/plain", {"file"}),
    ],
)
async def test_media_types_are_recognised_by_the_first_bytes(
    site: Site, kind: Any, body: bytes, declared: str, found: str, kinds: set[str]
) -> None:
    site.pages["/a.png"] = page(body, kind=declared)
    if kind in kinds:
        assert (await fetcher(site).fetch_all([wanted(URL, kind)]))[URL]["mimeType"] == found
    else:
        error = await rejected(site, URL, kind=kind)
        assert error.code == ("unsupported_image_media_type" if kind == "image" else f"invalid_{kind}")


async def test_a_second_address_is_tried_after_the_first(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.names["two.example"] = [["2606:4700:4700::1111", PUBLIC]]
    lead: Any = httpcore2.AnyIOBackend.connect_tcp

    async def without_ipv6(self: Any, host: str, port: int, **options: Any) -> Any:
        if ":" in host:
            raise httpcore2.ConnectError
        return await lead(self, host, port, **options)

    monkeypatch.setattr(httpcore2.AnyIOBackend, "connect_tcp", without_ipv6)
    assert await fetcher(site).fetch_all([wanted("http://two.example/a.png")])


async def test_tls_verifies_the_host_name_of_a_resolved_address(
    monkeypatch: pytest.MonkeyPatch, tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    server, client = tls
    async with open_site(monkeypatch, tls=server) as site:
        site.names["other.example"] = [[PUBLIC]]
        site.pages["/down"] = redirect("http://public.example/a.png")
        only_https = fetcher(site, schemes=["https"], tls=client)
        assert await only_https.fetch_all([wanted("https://public.example/a.png")])
        with pytest.raises(InvalidRequestError, match="the connection failed"):
            await only_https.fetch_all([wanted("https://other.example/a.png")])
        with pytest.raises(InvalidRequestError, match="only https URLs are allowed"):
            await only_https.fetch_all([wanted("https://public.example/down")])
        assert [host for host, _, _ in site.heard] == ["public.example", "public.example"]
