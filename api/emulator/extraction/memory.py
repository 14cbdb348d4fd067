"""Facts and statements of the conversation, and their lookup by a question."""

import re
from collections.abc import Iterator

import orjson

from api.emulator.conversation import READ_AT_MOST, Conversation, as_read
from api.emulator.extraction.reading import keywords, sentences

# Maximum number of looked-up questions per prompt; each one searches the whole conversation.
MAX_QUESTIONS = 20
_ABOUT_ME = re.compile(
    r"\bmy ([\w ]+?) (?:is|are|was) (?:called |named )?([^.!?,;\n]+)|"
    r"\b(?:call me|i am called|my name's) ([^.!?,;\n]+)",
    re.I,
)
_I_AM = re.compile(r"\b(?:I am|I['\u2019]m) ([A-Z][\w'-]*)\b")
_FACT_QUESTION = re.compile(
    r"\b(?:what|which|who|where|when|how old)(?:['\u2019]s| is| are| was|) my ([\w ]+?)(?:\?|\.|,|$| again)", re.I
)
_USER_MESSAGE_QUESTION = re.compile(
    r"\bi (?:just |first )?(?:say|said|ask|asked|write|wrote)(?: you)?(?: first| last| before| earlier)?\s*\?|"
    r"\bmy (?:first|last|previous) (?:message|question)\b",
    re.I,
)
_MODEL_MESSAGE_QUESTION = re.compile(
    r"\byou (?:just )?(?:say|said|answer|answered|reply|replied|tell|told)\b|"
    r"\byour (?:last|previous) (?:answer|message|reply)\b",
    re.I,
)
_PREFIX = re.compile(r"^(?:\[Gemini emulator\]\s*)")


def is_question(sentence: str) -> bool:
    """Whether a sentence is a question."""
    opening = r"(?:what|which|who|where|when|why|how|do|does|did|can|could|is|are|tell me)\b"
    return sentence.endswith("?") or bool(re.match(opening, sentence, re.I))


def facts_in(text: str) -> dict[str, str]:
    """Return the facts about the speaker in a text: `{"name": "Ada", "favourite colour": "green"}`."""
    facts = {}
    for sentence in sentences(text):
        if is_question(sentence):
            continue
        for match in _ABOUT_ME.finditer(sentence):
            key, value = (match[1], match[2]) if match[1] else ("name", match[3])
            facts[key.strip().lower()] = re.split(r"\s+(?:and|but)\s+(?:my|i)\b", value, flags=re.I)[0].strip()
        for match in _I_AM.finditer(sentence):
            facts.setdefault("name", match[1])
    return facts


def recalled(conversation: Conversation) -> str:
    """Return the reply to a question about earlier messages; "" if the prompt is not such a question."""
    questions = [entry for entry in sentences(conversation.prompt) if is_question(entry)][:MAX_QUESTIONS]
    finders = (_quoted_back, _own_fact, _matching_statement)
    return next((found for entry in questions for finder in finders if (found := finder(conversation, entry))), "")


def _quoted_back(conversation: Conversation, sentence: str) -> str:
    """ "What did I just say?", "What was my first message?", "What did you say?" """
    if _MODEL_MESSAGE_QUESTION.search(sentence):
        model_texts = [message.text for message in conversation.messages if message.role == "model" and message.text]
        return f"I said: “{_PREFIX.sub('', model_texts[-1])}”" if model_texts else "I have not said anything yet."
    if not _USER_MESSAGE_QUESTION.search(sentence):
        return ""
    statements = list(conversation.earlier_user_texts())
    if not statements:
        return "This is your first message."
    return f"You said: “{statements[0] if 'first' in sentence.lower() else statements[-1]}”"


def _own_fact(conversation: Conversation, sentence: str) -> str:
    """ "What is my name?", "Who am I?": a fact about the user; the newest statement counts."""
    found = _FACT_QUESTION.search(sentence)
    key = "name" if re.search(r"\bwho am i\b", sentence, re.I) else found[1].strip().lower() if found else ""
    if not key:
        return ""
    facts: dict[str, str] = {}
    for text in [conversation.system, *conversation.earlier_user_texts(), conversation.prompt]:
        facts |= facts_in(text)
    wanted = keywords(key)
    for known, value in reversed(facts.items()):
        if wanted and wanted <= keywords(known):
            return f"Your {known} is {value}."
    statement = _matching_statement(conversation, sentence)
    return statement or f"You have not told me your {key} in this conversation."


def _matching_statement(conversation: Conversation, sentence: str) -> str:
    """Return the earlier statement that shares most words with a question."""
    wanted = keywords(sentence)
    best, score = "", 0
    for statement in _statements(conversation):
        shared = len(wanted & keywords(statement))
        if shared and shared >= score:
            best, score = statement, shared
    return f"As you told me: “{best}”" if best else ""


def _statements(conversation: Conversation) -> Iterator[str]:
    """Yield all earlier statements, oldest first: of the system, the user and functions."""
    yield from (entry for entry in sentences(conversation.system) if not is_question(entry))
    for message in conversation.messages:
        if message.role != "user":
            continue
        for result in message.results:
            yield f"{result['name']} returned {shown(result.get('response', {}))}"[:READ_AT_MOST]
        yield from (entry for entry in sentences(as_read(message.text)) if not is_question(entry))


def shown(response: object) -> str:
    """Return a function's result as text: a single value as it is, several as `name: value`."""
    if isinstance(response, dict):
        if len(response) == 1:
            return shown(next(iter(response.values())))
        return ", ".join(f"{key}: {shown(value)}" for key, value in response.items()) or "nothing"
    if isinstance(response, str):
        return response
    return orjson.dumps(response).decode()


def results_in_words(conversation: Conversation) -> str:
    """Return the functions' results since the current prompt, each result as a sentence."""
    return "\n".join(f"{shown(result.get('response', {}))}." for _, result in conversation.calls_with_results if result)
