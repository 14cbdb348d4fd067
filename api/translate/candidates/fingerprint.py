"""OpenAI's `system_fingerprint`, a hash of Gemini's model version."""

from functools import lru_cache
from hashlib import blake2b


@lru_cache(maxsize=256)
def system_fingerprint(model_version: str | None) -> str | None:
    """Return `fp_` and ten hexadecimal digits, equal for equal versions on every server; None without a version."""
    if not model_version:
        return None
    return f"fp_{blake2b(model_version.encode('utf-8', 'surrogatepass'), digest_size=5).hexdigest()}"
