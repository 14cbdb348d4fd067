"""The WebSocket endpoint of the Responses API, a consumer of Channels."""
