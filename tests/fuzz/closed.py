"""The strict OpenAPI document: a response may have described fields only. Clients get the open document, so that new
fields are compatible.
"""

from typing import Any

from api.openapi.schemas import REF


def close_answers(document: dict[str, Any]) -> dict[str, Any]:
    """Forbid additional fields in every object of responses, in place, and return the document."""
    components = document["components"]
    waiting: list[Any] = [components["responses"]]
    waiting += [operation["responses"] for path in document["paths"].values() for operation in path.values()]
    seen: set[str] = set()
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            name = str(value.get("$ref", "")).removeprefix(REF)
            if name in components["schemas"] and name not in seen:
                seen.add(name)
                waiting.append(components["schemas"][name])
            if value.get("type") == "object" and "properties" in value:
                value.setdefault("additionalProperties", False)
            waiting += value.values()
    return document
