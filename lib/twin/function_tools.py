"""Offer the documented ``functions`` (a name and JavaScript code) as tools. Their code is never run here.

Cloudflare does not document what its server does with them; its own helper runs the code on the caller's side. So the
twin parses the parameter names in the code, shows the code to the model, and answers with the call.
"""

from __future__ import annotations

import re
from typing import Any

# Characters that are searched for a list of parameters.
MAX_CODE = 4_000

_HEAD = re.compile(
    r"(?:\bfunction\b\s*\*?\s*[\w$]*\s*\((?P<named>[^()]*)\))"
    r"|(?:\((?P<arrow>[^()]*)\)\s*=>)"
    r"|(?:(?<![\w$.)])(?P<bare>[\w$]+)\s*=>)"
)
_PARAMETER = re.compile(r"(?:\.\.\.)?\s*([A-Za-z_$][\w$]*)")


def parse_parameters(code: str) -> dict[str, Any]:
    """Return a schema for the arguments. Any names are allowed if the code has no readable parameters."""
    uncommented = re.sub(r"/\*.*?\*/|//[^\n]*", "", code[:MAX_CODE], flags=re.DOTALL)
    # With long runs of spaces, the search would take forever.
    head = _HEAD.search(re.sub(r"\s+", " ", uncommented))
    if head is None:
        return {"type": "object"}
    listed = next(group for group in head.groups() if group is not None).strip()
    # One parameter that is a destructured object.
    if re.fullmatch(r"\{.*\}(\s*=.*)?", listed, re.DOTALL):
        listed = listed[1 : listed.rindex("}")]
    is_required: dict[str, bool] = {}
    for part in _split_at_commas(listed):
        if match := _PARAMETER.match(part.strip()):
            is_required[match[1]] = "=" not in part and not part.strip().startswith("...")
    value = {"type": ["string", "number", "boolean"]}
    required = [name for name, needed in is_required.items() if needed]
    schema: dict[str, Any] = {"type": "object", "properties": dict.fromkeys(is_required, value)}
    return {**schema, "required": required, "additionalProperties": False}


def _split_at_commas(listed: str) -> list[str]:
    """Split at the commas outside of brackets."""
    parts, depth = [""], 0
    for character in listed:
        depth += (character in "{[(") - (character in "}])")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part for part in parts if part.strip()]
