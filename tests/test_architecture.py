"""The source keeps to its architecture, and each rule is seen to catch a planted breach."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from lib.model.model_record import models
from tests import architecture

ROOT = Path(__file__).resolve().parent.parent
PARAMETERS = {parameter.name for model in models().values() for parameter in model.parameters}
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
    "contracts"
]

# For each contract an import that breaks it: the file, the line, and the words in which the linter reports it.
BREACHES = {
    "Packages import downwards only": [
        ("lib/api/wire.py", "from lib.chat.answer import Answer", "lib.api.wire -> lib.chat.answer"),
        (
            "lib/chat/answer.py",
            "from lib.ui.shell import registry",
            "lib.chat.answer -> lib.ui.shell.registry",
        ),
        ("lib/ui/shell/registry.py", "from lib.twin import app", "lib.ui.shell.registry -> lib.twin.app"),
        ("lib/store/database.py", "from lib.runner import budget", "lib.store.database -> lib.runner.budget"),
        (
            "lib/twin/engine.py",
            "from lib.ui.shell import registry",
            "lib.twin.engine -> lib.ui.shell.registry",
        ),
        ("lib/novelty.py", "", "lib.novelty"),
    ],
    "The page's parts import downwards only": [
        (
            "lib/ui/widgets/code_box.py",
            "from lib.ui.shell import registry",
            "lib.ui.widgets.code_box -> lib.ui.shell.registry",
        ),
    ],
    "No package has an import cycle inside": [
        (
            "lib/experiment/checks/check_kinds.py",
            "from lib.experiment import plan",
            "No cycles are allowed in lib.experiment.",
        ),
    ],
    "Only lib.ui imports Streamlit": [
        ("lib/chat/answer_run.py", "import streamlit as st", "lib.chat.answer_run -> streamlit"),
        ("lib/twin/app.py", "def f():\n    import streamlit", "lib.twin.app -> streamlit"),
    ],
    "Only the twin runs a server and the language model": [
        ("lib/api/trace.py", "from starlette.requests import Request", "lib.api.trace -> starlette"),
        ("lib/api/events.py", "import uvicorn", "lib.api.events -> uvicorn"),
        (
            "lib/local_models/supervised_twin.py",
            "import xllamacpp",
            "lib.local_models.supervised_twin -> xllamacpp",
        ),
    ],
    "Only lib.api and the twin speak HTTP": [
        ("lib/chat/conversation.py", "import httpx", "lib.chat.conversation -> httpx"),
        ("lib/chat/chat_session.py", "import sseclient", "lib.chat.chat_session -> sseclient"),
    ],
    "Only lib.store knows SQL": [
        ("lib/runner/worker.py", "import sqlalchemy", "lib.runner.worker -> sqlalchemy"),
        (
            "lib/ui/history/history_list.py",
            "from alembic import op",
            "lib.ui.history.history_list -> alembic",
        ),
    ],
    "Only lib.jsonkit and the twin validate JSON Schema": [
        ("lib/tools/tool_call.py", "import jsonschema", "lib.tools.tool_call -> jsonschema"),
    ],
    "One place for each file format and for text differences": [
        ("lib/files/share_link.py", "import openpyxl", "lib.files.share_link -> openpyxl"),
        ("lib/experiment/plan.py", "import rapidfuzz", "lib.experiment.plan -> rapidfuzz"),
    ],
}


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as main; main()",
        "--no-cache",
    ]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def plant(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def test_imports() -> None:
    linted = lint_imports(ROOT)
    assert linted.returncode == 0, linted.stdout


@pytest.fixture(scope="module")
def linted_breaches(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A copy of lib/ with all breaches in it, as import-linter reports it."""
    root = tmp_path_factory.mktemp("breaches")
    shutil.copytree(
        ROOT / "lib", root / "lib", ignore=shutil.ignore_patterns("__pycache__", "static", "*.gguf")
    )
    shutil.copy(ROOT / "pyproject.toml", root)
    for breaches in BREACHES.values():
        for path, line, _ in breaches:
            file = root / path
            before = file.read_text(encoding="utf-8") if file.exists() else '"""New."""\n'
            file.write_text(f"{before}\n\n{line}\n", encoding="utf-8")
    linted = lint_imports(root)
    assert linted.returncode != 0
    return linted.stdout


@pytest.mark.parametrize("contract", [contract["name"] for contract in CONTRACTS])
def test_each_contract_catches_a_planted_breach(linted_breaches: str, contract: str) -> None:
    assert f"{contract} BROKEN" in linted_breaches
    for _, _, reported in BREACHES[contract]:
        assert reported in linted_breaches


def test_the_rules_hold() -> None:
    assert list(architecture.forbidden_page_imports(ROOT)) == []
    assert list(architecture.long_files(ROOT)) == []
    assert list(architecture.missing_docstrings(ROOT)) == []
    assert list(architecture.hand_kept_layout(ROOT)) == []
    assert list(architecture.repeated_class_names(ROOT)) == []
    assert list(architecture.repeated_file_names(ROOT)) == []
    assert list(architecture.named_parameters(ROOT, PARAMETERS)) == []
    assert list(architecture.inherited_environments(ROOT)) == []


