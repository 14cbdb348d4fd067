"""Roll-ups of usage by minute, hour and day."""
