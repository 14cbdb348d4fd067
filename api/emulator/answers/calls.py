"""Selection of the functions to call now, and of their arguments.

The prompt's steps ("..., then ...") are called in order, sums one operation at a time. A function waits until another
function has returned its missing arguments. Under a required mode, the function for the final output comes last.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from api.emulator.answers.text import HANDOFF, known_answer, text_for
from api.emulator.answers.tool_sums import sum_calls
from api.emulator.answers.wishes import Wish, wishes_in
from api.emulator.conversation import Conversation
from api.emulator.extraction.declarations import (
    Declaration,
    is_answer,
    is_class,
    is_named,
    parameters_of,
    properties_of,
    required_of,
    score,
    searches,
    tells,
)
from api.emulator.extraction.filling import Filler
from api.emulator.extraction.memory import is_question, results_in_words, shown
from api.emulator.extraction.reading import keywords, meanings, sentences
from api.emulator.extraction.supply import Supply, field_of

Call = dict[str, Any]
_STEPS = re.compile(r"\b(?:and then|then|after that|afterwards|finally)\b[,:]?", re.I)
_USES_TOOLS = re.compile(
    r"\b(?:use|using|call|invoke|with)\s+(?:the|a|an|your|any|one of the|this)\s+(?:\w+\s+)?(?:tools?|functions?)\b",
    re.I,
)
_ORDERS = re.compile(r"\b(?:always|first|must|should|use|call|start)\b", re.I)
_DEPENDS = re.compile(r"\b(?:if|when|whenever|unless|can|may|for|asked|need(?:ed)?)\b", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A call with its arguments; `lacking` names the arguments without a certain value in the prompt."""

    call: Call
    lacking: list[str]


def draft(declaration: Declaration, text: str, **options: Any) -> Draft:
    """Return a call with arguments filled from a text; `options` are those of `Filler`."""
    filler = Filler(parameters_of(declaration), text, **options)
    args = filler.fill() if filler.root else {}
    call = {"name": declaration["name"], "args": args if isinstance(args, dict) else {}}
    return Draft(call=call, lacking=[*filler.invented, *filler.supply.guessed])


def calls_for(conversation: Conversation) -> list[Call]:
    """Return the function calls (`name`, `args`) for the conversation's current state; empty if the output is text."""
    return _Choice(conversation).calls()


