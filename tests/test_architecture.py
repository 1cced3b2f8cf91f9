"""The source keeps to its architecture, and each rule is seen to catch a planted breach."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.model import model_record
from tests.architecture import LEVEL, named_parameters, too_long, unlisted, without_docstring, wrong_imports

ROOT = Path(__file__).resolve().parent.parent
NAMES = {parameter.name for one in model_record.models().values() for parameter in one.parameters}


def test_imports() -> None:
    assert list(wrong_imports(ROOT)) == []


def test_lengths() -> None:
    assert list(too_long(ROOT)) == []


def test_docstrings() -> None:
    assert list(without_docstring(ROOT)) == []


def test_the_readme_lists_every_module_of_the_core() -> None:
    assert list(unlisted(ROOT)) == []


def test_parameters_are_named_in_the_record_alone() -> None:
    assert list(named_parameters(ROOT, NAMES)) == []


def test_every_layer_has_its_files() -> None:
    assert [
        name
        for name in LEVEL
        for path in [ROOT / name.replace(".", "/")]
        if not path.with_suffix(".py").is_file() and not (path / "__init__.py").is_file()
    ] == []


def plant(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("lib/chat/answer_run.py", "import streamlit as st"),
        ("lib/api/wire.py", "from starlette.requests import Request"),
        ("lib/api/wire.py", "import uvicorn"),
        ("lib/supervisor.py", "import xllamacpp"),
        ("lib/api/wire.py", "import httpx"),
        ("lib/chat/answer_run.py", "import sseclient"),
        ("lib/jsonkit/json_answer_check.py", "import jsonschema"),
        ("lib/chat/chat_session.py", "from lib.ui import figures"),
        ("lib/chat/chat_session.py", "from lib.ui.answer.answer_stats import draw"),
        ("lib/chat/chat_session.py", "def f():\n    import lib.twin.app"),
        ("lib/chat/chat_session.py", "from lib import twin"),
        ("lib/chat/chat_session.py", "from .ui import figures"),
        ("lib/api/wire.py", "from lib.api.client import WorkersAI"),
        ("lib/api/wire.py", "from lib import run"),
        ("lib/api/wire.py", "from . import run"),
        ("lib/errors.py", "from lib.api.events import Usage"),
        ("lib/api/request.py", "from lib.chat.chat_session import Chat"),
        ("lib/chat/conversation.py", "from lib.api.client import Stop"),
        ("lib/supervisor.py", "from lib.api.client import WorkersAI"),
        ("lib/chat/chat_session.py", "import sqlalchemy"),
        ("lib/store/autosave.py", "from alembic import op"),
        ("lib/ui/answer/answer_stats.py", "from sqlalchemy import select"),
        ("lib/chat/answer_run.py", "from lib.store import Store"),
        ("lib/store/conversation_writer.py", "from lib.chat.chat_session import Chat"),
        ("lib/store/conversation_writer.py", "from lib.store.autosave import Saver"),
        ("lib/novelty.py", "from lib.errors import PaddockError"),
        ("lib/ui/answer/answer_stats.py", "from lib.twin import app"),
        ("lib/ui/answer/answer_stats.py", "import starlette"),
        ("lib/ui/answer/answer_stats.py", "import httpx"),
        ("lib/twin/app.py", "import streamlit"),
        ("lib/twin/app.py", "from lib.api.client import WorkersAI"),
        ("lib/twin/app.py", "from lib.ui import figures"),
        ("pages/chat.py", "import httpx"),
        ("pages/chat.py", "from lib.twin.app import app"),
        ("app.py", "import xllamacpp"),
    ],
)
def test_a_planted_import_is_caught(tmp_path: Path, path: str, line: str) -> None:
    plant(tmp_path, path, f'"""X."""\n{line}\n')
    assert len(list(wrong_imports(tmp_path))) == 1


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("app.py", "import streamlit\nfrom lib.ui import figures\nfrom lib.chat.chat_session import Chat"),
        (
            "pages/chat.py",
            "import streamlit\nfrom lib.ui.answer.answer_stats import draw\nfrom lib import model",
        ),
        (
            "lib/ui/answer/answer_stats.py",
            "import streamlit\nfrom lib.chat.chat_session import Chat\nfrom lib import supervisor",
        ),
        (
            "lib/twin/app.py",
            "import starlette, uvicorn, xllamacpp\nfrom lib import wire\nfrom . import engine",
        ),
        (
            "lib/api/client.py",
            "import httpx, sseclient, json\nfrom lib import wire\nfrom lib.errors import CutOff",
        ),
        (
            "lib/chat/chat_session.py",
            "from lib.chat.answer_run import Run\nfrom .conversation import Conversation",
        ),
        (
            "lib/store/conversation_writer.py",
            "import sqlalchemy\nfrom lib.store import schema\nfrom lib.chat.answer import Answer",
        ),
        ("lib/store/autosave.py", "from lib.store import Store\nfrom lib.store.stored_values import Live"),
        ("lib/ui/answer/answer_stats.py", "from lib.store import Store"),
        ("lib/supervisor.py", "import subprocess\nfrom lib.api.backend import twin"),
    ],
)
def test_a_proper_import_is_not(tmp_path: Path, path: str, line: str) -> None:
    plant(tmp_path, path, f'"""X."""\n{line}\n')
    assert list(wrong_imports(tmp_path)) == []


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("app.py", 40),
        ("lib/chat/answer_run.py", 400),
        ("pages/chat.py", 400),
        ("tests/chat/test_answer_run.py", 400),
    ],
)
def test_a_file_that_is_too_long_is_caught(tmp_path: Path, path: str, most: int) -> None:
    plant(tmp_path, path, "x = 1\n" * most)
    assert list(too_long(tmp_path)) == []
    plant(tmp_path, path, "x = 1\n" * (most + 1))
    assert len(list(too_long(tmp_path))) == 1


@pytest.mark.parametrize("text", ["", "x = 1\n", "# a comment\n", '""""""\n'])
@pytest.mark.parametrize(
    "path", ["app.py", "lib/ui/answer/answer_stats.py", "tests/chat/test_answer_run.py", "scripts/run.py"]
)
def test_a_file_without_a_docstring_is_caught(tmp_path: Path, path: str, text: str) -> None:
    plant(tmp_path, path, text)
    assert len(list(without_docstring(tmp_path))) == 1


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
    for path in ("lib/ui/settings/parameter_controls.py", "pages/chat.py", "app.py", "lib/api/request.py"):
        plant(tmp_path, path, f'"""X."""\n{line}\n')
    assert len(list(named_parameters(tmp_path, NAMES))) == 4


def test_prose_may_name_a_parameter(tmp_path: Path) -> None:
    plant(
        tmp_path,
        "lib/chat/answer_run.py",
        '"""Its temperature."""\n# top_k\nADVICE = "Lower max_tokens, then retry."\n',
    )
    plant(tmp_path, "lib/twin/engine.py", '"""X."""\nMAPPING = {"top_k": "top_k"}\n')
    assert list(named_parameters(tmp_path, NAMES)) == []


def test_a_module_that_the_readme_does_not_list_is_caught(tmp_path: Path) -> None:
    plant(
        tmp_path, "README.md", "novelty.py\n## Architecture\n  run.py  a run; old_request.py, forecast.py\n"
    )
    for name in ("__init__", "run", "forecast", "request", "novelty"):
        plant(tmp_path, f"lib/{name}.py", "")
    assert [line.rpartition("/")[2] for line in unlisted(tmp_path)] == [
        "novelty.py is for",
        "request.py is for",
    ]
