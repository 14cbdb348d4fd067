"""Text output: a list of skills, tried in order; the first one that matches the prompt generates the text."""

import re
from collections.abc import Callable

from api.emulator.conversation import Conversation
from api.emulator.extraction.arithmetic import Sum, computed, shown_number, sums
from api.emulator.extraction.memory import facts_in, recalled, shown
from api.emulator.extraction.places import capital_questions
from api.emulator.extraction.reading import NUMBER_WORDS, numbers, quoted, sentences

MARK = "[Gemini emulator]"
MAX_COUNT = 1000
LISTS = {
    "colo": ["red", "green", "blue", "yellow", "orange", "purple", "brown", "pink", "grey", "white"],
    "fruit": ["apple", "banana", "cherry", "grape", "lemon", "mango", "orange", "peach", "pear", "plum"],
    "animal": ["ant", "bear", "cat", "dog", "elephant", "fox", "goat", "horse", "lion", "owl"],
    "cit": ["Paris", "London", "Berlin", "Tokyo", "Rome", "Madrid", "Lagos", "Lima", "Oslo", "Cairo"],
    "planet": ["Mercury", "Venus", "Earth", "Mars", "Jupiter", "Saturn", "Uranus", "Neptune"],
    "language": ["Python", "Go", "Rust", "Java", "Kotlin", "Swift", "Ruby", "C", "Haskell", "Elixir"],
    "name": ["Ada", "Alan", "Grace", "Edsger", "Barbara", "Donald", "Frances", "Ken", "Radia", "Linus"],
}
_EQUATION = re.compile(
    r"(?<![\w.])(?P<factor>-?\d*(?:\.\d+)?) ?\*? ?(?P<unknown>[a-z])(?: ?(?P<sign>[+-]) ?(?P<shift>\d+(?:\.\d+)?))?"
    r" ?= ?(?P<value>-?\d+(?:\.\d+)?)(?![\w.]*\w)"
)
_NUMERAL = r"-?\d+(?:\.\d+)?|" + "|".join(NUMBER_WORDS)
# A call of one of these functions transfers the conversation; its result needs no output.
HANDOFF = re.compile(r"transfer_to_|hand_?off", re.I)


def text_for(conversation: Conversation, *, variant: int = 0) -> str:
    """Return the text, marked as the emulator's. Further candidates (`variant`) state their number."""
    text = skill_text(conversation) or _echo(conversation)
    persona = sentences(conversation.system)[:1]
    if persona:
        text += f" (I was instructed: “{persona[0][:100]}”)"
    if variant:
        text += f" (This is candidate {variant + 1}.)"
    return f"{MARK} {text}"


def skill_text(conversation: Conversation) -> str:
    """Return the text of the first matching skill; "" without one."""
    return next(filter(None, (skill(conversation) for skill in _SKILLS)), "")


def _tool_results(conversation: Conversation) -> str:
    if not conversation.results:
        return ""
    results = [result for _, result in conversation.calls_with_results if result and not HANDOFF.match(result["name"])]
    parts = [f"{result['name']} returned {shown(result.get('response', {})).rstrip(' .')}." for result in results]
    return "Here is what I found: " + " ".join(parts) if parts else ""


def _greeting(conversation: Conversation) -> str:
    opening = r"(hello|hi|hey|good (morning|evening|afternoon)|greetings|hola|bonjour)\b"
    if not re.match(opening, conversation.prompt, re.I):
        return ""
    name = facts_in(conversation.prompt).get("name")
    rest = len(conversation.prompt.split()) > 6 and not name
    return "" if rest else f"Hello{', ' + name if name else ''}! How can I help you today?"


def _saying(conversation: Conversation) -> str:
    """ "Say this is a test", "Reply with exactly: pong", "Repeat after me: ..." """
    pattern = (
        r"(?:please\s+)?(?:say|repeat(?: after me)?|echo|(?:reply|respond|answer)(?: only)? with)"
        r"(?:\s+(?:exactly|only|just|the words?|the text|back))*\s*:?\s+(.+)"
    )
    found = re.match(pattern, conversation.prompt, re.I | re.S)
    if not found:
        return ""
    words = quoted(found[1])
    plain = re.sub(r"\s+(?:in (?:one|a single|\w+) words?|and nothing else)\W*$", "", found[1].strip(), flags=re.I)
    return words[0] if words else re.split(r"(?<=[.!?])\s+(?=[A-Z])", plain)[0]


def _counting(conversation: Conversation) -> str:
    if not re.search(r"\bcount\b", conversation.prompt, re.I):
        return ""
    found = [entry for entry in numbers(conversation.prompt) if isinstance(entry, int)][:2]
    if not found:
        return ""
    first, last = (1, found[0]) if len(found) == 1 else (found[0], found[1])
    step = 1 if last >= first else -1
    counted = range(first, last + step, step)[:MAX_COUNT]
    return ", ".join(str(entry) for entry in counted) + "."


