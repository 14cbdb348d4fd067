"""The settings of a key that reject a request: strict parameters, and storage.

A strict key rejects what other keys get with a note in `x-gateway-notes`.
"""

from collections.abc import Iterable
from typing import Final

from api.errors import InvalidRequestError
from api.notes import Note
from sessions_store.accounts.policy import Policy

# The kinds of notes that a strict key rejects: the request would lose something. A mapped or converted parameter
# keeps its meaning.
_LOSSES: Final = frozenset({"dropped", "clamped"})
# Notes that are about no parameter of this request: state of earlier responses, and the omission that `truncation`
# requests.
_NO_PARAMETER: Final = (".thought_signature", ".encrypted_content")
_TRUNCATION: Final = "input"
NOT_STORED: Final = "The settings of this API key permit no stored content"


def refuse_losses(policy: Policy, notes: Iterable[Note]) -> None:
    """Raise InvalidRequestError for a strict key if a parameter was dropped or clamped; the error names the first."""
    if not policy.strict:
        return
    for kind, param, reason in notes:
        if kind not in _LOSSES or param == _TRUNCATION or param.endswith(_NO_PARAMETER):
            continue
        if param.startswith("remembered["):
            continue
        raise InvalidRequestError(
            f"The parameter '{param}' would be {kind} ({reason}). The settings of this API key reject such parameters.",
            param=param,
            code="unsupported_parameter",
        )


def require_storage(policy: Policy, param: str) -> None:
    """Raise InvalidRequestError, naming `param`, if the policy permits no stored objects."""
    if not policy.store or policy.content != "full":
        raise InvalidRequestError(f"{NOT_STORED}: '{param}' cannot be used.", param=param, code="storage_not_allowed")
