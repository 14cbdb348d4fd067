"""Derives `schema.json`, the emulator's compact table of types, from Google's published OpenAPI of the Gemini API.

Run it with the path of the OpenAPI file: `python -m api.emulator.derive_schema gemini-openapi-v1beta.json`.
The table holds field names, types and enum values only, no descriptions, of the messages that the emulated methods
take and give. What Google added after the file was published stands in `ADDITIONS`, with the place it is known from.
"""

import argparse
import json
import re
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("schema.json")

ROOTS = (
    "GenerateContentRequest",
    "GenerateContentResponse",
    "CountTokensRequest",
    "CountTokensResponse",
    "EmbedContentRequest",
    "EmbedContentResponse",
    "BatchEmbedContentsRequest",
    "BatchEmbedContentsResponse",
    "ListModelsResponse",
)

SCALARS = {
    ("string", ""): "string",
    ("string", "byte"): "bytes",
    ("string", "int64"): "int64",
    ("string", "google-duration"): "duration",
    ("string", "google-datetime"): "timestamp",
    ("string", "date-time"): "timestamp",
    ("string", "google-fieldmask"): "string",
    ("integer", "int32"): "int32",
    ("integer", "int64"): "int64",
    ("integer", ""): "int32",
    ("number", "float"): "float",
    ("number", "double"): "double",
    ("number", ""): "double",
    ("boolean", ""): "bool",
}

# The protocol buffer enums that are not nested in the message of their field.
ENUM_NAMES = {
    "Schema.type": "Type",
    "SafetySetting.category": "HarmCategory",
    "SafetySetting.threshold": "SafetySetting.HarmBlockThreshold",
    "GenerationConfig.responseModalities": "GenerationConfig.Modality",
}

# Known from the types of google-genai 3.4.0, newer than the OpenAPI of 2026-08-22.
ADDITIONS: dict[str, dict[str, str]] = {
    "GenerateContentRequest": {"continuationToken": "bytes", "labels": "map<string>"},
    "Part": {"audioTranscription": "Transcription"},
    "Transcription": {"text": "string", "finished": "bool", "languageCode": "string"},
    "FunctionResponsePart": {"fileData": "FileData"},
    "Candidate": {"continuationToken": "bytes"},
}
ENUM_ADDITIONS = {
    "ThinkingConfig.ThinkingLevel": ["XHIGH"],
    "Candidate.FinishReason": ["CONTINUATION", "PUP_LIMITED_DISABLED"],
}

# Vertex AI takes the prompt of countTokens at the top level and knows these names beside Google AI's.
VERTEX: dict[str, dict[str, str]] = {
    "CountTokensRequest": {
        "systemInstruction": "Content",
        "tools": "[]Tool",
        "generationConfig": "GenerationConfig",
        "model": "string",
        "instances": "[]any",
    },
    "GenerateContentRequest": {"modelArmorConfig": "any"},
    "ImageConfig": {"imageOutputOptions": "any", "personGeneration": "string"},
    "EmbedContentRequest": {"autoTruncate": "bool"},
    "Blob": {"displayName": "string"},
    "FileData": {"displayName": "string"},
}


class _Deriver:
    """Collects the root messages and all messages and enums of their fields."""

    def __init__(self, schemas: dict[str, Any]) -> None:
        self.schemas = schemas
        self.types: dict[str, dict[str, str]] = {}
        self.enums: dict[str, list[str]] = {}

    def message(self, name: str) -> None:
        """Add a message and the messages of its fields."""
        if name in self.types or name not in self.schemas:
            return
        fields = self.types[name] = {}
        for field, schema in sorted(self.schemas[name].get("properties", {}).items()):
            fields[field] = self.kind(name, field, schema)

    def kind(self, owner: str, field: str, schema: dict[str, Any]) -> str:
        """The table's word for the type of a field, its list marker included."""
        if "$ref" in schema:
            target = str(schema["$ref"].rsplit("/", 1)[1])
            self.message(target)
            return target
        if "enum" in schema:
            return self.enum(owner, field, schema["enum"])
        if schema.get("type") == "array":
            return "[]" + self.kind(owner, field, schema["items"])
        if schema.get("type") == "object":
            return self.mapping(owner, field, schema)
        if "type" not in schema:
            return "any"
        return SCALARS[schema["type"], schema.get("format", "")]

    def mapping(self, owner: str, field: str, schema: dict[str, Any]) -> str:
        """A map of messages or strings; objects with free values are protocol buffer Structs."""
        values = schema.get("additionalProperties") or {}
        if "$ref" not in values and "type" not in values:
            return "struct"
        return f"map<{self.kind(owner, field, values)}>"

    def enum(self, owner: str, field: str, values: list[str]) -> str:
        name = ENUM_NAMES.get(f"{owner}.{field}", f"{owner}.{field[0].upper()}{field[1:]}")
        self.enums[name] = [*values, *ENUM_ADDITIONS.get(name, [])]
        return f"enum:{name}"


def derive(openapi: dict[str, Any]) -> dict[str, Any]:
    """The compact table: `types` (message, field, kind), `enums` (name, values) and `vertex` (extra fields there)."""
    deriver = _Deriver(openapi["components"]["schemas"])
    for root in ROOTS:
        deriver.message(root)
    for name, fields in ADDITIONS.items():
        deriver.types.setdefault(name, {}).update(fields)
    types, enums = dict(sorted(deriver.types.items())), dict(sorted(deriver.enums.items()))
    return {"types": types, "enums": enums, "vertex": VERTEX}


def dump(table: dict[str, Any]) -> str:
    """The table as it is committed: one message or enum a line."""
    text = json.dumps(table, indent=1, ensure_ascii=False)
    return re.sub(r"\n {3,}|\n {2}(?=[}\]])", " ", text) + "\n"


def main() -> None:
    """Reads the OpenAPI file named on the command line and writes `schema.json` beside this module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("openapi", type=Path, help="path of Google's OpenAPI of the Gemini API v1beta, as JSON")
    openapi = json.loads(parser.parse_args().openapi.read_text("utf-8"))
    TABLE.write_text(dump(derive(openapi)), "utf-8")


if __name__ == "__main__":
    main()
