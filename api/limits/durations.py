"""Durations in the form of Go's `time.Duration.String`, as in OpenAI's headers and messages: `12ms`, `1.574s`, `6m0s`.

https://pkg.go.dev/time#Duration.String
"""


def go_duration(milliseconds: int) -> str:
    """Return a duration in Go's form."""
    if milliseconds <= 0:
        return "0s"
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    seconds, fraction = divmod(rest, 1000)
    text = f"{seconds}.{fraction:03}".rstrip("0").rstrip(".") + "s"
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text
