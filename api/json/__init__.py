"""JSON apart from any dialect: repair of invalid text, references inside a schema."""