def _arithmetic(conversation: Conversation) -> str:
    return " ".join(_in_words(entry) for entry in sums(conversation.prompt))


def _in_words(entry: Sum) -> str:
    try:
        return f"{entry.text} = {shown_number(computed(entry.tree))}."
    except ZeroDivisionError:
        return "Nothing can be divided by zero."
    except ArithmeticError:
        return f"{entry.text} is too large a number for me."


def _equation(conversation: Conversation) -> str:
    """ "8x + 7 = -23" """
    found = _EQUATION.search(" ".join(conversation.prompt.split()))
    if not found:
        return ""
    factor = {"": 1.0, "-": -1.0}.get(found["factor"]) or float(found["factor"])
    shift = float(f"{found['sign']}{found['shift']}") if found["sign"] else 0.0
    value = (float(found["value"]) - shift) / factor if factor else 0.0
    return f"{found['unknown']} = {shown_number(value)}." if factor else ""


def _capital(conversation: Conversation) -> str:
    countries = capital_questions(conversation.prompt)
    return " ".join(f"The capital of {known.country} is {known.capital.rstrip('.')}." for known in countries)


def _listing(conversation: Conversation) -> str:
    pattern = rf"\b(?:list|name|give me|tell me)\b\D{{0,80}}?\b({_NUMERAL})\s+(?:[\w-]+\s+)?([a-z]+)"
    found = re.search(pattern, conversation.prompt, re.I)
    if not found:
        return ""
    count = min(int(NUMBER_WORDS.get(found[1].lower(), 0) or float(found[1])), 50)
    thing = found[2].lower()
    supply = next((entries for key, entries in LISTS.items() if thing.startswith(key)), [])
    items = [supply[index] if index < len(supply) else f"{thing} {index + 1}" for index in range(count)]
    return "\n".join(f"{index + 1}. {item}" for index, item in enumerate(items))


def _story(conversation: Conversation) -> str:
    pattern = r"\b(story|tale|poem|essay|paragraph|article|letter)\b(?:\s+(?:about|of|on)\s+([^.!?\n]+))?"
    found = re.search(pattern, conversation.prompt, re.I)
    if not found or not re.search(r"\b(tell|write|compose|give)\b", conversation.prompt, re.I):
        return ""
    hero = (found[2] or "a small program").strip()
    return (
        f"Here is a {found[1].lower()} about {hero}. Once upon a time there was {hero}, in a quiet machine by the sea. "
        "Every morning a question came in, and every morning an answer went out. One day the questions stopped, and it "
        "was so still that even the clock seemed to listen. So the story was told to nobody at all, slowly, word after "
        "word. Somebody far away heard the last sentence and smiled. Since then the questions have come back, and the "
        "answers with them. The end."
    )


def _verse(conversation: Conversation) -> str:
    """ "Tell me a joke about cats", "Write a haiku about recursion." """
    found = re.search(r"\b(joke|haiku)\b(?:\s+(?:about|on)\s+([^.!?,\n]+))?", conversation.prompt, re.I)
    if not found:
        return ""
    hero = (found[2] or "the small program").strip()
    if found[1].lower() == "joke":
        return f"Why did {hero} cross the road? To get to the other side."
    return f"A quiet morning,\n{hero} and an open page,\nthe answer returns."


def _learning(conversation: Conversation) -> str:
    facts = facts_in(conversation.prompt)
    if "name" in facts:
        return f"Nice to meet you, {facts['name']}! I will remember that."
    if facts:
        return " ".join(f"I will remember that your {key} is {value}." for key, value in facts.items())
    found = re.search(r"\bremember\b(?: that)?:?\s+([^.!?\n]+)", conversation.prompt, re.I)
    return f"I will remember {found[1].strip()}." if found and not conversation.prompt.endswith("?") else ""


def _seeing(conversation: Conversation) -> str:
    if not conversation.media:
        return ""
    count = len(conversation.media)
    seen = f"I see {count} attachment{'s' if count > 1 else ''}: {', '.join(conversation.media)}."
    return f"{seen} You wrote: “{conversation.prompt}”"


def _echo(conversation: Conversation) -> str:
    earlier = sum(1 for message in conversation.messages if message.role == "user" and message.text) - 1
    if not conversation.prompt:
        return "I am ready. What would you like to talk about?"
    shortened = conversation.prompt if len(conversation.prompt) <= 400 else conversation.prompt[:400] + "…"
    memory = f" I also remember your {earlier} earlier message{'s' if earlier > 1 else ''}." if earlier > 0 else ""
    return f"You wrote: “{shortened}” I am a local stand-in for Gemini, so this answer is made up.{memory}"


_SKILLS: tuple[Callable[[Conversation], str], ...] = (
    _tool_results,
    _seeing,
    _saying,
    _greeting,
    _counting,
    _arithmetic,
    _equation,
    _capital,
    recalled,
    _learning,
    _story,
    _verse,
    _listing,
)
