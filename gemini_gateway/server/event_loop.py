"""The event loop of `serve`: uvloop where installed, under Twisted's asyncio reactor.

The import of Daphne installs a reactor on a loop of the standard library, unless a reactor is installed. This module
must therefore run before Django loads its apps. Without uvloop (Windows, PyPy) the module does nothing.
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
