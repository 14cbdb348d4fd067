"""Management commands for stored data, one module each."""
