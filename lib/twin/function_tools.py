"""The documented ``functions``: a name and JavaScript code. They are offered as tools, and never run here.

What Cloudflare's server does with them is not documented; its own helper runs the code on the caller's side. So the
twin reads the names of the parameters out of the code, shows the code to the model, and answers with the call.
"""

from __future__ import annotations

import re
from typing import Any

MAX_CODE = 4_000  # characters that are looked through for a list of parameters

_HEAD = re.compile(
    r"(?:\bfunction\b\s*\*?\s*[\w$]*\s*\((?P<named>[^()]*)\))"
    r"|(?:\((?P<arrow>[^()]*)\)\s*=>)"
    r"|(?:(?<![\w$.)])(?P<bare>[\w$]+)\s*=>)"
)
_NAME = re.compile(r"(?:\.\.\.)?\s*([A-Za-z_$][\w$]*)")


def parse_parameters(code: str) -> dict[str, Any]:
    """A schema for the arguments. Values may be anything; if no parameter can be read, so may the names."""
    bare = re.sub(r"/\*.*?\*/|//[^\n]*", "", code[:MAX_CODE], flags=re.DOTALL)
    head = _HEAD.search(re.sub(r"\s+", " ", bare))  # long runs of spaces would take the pattern for ever
    if head is None:
        return {"type": "object"}
    listed = next(group for group in head.groups() if group is not None).strip()
    if re.fullmatch(r"\{.*\}(\s*=.*)?", listed, re.DOTALL):  # one object, taken apart
        listed = listed[1 : listed.rindex("}")]
    wanted: dict[str, bool] = {}
    for part in _split(listed):
        if found := _NAME.match(part.strip()):
            wanted[found[1]] = "=" not in part and not part.strip().startswith("...")
    value = {"type": ["string", "number", "boolean"]}
    required = [name for name, needed in wanted.items() if needed]
    schema: dict[str, Any] = {"type": "object", "properties": dict.fromkeys(wanted, value)}
    return {**schema, "required": required, "additionalProperties": False}


def _split(listed: str) -> list[str]:
    """At the commas that stand in no bracket."""
    parts, depth = [""], 0
    for character in listed:
        depth += (character in "{[(") - (character in "}])")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part for part in parts if part.strip()]
