"""The rules that Google applies to a well-formed request, with Google's texts; each breach is a GoogleError."""

from typing import Any

from api.emulator.conversation import Conversation
from api.emulator.models import Model
from api.emulator.rules.cached import check_cached
from api.emulator.rules.contents import check_contents
from api.emulator.rules.generation import check_generation
from api.emulator.rules.thoughts import check_signatures, check_thinking
from api.emulator.rules.tools import check_tools


def check_rules(
    request: dict[str, Any], model: Model, *, foreign_signatures: bool = False, vertex: bool = False
) -> Conversation:
    """The conversation of a GenerateContentRequest that `model` accepts; raises GoogleError otherwise."""
    conversation = Conversation(request)
    check_contents(conversation, model)
    check_generation(conversation, model)
    check_thinking(conversation.config, model)
    check_tools(conversation, model, vertex=vertex)
    check_cached(request)
    check_signatures(conversation, model, foreign=foreign_signatures)
    return conversation
