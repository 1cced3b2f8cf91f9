"""Puts a small model into the catalogue, in each Python process of an app whose PYTHONPATH names this folder.

SMALL_MODEL in its data folder describes the model as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

SMALL_MODEL = "small-model.json"

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from lib.local_models import model_source  # noqa: E402

_facts = json.loads(Path(os.environ["PADDOCK_DATA_DIR"], SMALL_MODEL).read_text(encoding="utf-8"))
model_source.CATALOGUE = tuple(replace(model, **_facts) for model in model_source.CATALOGUE)
