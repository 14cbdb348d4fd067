"""Roll-ups of usage records by minute, hour and day."""
