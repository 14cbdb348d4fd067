"""The event loop of `serve`: uvloop where it is installed, under Twisted's asyncio reactor.

Daphne installs a reactor on a loop of the standard library as soon as it is imported, unless there is one already; so
this comes first, before Django loads its apps. Without uvloop (Windows, PyPy) nothing is done: Daphne's choice stands.
"""

import importlib.util
import sys


def install_fast_loop() -> bool:
    """Install Twisted's reactor on a uvloop loop; returns whether that was possible."""
    if importlib.util.find_spec("uvloop") is None or "twisted.internet.reactor" in sys.modules:
        return False
    import uvloop
    from twisted.internet import asyncioreactor

    asyncioreactor.install(uvloop.new_event_loop())
    return True
