"""Objects that clients store or continue: responses, conversations, completions, chat sessions."""
