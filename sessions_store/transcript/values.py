"""The values that the translation and the store share about messages: roles, places in a request, estimates.

Plain Python: the translation, which is pure, imports this module too.
"""

from typing import Final

INSTRUCTION_ROLES: Final = frozenset({"system", "developer"})
RESULT_ROLES: Final = frozenset({"tool", "function"})

# In a placement, which tells for each message its index in the `contents` of the upstream body: sent as a system
# instruction, and not sent at all.
SYSTEM: Final = -1
OMITTED: Final = -2

# Estimates: what a token of text has on average.
BYTES_PER_TOKEN: Final = 4
