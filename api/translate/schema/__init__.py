"""JSON Schema as clients write it to JSON Schema as Gemini takes it in `parametersJsonSchema` and `responseJsonSchema`.

Gemini takes most of it, so a schema is handed on as the client's own object wherever that is possible (rules 41, 111;
`accepted`). Otherwise each node is read into facts (`reading`), which says in one place all that holds for a value
there, its `allOf` and what its `$ref` leads to included, and written anew from them (`writing`). The narrower meaning
is kept wherever Gemini's keywords can say it; what they cannot say is left out and named in a note (`findings`). Only
schema nodes are touched: the names of properties, enum values and defaults are not keywords (rule 52). References stay
references, but for those that must be combined with something else (rule 51).
"""

from collections.abc import Mapping
from typing import Any

from api.json.schema_references import References
from api.translate.request.context import RequestContext
from api.translate.schema.accepted import is_taken
from api.translate.schema.findings import Findings, refusal
from api.translate.schema.writing import Writer

Schema = Mapping[str, Any]


def schema_to_gemini(schema: Schema, *, param: str, context: RequestContext) -> Schema:
    """Return the schema as Gemini takes it, the same object if it takes it as it is; changes are noted under `param`.

    Raises InvalidRequestError naming `param` if a `$ref` leads nowhere, if no value fits the schema, or if its
    references expand to a multiple of its size.

    {"$schema": "...", "type": "object", "properties": {"const": {"const": "a"}}}
    {"type": "object", "properties": {"const": {"enum": ["a"]}}}
    """
    references: list[str] = []
    if is_taken(schema, references):
        _check(references, schema, param)
        return schema
    findings = Findings(param)
    rewritten = Writer(schema, findings).whole()
    findings.note(context)
    return rewritten


def _check(references: list[str], schema: Schema, param: str) -> None:
    """Refuse a `$ref` to nothing: Gemini refuses it too, and does not say which parameter was wrong."""
    resolver = References(schema) if references else None
    for reference in dict.fromkeys(references):
        if resolver is not None and resolver.resolve(reference) is None:
            raise refusal(param, "a '$ref' points to nothing in the schema")
