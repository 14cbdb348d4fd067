"""Tools of the Responses API to the tools that every dialect shares."""
