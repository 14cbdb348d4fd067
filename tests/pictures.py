"""Requests with pictures of any size, for the memory tests."""

import base64
import http.client
import json
import os
from typing import Any

from tests.exchanges import CHAT, GEMINI_3, JSON
from tests.server_process import ServerProcess


def picture(size: int) -> str:
    """Return a data URL of about `size` characters."""
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + os.urandom(size * 3 // 4)).decode()


def picture_body(size: int, **changes: Any) -> bytes:
    """Return a chat request with a picture of about `size` characters."""
    content = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": picture(size)}}]
    return json.dumps({"model": GEMINI_3, "messages": [{"role": "user", "content": content}], **changes}).encode()


def post(server: ServerProcess, body: bytes, path: str = CHAT) -> http.client.HTTPResponse:
    """Return the complete response to a request on a new connection."""
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    try:
        client.request("POST", path, body, JSON)
        response = client.getresponse()
        response.read()
        return response
    finally:
        client.close()
