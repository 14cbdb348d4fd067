"""Preparation of a process before it serves: secrets, private files, address, upstream, key check."""
