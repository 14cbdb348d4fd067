"""The project's management commands, one module each."""
