"""The API's description made strict: an answer may hold no field that is not described. Clients get the open one, so
that a field that is added breaks nobody.
"""

from typing import Any

from api.openapi.schemas import REF


def close_answers(document: dict[str, Any]) -> dict[str, Any]:
    """Close every object that an answer can hold, in place, and return the document."""
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
