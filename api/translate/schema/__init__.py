"""JSON Schema as clients write it to the JSON Schema of Gemini's `parametersJsonSchema` and `responseJsonSchema`.

Gemini accepts most JSON Schemas, so the client's own object is sent wherever possible (rules 41, 111; `accepted`). Any
other schema is rewritten in two steps. `reading` combines all constraints on one value, including `allOf` and `$ref`
targets, into facts. `writing` writes facts in Gemini's keywords. The rewritten schema keeps the narrower meaning
wherever Gemini has a keyword; `findings` notes every keyword that is left out. Property names, enum values and defaults
are not keywords and stay unchanged (rule 52). A reference stays a reference, unless it must be combined with other
keywords (rule 51).
"""

from collections.abc import Mapping
from typing import Any

from api.json.schema_references import References
from api.translate.request.context import RequestContext
from api.translate.schema.accepted import is_accepted
from api.translate.schema.findings import Findings, rejection
from api.translate.schema.writing import Writer

Schema = Mapping[str, Any]


def schema_to_gemini(schema: Schema, *, param: str, context: RequestContext) -> Schema:
    """Return the schema in the form that Gemini accepts: the same object if no change is needed.

    Changes are noted under `param`. Raises InvalidRequestError naming `param` if a `$ref` has no target, if no value
    matches the schema, or if the references expand to a multiple of the schema's size.

    {"$schema": "...", "type": "object", "properties": {"const": {"const": "a"}}}
    {"type": "object", "properties": {"const": {"enum": ["a"]}}}
    """
    references: list[str] = []
    if is_accepted(schema, references):
        _check(references, schema, param)
        return schema
    findings = Findings(param)
    rewritten = Writer(schema, findings).whole()
    findings.note(context)
    return rewritten


def _check(references: list[str], schema: Schema, param: str) -> None:
    """Reject a `$ref` without a target. Gemini rejects it too, but does not name the parameter."""
    resolver = References(schema) if references else None
    for reference in dict.fromkeys(references):
        if resolver is not None and resolver.resolve(reference) is None:
            raise rejection(param, "a '$ref' points to nothing in the schema")
