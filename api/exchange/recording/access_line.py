"""The access line of an exchange, from its usage row."""

from api.access_log import level_of, log_request, logger
from api.errors import GatewayError
from api.exchange.accounting import Accounting
from sessions_store.writing.records import UsageRow


def log_exchange(usage: UsageRow, accounting: Accounting, cost_nano: int | None, *, lost: GatewayError | None) -> None:
    """Write the line of an exchange. `cost_nano` is None if the commit has not returned it; `lost` is the error of a
    client whose response could not be recorded.
    """
    if lost is None or usage.http_status >= 400:
        status, code = usage.http_status, usage.error_code
    else:
        status, code = lost.status, lost.code or lost.type
    if not logger.isEnabledFor(level_of(status)):
        return
    log_request(
        usage.endpoint,
        status,
        {
            "request_id": usage.request_id,
            "key": accounting.caller.key,
            "project": accounting.caller.project,
            "public_model": usage.public_model,
            "upstream_model": usage.upstream_model,
            "outcome": usage.status,
            "code": code,
            "stream": usage.stream,
            "ttft_ms": usage.first_byte_ms,
            "latency_ms": usage.latency_ms,
            "prompt_tokens": usage.prompt_tokens,
            "cached_tokens": usage.cached_tokens,
            "completion_tokens": usage.completion_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
            "cost_nano": cost_nano,
            "attempts": usage.attempts,
            "notes": len(usage.notes),
            "peer": accounting.peer,
        },
    )
