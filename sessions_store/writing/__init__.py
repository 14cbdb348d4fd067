"""Group commit: records of exchanges from the event loop, written by one thread in one transaction per batch."""
