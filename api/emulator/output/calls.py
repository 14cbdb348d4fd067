"""Selection of the functions to call now, and of their arguments.

The prompt's steps ("..., then ...") are called in order, sums one operation at a time. A function waits until another
function has returned its missing arguments. Under a required mode, the function for the final output comes last.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from api.emulator.conversation import Conversation
from api.emulator.extraction.declarations import (
    Declaration,
    is_class,
    is_named,
    parameters_of,
    properties_of,
    provides,
    required_of,
    score,
    searches,
    takes_output,
)
from api.emulator.extraction.filling import Filler
from api.emulator.extraction.memory import is_question, results_in_words, shown
from api.emulator.extraction.reading import keywords, meanings, sentences
from api.emulator.extraction.supply import Supply, field_of
from api.emulator.output.requested_calls import RequestedCall, requested_calls_in
from api.emulator.output.text import HANDOFF, skill_text, text_for
from api.emulator.output.tool_sums import sum_calls

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
        self.called = {call["name"] for call, _ in conversation.calls_with_results}
        self.output_functions = [
            entry for entry in self.offered if takes_output(entry) or (self.required and is_class(entry))
        ]
        self.actions = [entry for entry in self.offered if entry not in self.output_functions]

    def calls(self) -> list[Call]:
        """Return the calls for now: those in the prompt, else those of the system instruction or of the mode."""
        if not self.offered:
            return []
        found = self.prompt_calls() if self.actions else []
        if found or not self.required:
            return found or self.output_call_if_complete()
        return [self.required_call()]

    def prompt_calls(self) -> list[Call]:
        """Return the calls that the prompt requests and that were not made yet."""
        computing, rest = sum_calls(self.conversation, self.actions)
        plan = [
            wanted_calls
            for step in _STEPS.split(rest)
            if step.strip() and (wanted_calls := requested_calls_in(step, self.actions))
        ]
        if not plan and not computing and not self.called:
            plan = [implied_calls] if (implied_calls := self.implied_calls(rest)) else []
        step = self.next_step(plan)
        if computing:
            return [*computing, *(self.filled(step) if len(plan) == 1 and not self.called else [])]
        return self.filled(step) or self.chained_call()

    def next_step(self, plan: list[list[RequestedCall]]) -> list[RequestedCall]:
        """Return the first step without any call yet, in the order of the calls made."""
        at = 0
        for names in ({call["name"] for call in calls} for calls in self.conversation.steps):
            if at < len(plan) and any(requested.declaration["name"] in names for requested in plan[at]):
                at += 1
        return plan[at] if at < len(plan) else []

    def implied_calls(self, prompt: str) -> list[RequestedCall]:
        """Return calls for a prompt without a function's name: "use the tool to ...", the system instruction,
        look-ups.
        """
        found = [entry for entry in self.actions if self.is_ordered(entry) or self.has_all_arguments(entry, prompt)]
        asks = any(is_question(sentence) for sentence in sentences(prompt))
        if not found and _USES_TOOLS.search(prompt):
            found = [self.best(self.actions)]
        elif not found and asks and not skill_text(self.conversation):
            found = [entry for entry in self.actions if searches(entry)][:1]
        return [RequestedCall(declaration=entry, clauses=[prompt]) for entry in found]

    def is_ordered(self, declaration: Declaration) -> bool:
        """Whether the system instruction always requires the call; only for functions without required arguments."""
        if required_of(declaration):
            return False
        return any(
            _ORDERS.search(part) and (is_named(declaration, part) or score(keywords(part), declaration) >= 3)
            for part in _unconditional(self.conversation.system)
        )

    def has_all_arguments(self, declaration: Declaration, prompt: str) -> bool:
        """Whether the prompt mentions each required argument of the function, with a value."""
        words, required = keywords(prompt), required_of(declaration)
        named = bool(required) and all(keywords(name) & words for name in required)
        return named and not draft(declaration, prompt).lacking

    def best(self, among: list[Declaration]) -> Declaration:
        """Return the function that matches the prompt best, else the one whose arguments it fills best."""
        if len(among) == 1:
            return among[0]
        words, text = meanings(self.conversation.prompt), self.known()
        return max(among, key=lambda entry: (score(words, entry), -len(draft(entry, text, complete=True).lacking)))

    def filled(self, wanted_calls: list[RequestedCall]) -> list[Call]:
        """Return the calls for requested calls. A call that needs another function's result is postponed."""
        results = [
            shown((result or {}).get("response", {})) for _, result in self.conversation.calls_with_results if result
        ]
        calls: list[Call] = []
        for index, requested in enumerate(wanted_calls):
            own = results[index] if len(results) == len(wanted_calls) else " ".join(results)
            made = draft(requested.declaration, requested.text, context=self.conversation.prompt)
            if made.lacking:
                made = self.provider_call(requested, made.lacking) or made
            if made.lacking and own:
                made = draft(requested.declaration, f"{requested.text}. {own}", context=self.conversation.prompt)
            if made.call not in calls:
                calls.append(made.call)
        return calls

    def provider_call(self, requested: RequestedCall, fields: list[str]) -> Draft | None:
        """Return a call of another function that returns the missing fields and has all its own arguments."""
        for entry in self.actions:
            if entry["name"] in {requested.declaration["name"], *self.called} or not provides(entry, fields):
                continue
            made = draft(entry, requested.text)
            if not made.lacking and not made.call["args"].keys() & set(fields):
                return made
        return None

    def chained_call(self) -> list[Call]:
        """Return a call of a function that the prompt mentions and that takes the results as input ("... in
        celsius").
        """
        results = results_in_words(self.conversation)
        words = keywords(self.conversation.prompt)
        for entry in self.actions if results else []:
            if entry["name"] in self.called or HANDOFF.match(entry["name"]) or not keywords(entry["name"]) & words:
                continue
            if args := _labelled_args(entry, results):
                return [{"name": entry["name"], "args": args}]
        return []

    def output_call_if_complete(self) -> list[Call]:
        """Return the optional call for the final output, if the prompt has all its arguments."""
        for entry in self.output_functions:
            made = draft(entry, self.known())
            if entry["name"] not in self.called and required_of(entry) and not made.lacking:
                return [made.call]
        return []

    def required_call(self) -> Call:
        """Return the single call of a required mode: a function not called yet, the one for the final output last."""
        fresh = [entry for entry in self.offered if entry["name"] not in self.called]
        output_functions = [entry for entry in fresh if entry in self.output_functions] or self.output_functions
        entry = self.best(output_functions or fresh or self.offered)
        if self.called and not output_functions:
            entry = (fresh or self.offered)[-1]
        if entry in self.output_functions or len(self.offered) == 1:
            output = text_for(self.conversation)
            call = draft(entry, self.known(), output=output, complete=entry in self.output_functions).call
        else:
            output, call = "", draft(entry, self.conversation.prompt).call
        if properties_of(entry) and all(value is None for value in call["args"].values()):
            return draft(entry, self.known(), output=output, complete=True, eager=True).call
        return call

    def known(self) -> str:
        """The prompt and the functions' results."""
        return f"{self.conversation.prompt}\n{results_in_words(self.conversation)}".rstrip(" .!?\n")


def _unconditional(system: str) -> Iterator[str]:
    """Yield each sentence up to its first condition ("If ...", "... when asked")."""
    for sentence in sentences(system):
        yield from takewhile(lambda part: not _DEPENDS.search(part), re.split(r",|\s+and\s+", sentence))


def _labelled_args(declaration: Declaration, results: str) -> dict[str, Any]:
    """Return the required arguments if each is a number beside its name in the text; else {}."""
    supply, properties = Supply(results), properties_of(declaration)
    fields = {name: field_of(name, properties.get(name, {}), set()) for name in required_of(declaration)}
    found = {name: supply.labelled_number(wanted) for name, wanted in fields.items()}
    return {} if None in found.values() else found
