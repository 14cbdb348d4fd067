"""A client that does not read its response: a limited buffer for a limited time."""

import http.client
import re
import socket
from collections.abc import Callable

import pytest

from tests.server_process import ServerProcess

pytestmark = pytest.mark.serve


def test_a_client_that_never_reads_is_disconnected_and_the_application_is_notified(
    plain_server: ServerProcess, connect: Callable[[ServerProcess], socket.socket]
) -> None:
    connection = connect(plain_server)
    connection.sendall(b"GET /flood/64 HTTP/1.1\r\nHost: a\r\n\r\n")

    sent = int(plain_server.wait_for(r"flood ended after (\d+) bytes")[1])

    # The outbound budget is 1 MB; the kernel's socket buffers have the rest.
    assert sent < 16 * 1024 * 1024
    assert re.search("did not read the response", plain_server.log)


def test_a_client_that_reads_gets_the_whole_response(plain_server: ServerProcess) -> None:
    client = http.client.HTTPConnection("127.0.0.1", plain_server.port, timeout=30)
    client.request("GET", "/flood/8")

    assert len(client.getresponse().read()) == 8 * 1024 * 1024
    client.close()
