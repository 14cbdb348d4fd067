"""Reading a prompt: the values that stand in it, and the fields of a schema that they belong to."""
