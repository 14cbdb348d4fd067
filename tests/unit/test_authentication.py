"""Who is admitted without a key, decided from what a request says about where it comes from."""

from typing import Any

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from api.authentication import admit_keyless
from api.errors import AuthenticationError, GatewayError, InvalidRequestError, PermissionDeniedError

LOCAL = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost"}
AFAR = "203.0.113.9"


def admit(**meta: Any) -> None:
    """Ask for the models from this machine, but for what `meta` says."""
    admit_keyless(RequestFactory().get("/v1/models", **{**LOCAL, **meta}))


@pytest.fixture(autouse=True)
def keyless(settings: Settings) -> None:
    """The settings of a fresh checkout, whatever the environment of the tests says."""
    settings.REQUIRE_KEY = False
    settings.ALLOW_INSECURE_KEYLESS = False
    settings.ALLOWED_HOSTS = ["localhost", "gateway.example"]


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1", ""])
def test_a_peer_on_this_machine_is_admitted(peer: str) -> None:
    admit(REMOTE_ADDR=peer)


@pytest.mark.parametrize(
    "peer", [AFAR, "10.0.0.1", "::ffff:203.0.113.9", "2001:db8::1", "localhost", "127.0.0.1.example"]
)
def test_a_peer_elsewhere_is_refused_whatever_host_it_names(peer: str) -> None:
    with pytest.raises(PermissionDeniedError) as refused:
        admit(REMOTE_ADDR=peer)
    assert refused.value.code == "keyless_not_local"


@pytest.mark.parametrize("host", ["localhost:8080", "[::1]", "[::1]:8080", "LOCALHOST"])
def test_local_names_are_admitted(host: str) -> None:
    admit(HTTP_HOST=host)


@pytest.mark.parametrize(
    "host", ["", "[::1", "[::1]x", "[::1]:x", "localhost:x", "localhost,evil.example", "localhost\tx"]
)
def test_what_is_no_plain_host_is_refused(host: str) -> None:
    with pytest.raises(PermissionDeniedError) as refused:
        admit(HTTP_HOST=host)
    assert refused.value.code == "keyless_foreign_host"


def test_an_operator_can_demand_keys_even_here(settings: Settings) -> None:
    settings.REQUIRE_KEY = True
    with pytest.raises(AuthenticationError):
        admit()


def test_the_open_gateway_answers_anybody_by_its_own_names(settings: Settings) -> None:
    settings.ALLOW_INSECURE_KEYLESS = True
    admit(REMOTE_ADDR=AFAR, HTTP_HOST="gateway.example", HTTP_X_FORWARDED_FOR=AFAR)

    with pytest.raises(InvalidRequestError) as refused:
        admit(REMOTE_ADDR=AFAR, HTTP_HOST="rebound.example")
    assert refused.value.code == "disallowed_host"


def test_a_demanded_key_outweighs_the_open_gateway(settings: Settings) -> None:
    settings.REQUIRE_KEY = settings.ALLOW_INSECURE_KEYLESS = True
    with pytest.raises(GatewayError) as refused:
        admit()
    assert refused.value.status == 401


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
def test_what_a_proxy_leaves_is_refused(name: str) -> None:
    with pytest.raises(PermissionDeniedError) as refused:
        admit(**{f"HTTP_{name.upper().replace('-', '_')}": "1"})
    assert refused.value.code == "keyless_behind_proxy"


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
def test_what_programs_send_by_themselves_is_admitted(name: str) -> None:
    admit(**{f"HTTP_{name.upper().replace('-', '_')}": "1"})
