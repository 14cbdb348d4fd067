"""Objects that clients stored or continue: responses, conversations, completions, chat sessions."""
