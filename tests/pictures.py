"""Requests with pictures of any size, for the tests of what memory they take."""

import base64
import http.client
import json
import os
from typing import Any

from tests.exchanges import CHAT, GEMINI_3, JSON
from tests.server_process import ServerProcess


def picture(size: int) -> str:
    """A data URL of about `size` characters."""
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + os.urandom(size * 3 // 4)).decode()


def picture_body(size: int, **changes: Any) -> bytes:
    """A chat request with a picture of about `size` characters."""
    content = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": picture(size)}}]
    return json.dumps({"model": GEMINI_3, "messages": [{"role": "user", "content": content}], **changes}).encode()


def post(server: ServerProcess, body: bytes, path: str = CHAT) -> http.client.HTTPResponse:
    """The response to a request on a connection of its own, read to its end."""
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    try:
        client.request("POST", path, body, JSON)
        response = client.getresponse()
        response.read()
        return response
    finally:
        client.close()
