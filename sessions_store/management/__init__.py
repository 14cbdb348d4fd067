"""Management commands for stored data."""
