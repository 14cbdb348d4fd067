"""OpenAI's Administration API: query strings and bodies parsed, responses as TypedDicts
(https://platform.openai.com/docs/api-reference/administration).
"""
