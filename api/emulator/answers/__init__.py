"""What the emulated model says: text, thoughts, function calls and JSON, all a function of the request alone."""
