"""What the requests of one process compete for: bytes, worker threads, memory, session locks."""
