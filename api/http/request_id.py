"""Request ids."""

import os
import time


def new_request_id() -> str:
    """Return a request id: `req_`, the milliseconds since 1970 as 12 hexadecimal digits, 20 random ones.

    Ids that grow are appended to the end of the database's index, which is cheaper than random places.
    """
    return f"req_{time.time_ns() // 1_000_000:012x}{os.urandom(10).hex()}"
