"""The HTTP edge that views are made of: the ASGI handler, requests, responses, errors, addresses."""
