"""The emulator as an ASGI program: routes, connections, its process, the scripts and the journal of tests."""
