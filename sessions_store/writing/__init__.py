"""The group commit: records from the event loop, written by one thread in one transaction."""
