"""The parts of OpenAI's wire format that several endpoints share: JSON bodies, validation, options, errors, usage."""
