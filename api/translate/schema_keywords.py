"""The keywords of JSON Schema, sorted by what Gemini makes of them.

What Gemini documents (https://ai.google.dev/api/generate-content#generationconfig, `responseJsonSchema`), and what
recorded requests had accepted beside that: `default`, `minLength`, `maxLength`, `pattern`, `uniqueItems`.
"""

TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})

# Taken as they are.
PLAIN_KEYWORDS = frozenset(
    {
        "$id",
        "$ref",
        "$anchor",
        "type",
        "format",
        "title",
        "description",
        "enum",
        "minItems",
        "maxItems",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "pattern",
        "uniqueItems",
        "default",
        "required",
        "propertyOrdering",
    }
)

# Taken, and holding one schema, a list of schemas or named schemas.
SCHEMA_KEYWORDS = frozenset({"items", "additionalProperties"})
LIST_KEYWORDS = frozenset({"anyOf", "oneOf", "prefixItems"})
MAP_KEYWORDS = frozenset({"properties", "$defs"})

# These say nothing about the value: leaving them out is no loss and makes no note.
SILENT_KEYWORDS = frozenset({"$schema", "$comment", "$vocabulary"})

# Keywords that a note names when they are left out; a client's own inventions are not repeated in headers.
STANDARD_KEYWORDS = frozenset(
    {
        "$dynamicAnchor",
        "$dynamicRef",
        "allOf",
        "contains",
        "contentEncoding",
        "contentMediaType",
        "contentSchema",
        "dependencies",
        "dependentRequired",
        "dependentSchemas",
        "deprecated",
        "discriminator",
        "else",
        "example",
        "examples",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "externalDocs",
        "if",
        "maxContains",
        "maxProperties",
        "minContains",
        "minProperties",
        "multipleOf",
        "not",
        "patternProperties",
        "propertyNames",
        "readOnly",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
        "writeOnly",
        "xml",
    }
)
