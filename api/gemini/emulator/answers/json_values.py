"""Answers in JSON: a value of the schema that was given, or a plain object where none was."""

import re
from typing import Any

import orjson

from api.gemini.emulator.answers.filling import Filler
from api.gemini.emulator.answers.memory import shown
from api.gemini.emulator.answers.reading import names, numbers, quoted, sentences
from api.gemini.emulator.answers.text import MARK, text_for
from api.gemini.emulator.conversation import READ_AT_MOST, Conversation


def json_for(conversation: Conversation) -> str:
    """The JSON text of the answer, fields in the schema's order (`propertyOrdering` first)."""
    schema = conversation.response_schema
    if not isinstance(schema, dict) or not schema:
        named = _keys_named(conversation.prompt)
        value: Any = {key: f"emulated {key}" for key in named} or {
            "emulator": MARK,
            "prompt": conversation.prompt,
            "answer": _plain_answer(conversation),
        }
    else:
        value = Filler(schema, _source(conversation), complete=True, answer=text_for(conversation)).fill()
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def enum_for(conversation: Conversation) -> str:
    """The one value of the schema's enum that the prompt speaks of, as plain text."""
    return str(Filler(conversation.response_schema, _source(conversation), complete=True).fill())


def _keys_named(prompt: str) -> list[str]:
    """The keys that a prompt without a schema asks for: "a JSON object with 'setup' and 'punchline' keys"."""
    asking = (entry for entry in sentences(prompt) if re.search(r"\b(?:keys?|fields?|properties)\b", entry, re.I))
    return [key for sentence in asking for key in quoted(sentence)]


def _plain_answer(conversation: Conversation) -> str:
    return text_for(conversation).removeprefix(MARK).strip()


def _source(conversation: Conversation) -> str:
    """The text that values are taken from: the prompt and function results; earlier messages if it holds nothing."""
    told = " ".join(shown(result.get("response", {})) for result in conversation.results)[:READ_AT_MOST]
    text = f"{conversation.prompt} {told}".strip()
    if names(text) or numbers(text) or quoted(text):
        return text
    return " ".join([text, *reversed(list(conversation.said_by_user()))])[: len(text) + READ_AT_MOST]
