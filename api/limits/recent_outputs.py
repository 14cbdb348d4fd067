"""The output tokens of recent responses per public model: the expected output of a request that sets no limit."""

from collections import OrderedDict, deque
from typing import Final

LEAST: Final = 256
MOST: Final = 4096
# For a model without recent responses.
UNKNOWN: Final = 1024
SAMPLES: Final = 128
# The percentile is computed after so many new responses.
EVERY: Final = 8
MAX_MODELS: Final = 1024


class _Model:
    __slots__ = ("expected", "new", "outputs")

    def __init__(self) -> None:
        self.outputs: deque[int] = deque(maxlen=SAMPLES)
        self.new = 0
        self.expected = UNKNOWN


class RecentOutputs:
    """The last outputs of each public model, and their 90th percentile, from 256 to 4096 tokens."""

    def __init__(self) -> None:
        self._models: OrderedDict[str, _Model] = OrderedDict()

    def expected(self, public_model: str) -> int:
        """Return the number of output tokens to expect of one choice."""
        model = self._models.get(public_model)
        return UNKNOWN if model is None else model.expected

    def add(self, public_model: str, tokens: int) -> None:
        """Add the output of one choice."""
        model = self._models.get(public_model)
        if model is None:
            if len(self._models) >= MAX_MODELS:
                self._models.popitem(last=False)
            model = self._models[public_model] = _Model()
        model.outputs.append(tokens)
        model.new += 1
        if model.new >= EVERY or len(model.outputs) < EVERY:
            model.new = 0
            ordered = sorted(model.outputs)
            percentile = ordered[min(len(ordered) * 9 // 10, len(ordered) - 1)]
            model.expected = min(max(percentile, LEAST), MOST)
