"""Template filters of the admin pages: numbers formatted for operators, and cells with the name of their column."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst

from sessions_store.admin.display import formats

register = template.Library()

CELL = re.compile(r"<t[hd]\b")

register.filter("usd", formats.usd)
register.filter("usd4", formats.usd4)
register.filter("exact_usd", formats.exact_usd)
register.filter("usd_per_million", formats.usd_per_million)
register.filter("count", formats.count)
register.filter("milliseconds", formats.milliseconds)
register.filter("share", formats.share)


@register.filter
def labelled(cells: Sequence[str], headers: Sequence[Mapping[str, Any]]) -> Iterator[SafeString]:
    """Yield the cells of a row of Django's changelist with `data-label`, the column's name: a narrow window shows a row
    as a card without the head of the table.
    """
    for cell, header in zip(cells, headers, strict=True):
        # The checkbox column has markup for a name.
        label = "" if "action-checkbox" in header.get("class_attrib", "") else capfirst(str(header["text"]))
        yield mark_safe(CELL.sub(rf'\g<0> data-label="{escape(label)}"', cell, count=1))  # noqa: S308 - Django's own cell