class _Choice:
    """The declared functions, and the calls since the prompt."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        mode = conversation.calling.get("mode", "AUTO")
        allowed = frozenset(conversation.calling.get("allowedFunctionNames") or ())
        offered = [entry for entry in conversation.declarations if not allowed or entry["name"] in allowed]
        self.offered: list[Declaration] = [] if mode == "NONE" else offered
        self.required = mode == "ANY"
        self.called = {call["name"] for call, _ in conversation.answered}
        self.answers = [entry for entry in self.offered if is_answer(entry) or (self.required and is_class(entry))]
        self.actions = [entry for entry in self.offered if entry not in self.answers]

    def calls(self) -> list[Call]:
        """Return the calls for now: those in the prompt, else those of the system instruction or of the mode."""
        if not self.offered:
            return []
        found = self.asked() if self.actions else []
        if found or not self.required:
            return found or self.answer_if_known()
        return [self.demanded()]

    def asked(self) -> list[Call]:
        """Return the calls that the prompt requests and that were not made yet."""
        computing, rest = sum_calls(self.conversation, self.actions)
        plan = [wishes for step in _STEPS.split(rest) if step.strip() and (wishes := wishes_in(step, self.actions))]
        if not plan and not computing and not self.called:
            plan = [hinted] if (hinted := self.hinted(rest)) else []
        step = self.next_step(plan)
        if computing:
            return [*computing, *(self.filled(step) if len(plan) == 1 and not self.called else [])]
        return self.filled(step) or self.followed()

    def next_step(self, plan: list[list[Wish]]) -> list[Wish]:
        """Return the first step without any call yet, in the order of the calls made."""
        at = 0
        for names in ({call["name"] for call in calls} for calls in self.conversation.steps):
            if at < len(plan) and any(wish.declaration["name"] in names for wish in plan[at]):
                at += 1
        return plan[at] if at < len(plan) else []

    def hinted(self, prompt: str) -> list[Wish]:
        """Return calls for a prompt without a function's name: "use the tool to ...", the system instruction,
        look-ups.
        """
        found = [entry for entry in self.actions if self.is_ordered(entry) or self.is_fitted(entry, prompt)]
        asks = any(is_question(sentence) for sentence in sentences(prompt))
        if not found and _USES_TOOLS.search(prompt):
            found = [self.best(self.actions)]
        elif not found and asks and not known_answer(self.conversation):
            found = [entry for entry in self.actions if searches(entry)][:1]
        return [Wish(declaration=entry, clauses=[prompt]) for entry in found]

    def is_ordered(self, declaration: Declaration) -> bool:
        """Whether the system instruction always requires the call; only for functions without required arguments."""
        if required_of(declaration):
            return False
        return any(
            _ORDERS.search(part) and (is_named(declaration, part) or score(keywords(part), declaration) >= 3)
            for part in _unconditional(self.conversation.system)
        )

    def is_fitted(self, declaration: Declaration, prompt: str) -> bool:
        """Whether the prompt mentions each required argument of the function, with a value."""
        said, required = keywords(prompt), required_of(declaration)
        named = bool(required) and all(keywords(name) & said for name in required)
        return named and not draft(declaration, prompt).lacking

    def best(self, among: list[Declaration]) -> Declaration:
        """Return the function that matches the prompt best, else the one whose arguments it fills best."""
        if len(among) == 1:
            return among[0]
        said, text = meanings(self.conversation.prompt), self.known()
        return max(among, key=lambda entry: (score(said, entry), -len(draft(entry, text, complete=True).lacking)))

    def filled(self, wishes: list[Wish]) -> list[Call]:
        """Return the calls for wishes. A call that needs another function's result is postponed."""
        told = [shown((result or {}).get("response", {})) for _, result in self.conversation.answered if result]
        calls: list[Call] = []
        for index, wish in enumerate(wishes):
            own = told[index] if len(told) == len(wishes) else " ".join(told)
            made = draft(wish.declaration, wish.text, context=self.conversation.prompt)
            if made.lacking:
                made = self.teller(wish, made.lacking) or made
            if made.lacking and own:
                made = draft(wish.declaration, f"{wish.text}. {own}", context=self.conversation.prompt)
            if made.call not in calls:
                calls.append(made.call)
        return calls

    def teller(self, wish: Wish, fields: list[str]) -> Draft | None:
        """Return a call of another function that returns the missing fields and has all its own arguments."""
        for entry in self.actions:
            if entry["name"] in {wish.declaration["name"], *self.called} or not tells(entry, fields):
                continue
            made = draft(entry, wish.text)
            if not made.lacking and not made.call["args"].keys() & set(fields):
                return made
        return None

    def followed(self) -> list[Call]:
        """Return a call of a function that the prompt mentions and that takes the results as input ("... in
        celsius").
        """
        told = results_in_words(self.conversation)
        said = keywords(self.conversation.prompt)
        for entry in self.actions if told else []:
            if entry["name"] in self.called or HANDOFF.match(entry["name"]) or not keywords(entry["name"]) & said:
                continue
            if args := _labelled_args(entry, told):
                return [{"name": entry["name"], "args": args}]
        return []

    def answer_if_known(self) -> list[Call]:
        """Return the optional call for the final output, if the prompt has all its arguments."""
        for entry in self.answers:
            made = draft(entry, self.known())
            if entry["name"] not in self.called and required_of(entry) and not made.lacking:
                return [made.call]
        return []

    def demanded(self) -> Call:
        """Return the single call of a required mode: a function not called yet, the one for the final output last."""
        fresh = [entry for entry in self.offered if entry["name"] not in self.called]
        answers = [entry for entry in fresh if entry in self.answers] or self.answers
        entry = self.best(answers or fresh or self.offered)
        if self.called and not answers:
            entry = (fresh or self.offered)[-1]
        if entry in self.answers or len(self.offered) == 1:
            answer = text_for(self.conversation)
            call = draft(entry, self.known(), answer=answer, complete=entry in self.answers).call
        else:
            answer, call = "", draft(entry, self.conversation.prompt).call
        if properties_of(entry) and all(value is None for value in call["args"].values()):
            return draft(entry, self.known(), answer=answer, complete=True, eager=True).call
        return call

    def known(self) -> str:
        """The prompt and the functions' results."""
        return f"{self.conversation.prompt}\n{results_in_words(self.conversation)}".rstrip(" .!?\n")


def _unconditional(system: str) -> Iterator[str]:
    """Yield each sentence up to its first condition ("If ...", "... when asked")."""
    for sentence in sentences(system):
        yield from takewhile(lambda part: not _DEPENDS.search(part), re.split(r",|\s+and\s+", sentence))


def _labelled_args(declaration: Declaration, told: str) -> dict[str, Any]:
    """Return the required arguments if each is a number beside its name in the text; else {}."""
    supply, properties = Supply(told), properties_of(declaration)
    fields = {name: field_of(name, properties.get(name, {}), set()) for name in required_of(declaration)}
    found = {name: supply.labelled_number(wanted) for name, wanted in fields.items()}
    return {} if None in found.values() else found
