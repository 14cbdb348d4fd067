"""Database access below the ORM: cursors, statements, reads on the event loop, health."""
