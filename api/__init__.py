"""Everything that speaks OpenAI's or Gemini's protocol; owns no tables."""
