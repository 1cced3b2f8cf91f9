"""The hand-written records of documented models, as an account lists them: items of the list, and input schemas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RECORD_FILES = sorted((Path(__file__).parent / "model_pages").glob("*.json"))
RECORDS: dict[str, dict[str, Any]] = {
    record["model"]["name"]: record
    for record in (json.loads(file.read_text(encoding="utf-8")) for file in RECORD_FILES)
}
LISTED = [record["model"] for record in RECORDS.values()]
SCHEMAS = {id: record["input"] for id, record in RECORDS.items()}
