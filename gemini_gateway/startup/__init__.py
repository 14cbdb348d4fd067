"""What a process needs before it serves: secrets, private files, address, upstream, key check."""
