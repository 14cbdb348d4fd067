"""Decides which of the offered functions a prompt asks for, and with which arguments.

A clause asks for a function when it shares words with the function's name, or enough with its description. Clauses
joined by "then" are steps, taken one after the other; others become parallel calls.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from api.gemini.emulator.answers.filling import Filler, kind_of
from api.gemini.emulator.answers.reading import keywords, names, quoted
from api.gemini.emulator.conversation import Conversation

Declaration = dict[str, Any]
_STEPS = re.compile(r"\b(?:and then|then|after that|afterwards|finally)\b[,:]?", re.I)
# A comma joins clauses, except before the code of a state or country: "San Francisco, CA".
_COMMA = r"(?:(?-i:(?<=[A-Z]),)|,(?!\s*(?-i:[A-Z]{2}\b)))\s*(?:and\s+)?"
_CLAUSES = re.compile(rf"(?<=[.!?;])\s+|\n+|{_COMMA}|\s+and\s+(?:also\s+)?", re.I)
MIN_DESCRIPTION_WORDS = 2


@dataclass(slots=True, kw_only=True)
class Wish:
    """One call to make: the function, and the words of the prompt that ask for it."""

    declaration: Declaration
    clauses: list[str] = field(default_factory=list)


def parameters_of(declaration: Declaration) -> dict[str, Any]:
    """The schema of the arguments, in whichever language it was declared."""
    schema = declaration.get("parametersJsonSchema") or declaration.get("parameters") or {}
    return schema if isinstance(schema, dict) else {}


def calls_for(conversation: Conversation) -> list[dict[str, Any]]:
    """The function calls (`name`, `args`) that answer the conversation now; empty when text is the answer."""
    offered = _offered(conversation)
    mode = conversation.calling.get("mode", "AUTO")
    if not offered or mode == "NONE":
        return []
    steps = [entry for entry in _STEPS.split(conversation.prompt) if entry.strip()]
    taken = len(conversation.steps)
    clause = steps[taken] if taken < len(steps) else ""
    wishes = _wishes(clause, offered) if clause else []
    if not wishes and mode == "ANY":
        best = max(offered, key=lambda entry: _score(keywords(conversation.prompt), entry))
        wishes = [Wish(declaration=best, clauses=[clause or conversation.prompt])]
    return [_call(wish) for wish in wishes]


def _offered(conversation: Conversation) -> list[Declaration]:
    allowed = frozenset(conversation.calling.get("allowedFunctionNames") or ())
    return [entry for entry in conversation.declarations if not allowed or entry["name"] in allowed]


def _score(said: set[str], declaration: Declaration) -> int:
    """How much a clause speaks of a function; 0 when too little to call it."""
    by_name = len(keywords(declaration["name"]) & said)
    by_description = len(keywords(declaration.get("description", "")) & said)
    if not by_name and by_description < MIN_DESCRIPTION_WORDS:
        return 0
    return 3 * by_name + by_description


def _wishes(text: str, offered: list[Declaration]) -> list[Wish]:
    """Parallel calls: each clause asks for a function, or goes on with the one before it."""
    wishes: list[Wish] = []
    opening: list[str] = []
    for clause in (entry for entry in _CLAUSES.split(text) if entry.strip()):
        named = [entry for entry in offered if entry["name"] in clause]
        said = keywords(clause)
        best = max(offered, key=lambda entry: _score(said, entry))
        asked = named or ([best] if _score(said, best) else [])
        if asked and not _continues(wishes, asked[0], clause):
            wishes.extend(Wish(declaration=entry, clauses=[*opening, clause]) for entry in asked)
            opening = []
        elif not wishes:
            opening.append(clause)
        elif _is_another(wishes[-1], clause):
            wishes.append(Wish(declaration=wishes[-1].declaration, clauses=[clause]))
        else:
            wishes[-1].clauses.append(clause)
    return wishes


def _continues(wishes: list[Wish], declaration: Declaration, clause: str) -> bool:
    """Whether a clause only says more about the call before it: same function, and nothing new to call it for."""
    return bool(wishes) and wishes[-1].declaration is declaration and not _is_another(wishes[-1], clause)


def _is_another(wish: Wish, clause: str) -> bool:
    """Whether a further clause names another thing to do the same for: "... in Paris", "London".

    That is so when the function takes one text to act on, the call has its own, and the clause brings another.
    """
    schema = parameters_of(wish.declaration)
    properties = schema.get("properties") or {}
    required = schema.get("required") or list(properties)[:1]
    texts = [
        name
        for name in required
        if isinstance(properties.get(name), dict)
        and kind_of(properties[name]) == "string"
        and not properties[name].get("enum")
    ]
    if len(texts) != 1 or any(kind_of(entry) == "array" for entry in properties.values() if isinstance(entry, dict)):
        return False
    return _has_thing(clause) and _has_thing(" ".join(wish.clauses))


def _has_thing(text: str) -> bool:
    return bool(names(text) or quoted(text))


def _call(wish: Wish) -> dict[str, Any]:
    text = " and ".join(clause.strip() for clause in wish.clauses).rstrip(" .!?")
    schema = parameters_of(wish.declaration)
    args = Filler(schema, text, complete=False).fill() if schema else {}
    return {"name": wish.declaration["name"], "args": args if isinstance(args, dict) else {}}
