"""Thought signatures hold for the family of the model that made them, and may hold for its account only (rules 34, 35):
what of a stored answer another model, or another account, is sent.
"""

from collections.abc import Callable
from typing import NamedTuple

from api.gemini.wire import Content
from api.notes import Note
from api.translate.signatures import unsigned


class Signer(NamedTuple):
    """Who made a stored answer: the upstream model and the account, both "" for what a client sent."""

    model: str
    account: str


# The content of a stored answer, who made it, its path in the request -> what of it may be sent.
Fit = Callable[[Content, Signer, str], Content]


def fit_for(family: str, account: str, family_of: Callable[[str], str], notes: list[Note]) -> Fit:
    """Return the rule that takes the signatures off what another family or account made, and notes it in `notes`."""

    def fit(content: Content, signer: Signer, path: str) -> Content:
        reason = ""
        if signer.model and family_of(signer.model) != family:
            reason = "made by a model of another family"
        elif signer.account and signer.account != account:
            reason = "made under another account"
        bare = unsigned(content) if reason else content
        if bare is not content:
            notes.append(Note("dropped", f"{path}.thought_signature", reason))
        return bare

    return fit
