"""The HTTP edge of the API: the ASGI handler, request and response classes, the base view, errors, address forms."""
