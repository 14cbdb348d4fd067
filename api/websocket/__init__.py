"""What speaks WebSocket, through Channels."""
