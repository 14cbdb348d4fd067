"""Media that clients name by URL: fetched under limits, and only from public addresses."""
