"""The JSON Schema keywords that hold further schemas or refer to them, over all drafts."""

from __future__ import annotations

# The value is one schema. In older drafts "items" may also be a list: it stands in both tables.
SINGLE_SCHEMA = frozenset(
    {
        "additionalItems",
        "additionalProperties",
        "contains",
        "contentSchema",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
# The value is a list of schemas.
SCHEMA_LIST = frozenset({"allOf", "anyOf", "items", "oneOf", "prefixItems"})
# The value is an object with a schema under each name. In "dependencies" a list of names may stand instead.
SCHEMA_MAP = frozenset({"dependencies", "dependentSchemas", "patternProperties", "properties"})
# The same, for schemas that apply only where something refers to them.
DEFINITIONS = frozenset({"$defs", "definitions"})
# The value is a reference to a schema.
REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
# These apply their schemas to the same value as the schema that they stand in, not to a part of it.
SAME_VALUE = frozenset(
    {"allOf", "anyOf", "dependencies", "dependentSchemas", "else", "if", "not", "oneOf", "then"}
)
