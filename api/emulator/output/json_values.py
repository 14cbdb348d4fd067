"""JSON output: a value of the request's schema, or a plain object without one."""

import re
from typing import Any

import orjson

from api.emulator.conversation import READ_AT_MOST, Conversation
from api.emulator.extraction.filling import Filler
from api.emulator.extraction.memory import results_in_words
from api.emulator.extraction.places import capital_questions
from api.emulator.extraction.reading import names, numbers, quoted, sentences
from api.emulator.extraction.supply import COUNTS, Supply, field_of
from api.emulator.output.text import MARK, text_for

_KEYS = re.compile(r"\b(?:keys?|fields?|properties)\b:?\s+((?:\w+,\s+(?:and\s+)?|\w+\s+and\s+)*\w+)", re.I)
_KEYS_SENTENCE = re.compile(
    r"[^.!?\n]*\b(?:json|object)\b[^.!?\n]*\b(?:keys?|fields?|properties)\b[^.!?\n]*|"
    r"\b(?:with|as|using)(?: the)?(?: \w+)* (?:keys?|fields?|properties)\b[^.!?\n]*",
    re.I,
)


def json_for(conversation: Conversation) -> str:
    """Return the JSON text, fields in the schema's order (`propertyOrdering` first)."""
    schema = conversation.response_schema
    if not isinstance(schema, dict) or not schema:
        named = _keys_named(conversation.prompt)
        value: Any = _keyed(conversation, named) or {
            "emulator": MARK,
            "prompt": conversation.prompt,
            "answer": _plain_text(conversation),
        } | _capital(conversation)
    else:
        value = Filler(schema, _source(conversation), complete=True, output=text_for(conversation)).fill()
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def enum_for(conversation: Conversation) -> str:
    """The enum value that matches the prompt, as plain text."""
    return str(Filler(conversation.response_schema, _source(conversation), complete=True).fill())


def _keys_named(prompt: str) -> list[str]:
    """The keys in a prompt without a schema: "a JSON object with 'setup' and 'punchline' keys"."""
    asking = [entry for entry in sentences(prompt) if re.search(r"\b(?:keys?|fields?|properties)\b", entry, re.I)]
    named = [key for sentence in asking for key in quoted(sentence)]
    if named:
        return named
    lists = [match[1] for sentence in asking if (match := _KEYS.search(sentence))]
    return [key for entry in lists for key in re.split(r",\s*(?:and\s+)?|\s+and\s+", entry) if key.isidentifier()]


def _keyed(conversation: Conversation, keys: list[str]) -> Any:
    """An object with the named keys, numbers where the text puts one beside the key."""
    text = _KEYS_SENTENCE.sub(" ", _source(conversation))
    supply = Supply(text)
    fields = {key: field_of(key, {}, set()) for key in keys}
    counted = {
        key
        for key, wanted in fields.items()
        if supply.labelled_number(wanted) is not None or (supply.numbers and wanted.about & COUNTS)
    }
    properties = {key: {"type": "number" if key in counted else "string"} for key in keys}
    output = text_for(conversation)
    return Filler({"type": "object", "properties": properties}, text, complete=True, output=output).fill()


def _capital(conversation: Conversation) -> dict[str, str]:
    countries = capital_questions(conversation.prompt)
    return {"country": countries[0].country, "capital": countries[0].capital} if countries else {}


def _plain_text(conversation: Conversation) -> str:
    return text_for(conversation).removeprefix(MARK).strip()


def _source(conversation: Conversation) -> str:
    """The source text of values: the prompt and function results, else earlier messages."""
    results = results_in_words(conversation)[:READ_AT_MOST]
    text = f"{conversation.prompt}\n{results}".strip()
    if names(text) or numbers(text) or quoted(text) or capital_questions(text):
        return text
    return "\n".join([text, *reversed(list(conversation.earlier_user_texts()))])[: len(text) + READ_AT_MOST]
