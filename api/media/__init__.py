"""Media that clients name by URL: downloaded within limits, and from public addresses only."""
