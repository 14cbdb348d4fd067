"""The output of the emulated model: text, thoughts, function calls and JSON, a pure function of the request."""
