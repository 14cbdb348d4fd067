"""Resources that the requests of one process share: bytes, worker threads, memory, session locks."""
