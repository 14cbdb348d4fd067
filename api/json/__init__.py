"""JSON independent of any API: repair of invalid text, references within a schema."""
