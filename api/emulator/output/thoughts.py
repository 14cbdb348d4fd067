"""The thought summary of a thinking model (`includeThoughts`)."""

from api.emulator.conversation import Conversation

MAX_QUOTE = 120


def thoughts_for(conversation: Conversation) -> str:
    """A short summary in Google's form: a bold title and a paragraph."""
    if conversation.results:
        subject = f"The results of {', '.join(result['name'] for result in conversation.results)} have arrived."
    else:
        subject = f"The user wrote “{conversation.prompt[:MAX_QUOTE]}”."
    return (
        f"**Considering the Request**\n\n{subject} I am an emulator, so I will keep the answer simple and exact.\n\n\n"
    )
