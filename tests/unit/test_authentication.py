"""The admission of requests without a key, by the origin of the request."""

import pytest
from pytest_django import Settings

from api.auth.admission import Credentials, admit
from api.errors import AuthenticationError, GatewayError, InvalidRequestError, PermissionDeniedError

LOCAL = {"HTTP_HOST": "localhost"}
AFAR = "203.0.113.9"


def ask(peer: str = "127.0.0.1", **headers: str) -> None:
    """Send a request from this machine, except for the arguments."""
    admit(Credentials({**LOCAL, **headers}, peer))


@pytest.fixture(autouse=True)
def keyless(settings: Settings) -> None:
    """The settings of a fresh checkout, independent of the environment of the tests."""
    settings.REQUIRE_KEY = False
    settings.ALLOW_INSECURE_KEYLESS = False
    settings.ALLOWED_HOSTS = ["localhost", "gateway.example"]


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1", ""])
def test_a_peer_on_this_machine_is_admitted(peer: str) -> None:
    ask(peer)


@pytest.mark.parametrize(
    "peer", [AFAR, "10.0.0.1", "::ffff:203.0.113.9", "2001:db8::1", "localhost", "127.0.0.1.example"]
)
def test_a_remote_peer_is_rejected_with_any_host_header(peer: str) -> None:
    with pytest.raises(PermissionDeniedError) as rejected:
        ask(peer)
    assert rejected.value.code == "keyless_not_local"


@pytest.mark.parametrize("host", ["localhost:8080", "[::1]", "[::1]:8080", "LOCALHOST"])
def test_local_names_are_admitted(host: str) -> None:
    ask(HTTP_HOST=host)


@pytest.mark.parametrize(
    "host", ["", "[::1", "[::1]x", "[::1]:x", "localhost:x", "localhost,evil.example", "localhost\tx"]
)
def test_an_invalid_host_header_is_rejected(host: str) -> None:
    with pytest.raises(PermissionDeniedError) as rejected:
        ask(HTTP_HOST=host)
    assert rejected.value.code == "keyless_foreign_host"


def test_an_operator_can_require_keys_on_this_machine(settings: Settings) -> None:
    settings.REQUIRE_KEY = True
    with pytest.raises(AuthenticationError):
        ask()


def test_the_open_gateway_admits_every_peer_under_its_own_names(settings: Settings) -> None:
    settings.ALLOW_INSECURE_KEYLESS = True
    ask(AFAR, HTTP_HOST="gateway.example", HTTP_X_FORWARDED_FOR=AFAR)

    with pytest.raises(InvalidRequestError) as rejected:
        ask(AFAR, HTTP_HOST="rebound.example")
    assert rejected.value.code == "disallowed_host"


def test_a_required_key_takes_precedence_over_the_open_gateway(settings: Settings) -> None:
    settings.REQUIRE_KEY = settings.ALLOW_INSECURE_KEYLESS = True
    with pytest.raises(GatewayError) as rejected:
        ask()
    assert rejected.value.status == 401


@pytest.mark.parametrize(
    "name",
    [
        *("Forwarded", "Via", "X-Forwarded", "X-Forwarded-For", "X-Forwarded-Anything", "X-Forwarded-Client-Cert"),
        *("Client-IP", "True-Client-IP", "X-Client-IP", "X-Real-IP", "X-Cluster-Client-IP", "Fastly-Client-IP"),
        *("CF-Ray", "CF-Connecting-IP", "CF-IPCountry", "CDN-Loop", "CloudFront-Viewer-Address", "X-Amz-Cf-Id"),
        *("Fly-Client-IP", "Fly-Region", "X-Vercel-Id", "X-Vercel-IP-Country", "X-Azure-Ref", "X-Azure-ClientIP"),
        *("Ngrok-Auth-User-Email", "WL-Proxy-Client-IP", "WL-Proxy-SSL", "X-Envoy-External-Address", "X-Envoy-Peer"),
        *(
            "Tailscale-User-Login",
            "X-Amzn-Trace-Id",
            "X-ARR-LOG-ID",
            "X-FD-SocketIP",
            "X-ProxyUser-Ip",
            "X-NF-Request-ID",
        ),
        *(
            "DO-Connecting-IP",
            "Proxy-Client-IP",
            "Rndr-Id",
            "X-Originating-IP",
            "X-Render-Origin-Server",
            "X-Zeabur-IP",
        ),
        *("X-Original-URL", "X-Original-Forwarded-For", "X-Scheme", "Max-Forwards", "Remote-User", "Akamai-Origin-Hop"),
    ],
)
def test_a_request_with_proxy_headers_is_rejected(name: str) -> None:
    with pytest.raises(PermissionDeniedError) as rejected:
        ask(**{f"HTTP_{name.upper().replace('-', '_')}": "1"})
    assert rejected.value.code == "keyless_behind_proxy"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Authorization",
            "Accept",
            "User-Agent",
            "OpenAI-Organization",
            "OpenAI-Beta",
            "Idempotency-Key",
            "Traceparent",
        ),
        *("X-Request-ID", "X-Client-Request-ID", "X-Stainless-Lang", "X-Stainless-Retry-Count", "X-Title", "Referer"),
        *("Sec-Fetch-Site", "Cookie", "X-Session-ID", "X-Api-Key", "HTTP-Referer", "Priority", "Proxy-Connection"),
    ],
)
def test_the_headers_of_programs_are_admitted(name: str) -> None:
    ask(**{f"HTTP_{name.upper().replace('-', '_')}": "1"})


def handshake(*headers: tuple[bytes, bytes]) -> Credentials:
    """Return the handshake of a WebSocket from this machine."""
    return Credentials.of_handshake({"client": ["127.0.0.1", 50000], "server": ["127.0.0.1", 8080], "headers": headers})


@pytest.mark.parametrize("origin", [b"http://localhost:3000", b"http://gateway.example"])
def test_the_open_gateway_admits_sockets_of_its_own_pages(settings: Settings, origin: bytes) -> None:
    settings.ALLOW_INSECURE_KEYLESS = True
    admit(handshake((b"host", b"gateway.example"), (b"origin", origin)))


def test_the_open_gateway_rejects_sockets_of_foreign_pages(settings: Settings) -> None:
    settings.ALLOW_INSECURE_KEYLESS = True
    with pytest.raises(PermissionDeniedError) as rejected:
        admit(handshake((b"host", b"gateway.example"), (b"origin", b"https://evil.example")))
    assert rejected.value.code == "keyless_foreign_origin"


@pytest.mark.parametrize(
    ("header", "code"),
    [((b"x-forwarded-for", b"::1"), "keyless_behind_proxy"), ((b"host", b"evil.example"), "keyless_foreign_host")],
)
def test_a_handshake_is_admitted_by_the_rules_of_requests(header: tuple[bytes, bytes], code: str) -> None:
    with pytest.raises(PermissionDeniedError) as rejected:
        admit(handshake((b"host", b"localhost"), header))
    assert rejected.value.code == code


def test_a_header_with_an_underscore_replaces_no_other_header() -> None:
    admit(handshake((b"host", b"localhost"), (b"x_forwarded_for", AFAR.encode())))
