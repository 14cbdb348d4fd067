"""What the pages of keys show: snippets of code, cost and use."""
