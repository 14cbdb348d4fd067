"""Lines of a CSV file, with cells that spreadsheets do not evaluate."""

import csv
from collections.abc import Sequence
from typing import Any

# Spreadsheets evaluate a cell with one of these first characters as a formula (CSV injection).
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class _Echo:
    """A file for csv.writer whose `write` returns the line."""

    def write(self, line: str) -> str:
        return line


_writer = csv.writer(_Echo())


def csv_line(values: Sequence[Any]) -> str:
    """Return one line of the file."""
    return str(_writer.writerow([_cell(value) for value in values]))


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value.isoformat() if hasattr(value, "isoformat") else value