def test_few_docstrings_begin_with_a_question_word() -> None:
    vague = list(architecture.vague_docstrings(ROOT))
    assert len(vague) <= architecture.MAX_VAGUE_DOCSTRINGS, "\n".join(vague)


@pytest.mark.parametrize(
    ("path", "line", "caught"),
    [
        ("pages/chat.py", "import httpx", 1),
        ("pages/chat.py", "from lib.twin.app import app", 2),
        ("pages/chat.py", "from lib import twin", 1),
        ("app.py", "import xllamacpp", 1),
        ("app.py", "import streamlit\nfrom lib.ui.shell import registry", 0),
    ],
)
def test_a_planted_page_import_is_caught(tmp_path: Path, path: str, line: str, caught: int) -> None:
    plant(tmp_path, path, f'"""X."""\n{line}\n')
    assert len(list(architecture.forbidden_page_imports(tmp_path))) == caught


@pytest.mark.parametrize(
    ("path", "limit"),
    [("app.py", 40), ("lib/run.py", 400), ("pages/chat.py", 400), ("tests/test_run.py", 400)],
)
def test_a_file_that_is_too_long_is_caught(tmp_path: Path, path: str, limit: int) -> None:
    plant(tmp_path, path, "x = 1\n" * limit)
    assert list(architecture.long_files(tmp_path)) == []
    plant(tmp_path, path, "x = 1\n" * (limit + 1))
    assert len(list(architecture.long_files(tmp_path))) == 1


@pytest.mark.parametrize("text", ["", "x = 1\n", "# a comment\n", '""""""\n'])
@pytest.mark.parametrize("path", ["app.py", "lib/ui/figures.py", "tests/test_run.py", "scripts/run.py"])
def test_a_file_without_a_docstring_is_caught(tmp_path: Path, path: str, text: str) -> None:
    plant(tmp_path, path, text)
    assert len(list(architecture.missing_docstrings(tmp_path))) == 1


def test_vague_docstrings_are_counted(tmp_path: Path) -> None:
    plant(tmp_path, "lib/a.py", '"""How it is done."""\n\n\ndef f():\n    """What it is."""\n')
    plant(tmp_path, "lib/b.py", '"""Whatever comes."""\n\n\nclass C:\n    """Return it."""\n')
    assert len(list(architecture.vague_docstrings(tmp_path))) == 2


def test_a_layout_kept_by_hand_is_caught(tmp_path: Path) -> None:
    plant(tmp_path, "lib/a.py", '"""X."""\nx = [1,2]  # fmt: ' + "skip\n")
    assert len(list(architecture.hand_kept_layout(tmp_path))) == 1


def test_repeated_names_are_caught(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        plant(tmp_path, f"lib/{folder}/same.py", '"""X."""\n\n\nclass Same:\n    pass\n')
    assert len(list(architecture.repeated_class_names(tmp_path))) == 1
    assert len(list(architecture.repeated_file_names(tmp_path))) == 1


@pytest.mark.parametrize(
    "line",
    [
        'x["temperature"]',
        "top_k = 3",
        "f(seed=1)",
        "def f(top_p): pass",
        "y.max_tokens",
        'NAMES = ("seed", "x")',
        "def seed(): pass",
        "match x:\n    case {'top_k': 1}: pass",
    ],
)
def test_a_named_parameter_is_caught(tmp_path: Path, line: str) -> None:
    for path in ("lib/ui/controls.py", "pages/chat.py", "app.py", "lib/request.py"):
        plant(tmp_path, path, f'"""X."""\n{line}\n')
    assert len(list(architecture.named_parameters(tmp_path, PARAMETERS))) == 4


def test_prose_may_name_a_parameter(tmp_path: Path) -> None:
    advice = '"""Its temperature."""\n# top_k\nADVICE = "Lower max_tokens, then retry."\n'
    plant(tmp_path, "lib/chat/answer_run.py", advice)
    plant(tmp_path, "lib/twin/engine.py", '"""X."""\nMAPPING = {"top_k": "top_k"}\n')
    assert list(architecture.named_parameters(tmp_path, PARAMETERS)) == []


@pytest.mark.parametrize(
    ("line", "caught"),
    [
        ("subprocess.Popen(['x'], env=child_environment(pip=True))", 0),
        ("subprocess.run(['x'], env=child_environment())", 0),
        ("subprocess.Popen(['x'])", 1),
        ("subprocess.Popen(['x'], env={**os.environ})", 1),
        ("subprocess.run(['x'], env=None)", 1),
        ("subprocess.check_output(['x'], env=child_environment())", 1),
        ("from subprocess import Popen", 1),
        ("os.system('x')", 1),
        ("os.execv('x', ['x'])", 1),
        ("os.fork()", 1),
        ("from os import posix_spawn", 1),
        ("import multiprocessing.pool", 1),
        ("from multiprocessing import Process", 1),
        ("from concurrent.futures import ProcessPoolExecutor", 1),
        ("asyncio.create_subprocess_exec('x')", 1),
        ("from concurrent.futures import ThreadPoolExecutor", 0),
        ("os.getpid()", 0),
    ],
)
def test_a_child_that_inherits_the_environment_is_caught(tmp_path: Path, line: str, caught: int) -> None:
    plant(tmp_path, "lib/twin/x.py", f'"""X."""\n{line}\n')
    assert len(list(architecture.inherited_environments(tmp_path))) == caught
