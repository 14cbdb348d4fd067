"""Computation of a prompt's sums by the declared arithmetic functions, one operation per call."""

from dataclasses import dataclass
from typing import Any

from api.emulator.conversation import Conversation
from api.emulator.extraction.arithmetic import Operand, Operation, applied, sums
from api.emulator.extraction.declarations import Declaration, properties_of
from api.emulator.extraction.enums import chosen
from api.emulator.extraction.filling import kind_of
from api.emulator.extraction.reading import Number, keywords, numbers

_SIGNS = {
    "+": keywords("add adder addition plus sum"),
    "-": keywords("subtract subtraction minus difference"),
    "*": keywords("multiply multiplication times product"),
    "/": keywords("divide division quotient"),
    "^": keywords("power exponent exponentiate pow"),
}
_OPERATION_WORDS = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "^": "power"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function for an operation: where its operands go (one list or two numbers), and its name for the operation."""

    name: str
    operands: tuple[str, ...]
    whole: bool
    operation: tuple[str, Any] | None = None

    def args(self, left: Number, right: Number) -> dict[str, Any]:
        """The arguments for two operands."""
        values = [int(value) if self.whole or float(value).is_integer() else value for value in (left, right)]
        chosen_one = dict([self.operation]) if self.operation else {}
        if len(self.operands) == 1:
            return chosen_one | {self.operands[0]: values}
        return chosen_one | dict(zip(self.operands, values, strict=True))


def sum_calls(conversation: Conversation, offered: list[Declaration]) -> tuple[list[dict[str, Any]], str]:
    """Return the calls that the prompt's sums need now, and the prompt without those sums."""
    tools = {sign: tool for sign in _SIGNS if (tool := _tool_for(sign, offered))}
    rest = conversation.prompt
    if not tools:
        return [], rest
    steps = _Steps(tools, conversation)
    for entry in reversed(sums(rest)):
        if steps.value(entry.tree) is None or steps.used:
            rest = f"{rest[: entry.start]} {rest[entry.end :]}"
        steps.used = False
    return list(reversed(steps.calls)), rest


def _tool_for(sign: str, offered: list[Declaration]) -> Tool | None:
    return next((tool for entry in offered if (tool := _as_tool(sign, entry))), None)


def _as_tool(sign: str, declaration: Declaration) -> Tool | None:
    """Return the function as a tool for an operation; None if it is not one."""
    properties = properties_of(declaration)
    counted = [name for name, entry in properties.items() if kind_of(entry) in {"integer", "number"}]
    lists = [
        name
        for name, entry in properties.items()
        if kind_of(entry) == "array" and kind_of(entry.get("items") or {}) in {"integer", "number"}
    ]
    operands = tuple(counted[:2]) if len(counted) >= 2 else tuple(lists[:1])
    if not operands:
        return None
    whole = len(counted) >= 2 and all(kind_of(properties[name]) == "integer" for name in operands)
    if keywords(declaration["name"]) & _SIGNS[sign]:
        return Tool(name=declaration["name"], operands=operands, whole=whole)
    for name, entry in properties.items():
        value = chosen(entry["enum"], _OPERATION_WORDS.get(sign, ""), sign) if entry.get("enum") else None
        if value is not None:
            return Tool(name=declaration["name"], operands=operands, whole=whole, operation=(name, value))
    return None


class _Steps:
    """The values of sums so far: an operation with a function has a value only after its call."""

    def __init__(self, tools: dict[str, Tool], conversation: Conversation) -> None:
        self.tools = tools
        self.calls_with_results = [(call, result) for call, result in conversation.calls_with_results if result]
        self.calls: list[dict[str, Any]] = []
        self.used = False

    def value(self, operand: Operand) -> Number | None:
        """Return the value of an operand; None while its call is open, or if it cannot be computed."""
        if not isinstance(operand, Operation):
            return operand
        left, right = self.value(operand.left), self.value(operand.right)
        if left is None or right is None:
            return None
        tool = self.tools.get(operand.sign)
        if tool is None or (tool.whole and not (float(left).is_integer() and float(right).is_integer())):
            return _applied(operand.sign, left, right)
        self.used = True
        args = tool.args(left, right)
        call = {"name": tool.name, "args": args}
        for made, result in self.calls_with_results:
            if made["name"] == tool.name and made.get("args") == args:
                found = numbers(str(list((result or {}).get("response", {}).values())))
                return found[-1] if found else _applied(operand.sign, left, right)
        if call not in self.calls:
            self.calls.append(call)
        return None


def _applied(sign: str, left: Number, right: Number) -> Number | None:
    try:
        return applied(sign, left, right)
    except ArithmeticError:
        return None
