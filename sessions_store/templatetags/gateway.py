"""Template filters of the admin pages: numbers formatted for operators."""

from django import template

from sessions_store.admin.display import formats

register = template.Library()

register.filter("usd", formats.usd)
register.filter("exact_usd", formats.exact_usd)
register.filter("usd_per_million", formats.usd_per_million)
register.filter("count", formats.count)
register.filter("milliseconds", formats.milliseconds)
register.filter("share", formats.share)
