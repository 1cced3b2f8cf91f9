"""The shell code that the scripts share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_python_keeps_what_it_compiles() -> None:
    code = f'. scripts/setup; "{sys.executable}" -c "import sys; print(sys.dont_write_bytecode)"'
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    shell = subprocess.run(
        ["sh", "-euc", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert shell.stdout.split() == ["False"]
