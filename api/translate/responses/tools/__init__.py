"""Tools of the Responses API to the form that every dialect shares."""
