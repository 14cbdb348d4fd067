"""Constants about messages shared by the translation and the store: roles, indexes in a request, estimates.

Plain Python: the translation is pure and imports this module.
"""

from typing import Final

INSTRUCTION_ROLES: Final = frozenset({"system", "developer"})
RESULT_ROLES: Final = frozenset({"tool", "function"})

# A placement gives for each message its index in the `contents` of the upstream body, or one of these: sent as the
# system instruction, or not sent.
SYSTEM: Final = -1
OMITTED: Final = -2

# An estimate: the average size of a token of text.
BYTES_PER_TOKEN: Final = 4
