"""Rules of the source tree that no linter knows: lengths, docstrings, names. Imports have theirs in pyproject.toml.

Each rule takes the root of a source tree and yields a sentence for each breach.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

# The pages may use Streamlit and lib.ui's way to the core, but neither servers nor the twin's inside.
NOT_FOR_PAGES = ("lib.twin", "httpx", "sseclient", "sqlalchemy", "uvicorn", "xllamacpp")

# Question words hide the subject: "Return the price" instead of "What it costs".
VAGUE_OPENINGS = ("What", "Whether", "Where", "That", "Those", "How", "One")
MAX_VAGUE_DOCSTRINGS = 19


def program_files(root: Path) -> list[Path]:
    """Return every Python file of the program itself."""
    files = [*root.glob("*.py"), *root.glob("lib/**/*.py"), *root.glob("pages/**/*.py")]
    return sorted(file for file in files if "__pycache__" not in file.parts)


def all_files(root: Path) -> list[Path]:
    """Return every Python file of the repository."""
    others = [file for part in ("tests", "bench", "scripts") for file in root.glob(f"{part}/**/*.py")]
    ours = [file for file in others if not {"__pycache__", "node_modules"} & set(file.parts)]
    return [*program_files(root), *sorted(ours)]


def parse(file: Path) -> ast.Module:
    """Return the file's syntax tree."""
    return ast.parse(file.read_text(encoding="utf-8"))


def forbidden_page_imports(root: Path) -> Iterator[str]:
    """Yield what app.py and pages/ import although it is not theirs; lib's own imports are import-linter's."""
    for file in program_files(root):
        if "lib" in file.relative_to(root).parts:
            continue
        for node in ast.walk(parse(file)):
            match node:
                case ast.Import():
                    names = [alias.name for alias in node.names]
                case ast.ImportFrom():
                    names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
                case _:
                    continue
            for name in names:
                if any(name == other or name.startswith(f"{other}.") for other in NOT_FOR_PAGES):
                    yield f"{file.relative_to(root)} imports {name}"


def long_files(root: Path) -> Iterator[str]:
    """Yield files of more than 400 lines, and app.py if it has more than 40."""
    for file in all_files(root):
        lines = len(file.read_text(encoding="utf-8").splitlines())
        limit = 40 if file == root / "app.py" else 400
        if lines > limit:
            yield f"{file.relative_to(root)} has {lines} lines, more than {limit}"


def missing_docstrings(root: Path) -> Iterator[str]:
    """Yield files that do not say in their first line what they are for."""
    for file in all_files(root):
        docstring = ast.get_docstring(parse(file))
        if not docstring or not docstring.splitlines()[0].strip():
            yield f"{file.relative_to(root)} does not say what it is for"


def vague_docstrings(root: Path) -> Iterator[str]:
    """Yield docstrings of the program that begin with a question word instead of a verb or a noun."""
    for file in program_files(root):
        for node in ast.walk(parse(file)):
            if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            first_word = re.match(r"\w*", ast.get_docstring(node) or "")
            if first_word and first_word[0] in VAGUE_OPENINGS:
                yield f"{file.relative_to(root)}:{getattr(node, 'lineno', 1)} begins with {first_word[0]}"


def hand_kept_layout(root: Path) -> Iterator[str]:
    """Yield places where ruff format is told to keep its hands off."""
    for file in all_files(root):
        text = file.read_text(encoding="utf-8")
        if re.search(r"#\s*fmt:\s*(skip|off)", text):
            yield f"{file.relative_to(root)} turns the formatter off"


def repeated_class_names(root: Path) -> Iterator[str]:
    """Yield names of classes in lib/ that stand for two different things."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    for file in sorted(root.glob("lib/**/*.py")):
        for node in parse(file).body:
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(file.relative_to(root)))
    for name, files in places.items():
        if len(files) > 1:
            yield f"{name} is a class in {' and in '.join(files)}"


def repeated_file_names(root: Path) -> Iterator[str]:
    """Yield file names that occur twice in lib/; ``app.py`` is the twin's server beside the page's."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    for file in sorted(root.glob("lib/**/*.py")):
        if file.name not in ("__init__.py", "__main__.py", "env.py"):
            places[file.name].append(str(file.parent.relative_to(root)))
    for name, folders in places.items():
        if len(folders) > 1:
            yield f"{name} is a file in {' and in '.join(folders)}"


def named_parameters(root: Path, names: set[str]) -> Iterator[str]:
    """Yield places outside the model's record that name a sampling parameter in code; prose may name them."""
    for file in program_files(root):
        if file.is_relative_to(root / "lib" / "twin"):
            continue  # the engine's own names for them are mapped there
        for node in ast.walk(parse(file)):
            for word in _words(node):
                if word in names:
                    yield f"{file.relative_to(root)}:{getattr(node, 'lineno', 0)} names {word}"


# Each of these starts a process that inherits the whole environment.
STARTS_A_CHILD = re.compile(
    r"os\.(system|popen|startfile|fork|exec|spawn|posix_spawn)\w*|subprocess\.\w+"
    r"|(multiprocessing|pty|webbrowser)(\.\w+)*|.*\b(create_subprocess_\w+|ProcessPoolExecutor)"
)


def inherited_environments(root: Path) -> Iterator[str]:
    """Yield places that start a child process otherwise than by subprocess with ``env=child_environment(…)``."""
    for file in program_files(root):
        for node in ast.walk(parse(file)):
            match node:
                case ast.Call(func=ast.Attribute() as function):
                    names = [ast.unparse(function)]
                    environments = [ast.unparse(word.value) for word in node.keywords if word.arg == "env"]
                    if names[0] in ("subprocess.Popen", "subprocess.run") and environments:
                        names = [] if environments[0].startswith("child_environment(") else names
                case ast.Import():
                    names = [alias.name for alias in node.names]
                case ast.ImportFrom():
                    names = [f"{node.module}.{alias.name}" for alias in node.names]
                case _:
                    continue
            for name in names:
                if STARTS_A_CHILD.fullmatch(name):
                    yield f"{file.relative_to(root)}:{node.lineno} starts a child without child_environment(): {name}"


def _words(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
            yield name
        case ast.keyword(arg=str(name)):
            yield name
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
