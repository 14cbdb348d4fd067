"""The project: configuration, start and stop, server, pages. Nothing imports it."""
