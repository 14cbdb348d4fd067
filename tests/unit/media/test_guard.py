"""C13: a URL, a redirect or a name connects the gateway to public addresses only."""

import asyncio

import httpx2
import pytest

from api.errors import InvalidRequestError
from api.media.guard import Guard, RejectedURLError, is_public
from tests.unit.media.site import PUBLIC, Site, fetcher, redirect, wanted

INSIDE = (
    "127.0.0.1",
    "127.1.2.3",
    "0.0.0.0",  # noqa: S104 - as a target, not to listen on
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",
    "169.254.169.254",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:93.184.216.34",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
)
HOSTILE = (
    *(f"http://[{address}]/a.png" if ":" in address else f"http://{address}/a.png" for address in INSIDE),
    "http://localhost/a.png",
    "http://2130706433/a.png",
    "http://0x7f000001/a.png",
    "http://0177.0.0.1/a.png",
    "http://127.1/a.png",
    "http://0/a.png",
    "http://metadata.google.internal/a.png",
    "http://mixed.example/a.png",
    "http://nothing.example/a.png",
    "http://user:secret@public.example/a.png",
    "http://user@public.example/a.png",
    "http://public.example:22/a.png",
    "http://public.example:8080/a.png",
    "http://①②⑦.⓪.⓪.①/a.png",
    "http://127。0。0。1/a.png",
    "http://ⓛocalhost/a.png",
    "http:///a.png",
    "http://" + "a" * 70 + ".example/a.png",
    "http://public.example/" + "a" * 9000,
    "file:///etc/passwd",
    "ftp://public.example/a.png",
    "gopher://public.example/a.png",
    "unix:///run/docker.sock",
)


@pytest.fixture
def names(site: Site) -> Site:
    """The site with names that resolve to internal addresses."""
    site.names |= {
        "localhost": [["127.0.0.1", "::1"]],
        "metadata.google.internal": [["169.254.169.254"]],
        "mixed.example": [[PUBLIC, "10.0.0.1"]],
        "nothing.example": [[]],
    }
    return site


@pytest.mark.parametrize("address", INSIDE)
def test_c13_internal_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["no address", "", "fe80::1%eth0", "127.0.0.1.", "0x7f000001"])
def test_a_string_that_is_no_address_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e"])
def test_internet_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("url", HOSTILE)
async def test_c13_hostile_urls_are_a_400_without_a_connection(names: Site, url: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await fetcher(names).fetch_all([wanted(url)])
    assert caught.value.param == "messages[0].content[1].image_url.url"
    assert caught.value.code in {"invalid_image_url", "failed_to_download_image"}
    assert "secret" not in caught.value.message
    assert names.dialled == []
    assert names.connections == 0


# A URL without a host is a relative reference to the same host, in browsers too.
@pytest.mark.parametrize("target", [url for url in HOSTILE if url != "http:///a.png"])
async def test_c13_redirects_are_checked_like_the_first_url(names: Site, target: str) -> None:
    names.pages["/go"] = redirect(target)
    with pytest.raises(InvalidRequestError):
        await fetcher(names).fetch_all([wanted("http://public.example/go")])
    assert names.dialled == [PUBLIC]
    assert [path for _, path, _ in names.heard] == ["/go"]


async def test_c13_a_name_with_changing_addresses_is_resolved_once(site: Site) -> None:
    site.names["rebind.example"] = [[PUBLIC], ["127.0.0.1"]]
    fetched = await fetcher(site).fetch_all([wanted("http://rebind.example/a.png")])
    assert fetched["http://rebind.example/a.png"]["mimeType"] == "image/png"
    assert site.dialled == [PUBLIC]


async def test_c13_a_name_that_changes_between_redirects_is_rejected(site: Site) -> None:
    site.names["rebind.example"] = [[PUBLIC], ["127.0.0.1"]]
    site.pages["/go"] = redirect("/a.png")
    with pytest.raises(InvalidRequestError, match="its host is not a public address"):
        await fetcher(site).fetch_all([wanted("http://rebind.example/go")])
    assert site.dialled == [PUBLIC]


async def test_http_urls_are_fetched_only_with_the_setting(site: Site) -> None:
    with pytest.raises(InvalidRequestError, match="only https URLs are allowed"):
        await fetcher(site, schemes=["https"]).fetch_all([wanted("http://public.example/a.png")])
    assert site.connections == 0


async def test_the_guard_checks_the_port_of_a_connection_too() -> None:
    with pytest.raises(RejectedURLError, match="port"):
        await Guard().addresses("8.8.8.8", 22)


async def test_a_slow_name_resolution_does_not_block_others() -> None:
    assert await Guard(permits=lambda _: True).addresses("127.0.0.1", 443) == ["127.0.0.1"]
    with pytest.raises(RejectedURLError):
        await asyncio.wait_for(Guard().addresses("127.0.0.1", 443), 5)


def test_a_url_with_a_port_is_fetched() -> None:
    Guard().check_url(httpx2.URL("https://public.example:443/a"))
    with pytest.raises(RejectedURLError):
        Guard().check_url(httpx2.URL("https://public.example:444/a"))
