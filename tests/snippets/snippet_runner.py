"""Run a snippet as its user would: saved to a file, with the credentials in the environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from lib.api.backend import Backend
from lib.snippets.snippet import Snippet

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
TIMEOUT = 60.0

# scripts/test puts a Node into the environment of Python where the system has none.
PATH = os.pathsep.join([os.environ["PATH"], str(Path(sys.executable).parent)])


def find_command(name: str) -> str:
    path = shutil.which(name, path=PATH)
    assert path, f"{name} is not installed: scripts/test says how"
    return path


COMMANDS = {".sh": "bash", ".py": sys.executable, ".mjs": "node"}


def environment(backend: Backend) -> dict[str, str]:
    """Return the variables that the snippets read, and nothing else of this machine's environment but PATH."""
    gateway = backend.gateway
    return {
        "PATH": PATH,
        "CLOUDFLARE_ACCOUNT_ID": backend.account_id,
        "CLOUDFLARE_API_TOKEN": backend.token.reveal(),
        "CLOUDFLARE_BASE_URL": backend.base_url,
        **({} if gateway is None or gateway.token is None else {"CF_AIG_TOKEN": gateway.token.reveal()}),
    }


def run_snippet(program: Snippet, folder: Path, backend: Backend) -> subprocess.CompletedProcess[bytes]:
    """Run a snippet; return its output and its exit code."""
    file = folder / program.file
    file.write_text(program.text, encoding="utf-8", newline="")
    return subprocess.run(
        [find_command(COMMANDS[file.suffix]), str(file)],
        env=environment(backend),
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
    )
