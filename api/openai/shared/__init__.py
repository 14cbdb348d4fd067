"""Parts of OpenAI's wire that several endpoints share: JSON bodies, validation, options, errors, usage."""
