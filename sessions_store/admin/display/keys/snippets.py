"""Code examples with a client key, or with a placeholder for a key."""

from typing import Final

from django.http import HttpRequest

PLACEHOLDER: Final = "$GATEWAY_KEY"
_MODEL: Final = "gpt-4"
_PYTHON: Final = """from openai import OpenAI

client = OpenAI(
    base_url="{base}",
    api_key={key},
)
completion = client.chat.completions.create(
    model="{model}",
    messages=[{{"role": "user", "content": "Hello!"}}],
)
print(completion.choices[0].message.content)"""


def key_snippets(request: HttpRequest, key: str = "", model: str = "") -> list[tuple[str, str]]:
    """Return (title, text) of the examples, with the base URL of this page.

    Without a key, the examples read it from the environment variable GATEWAY_KEY.
    """
    base, model = request.build_absolute_uri("/v1"), model or _MODEL
    curl = (
        f"curl {base}/chat/completions \\\n"
        f'  -H "Authorization: Bearer {key or PLACEHOLDER}" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"""  -d '{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello!"}}]}}'"""
    )
    given = f'"{key}"' if key else 'os.environ["GATEWAY_KEY"]'
    python = ("" if key else "import os\n") + _PYTHON.format(base=base, key=given, model=model)
    return [("curl", curl), ("Python", python)]


def admin_key_snippets(request: HttpRequest, key: str) -> list[tuple[str, str]]:
    """Return (title, text) of the examples with an admin key."""
    base = request.build_absolute_uri("/v1")
    return [("curl", f'curl {base}/organization/projects \\\n  -H "Authorization: Bearer {key}"')]
