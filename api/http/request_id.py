"""Names for what comes into being: short, unique, unguessable."""

import os
import time


def new_request_id() -> str:
    """Return the id of one HTTP exchange: `req_`, the milliseconds since 1970 as 12 hexadecimal digits, 20 random ones.

    Ids that grow go to the end of the database's index instead of to a page anywhere in it.
    """
    return f"req_{time.time_ns() // 1_000_000:012x}{os.urandom(10).hex()}"
