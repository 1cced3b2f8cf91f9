"""What the source must keep to: who imports whom, how long a file is, and where the parameters are named.

Each rule takes the root of a source tree and gives a sentence for each thing that breaks it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

# The core from the leaves up: a module imports only from lines above its own.
LAYERS = [
    (
        "arithmetic",
        "difference",
        "endpoint",
        "errors",
        "events",
        "features",
        "folder",
        "model",
        "stop",
        "table",
        "table_file",
        "trace",
    ),
    ("backend", "call_pieces", "json_text", "settings", "pricing"),
    ("json_words",),
    ("json_schema", "node"),
    ("json_check",),
    ("tools",),
    ("distribution", "forecast", "request", "tool_call", "tool_form", "transport"),
    ("line",),
    ("answer", "sample_tools", "schema_form", "tool_draft", "wire"),
    ("adapter", "code", "conversation", "document", "layout", "llama3", "raw_prompt", "verdict"),
    ("client", "tokens"),
    ("comparison", "ledger", "older_manuscript", "reception", "transcript"),
    ("comparison_table", "run"),
    ("experiment",),
    ("store",),
    ("batch", "chat", "conflict", "link", "manuscript", "preset", "saver"),
    ("contest", "dialogue"),
    ("archive",),
]
LEAVES = {*LAYERS[0], "backend"}
LEVEL = {f"lib.{name}": level for level, names in enumerate(LAYERS) for name in names}

# What belongs in one place only, and the place: a third-party package, or the thing that fences it in.
HOMES = {
    "alembic": ("lib.store",),
    "sqlalchemy": ("lib.store",),
    "jsonschema": (
        "lib.jsonkit.json_validation",
        "lib.jsonkit.json_schema",
        "lib.jsonkit.json_wording",
        "lib.twin",
    ),
    "httpx": ("lib.api.client", "lib.api.persistent_connection", "lib.api.transport", "lib.twin"),
    "sseclient": ("lib.api.client",),
    "openpyxl": ("lib.experiment", "lib.files.spreadsheet"),
    "rapidfuzz": ("lib.compare.text_diff",),
    "streamlit": ("lib.ui",),
    "starlette": ("lib.twin", "app"),
    "uvicorn": ("lib.twin",),
    "xllamacpp": ("lib.twin",),
}


def sources(root: Path) -> list[Path]:
    """Every Python file of the program itself."""
    files = [*root.glob("*.py"), *root.glob("lib/**/*.py"), *root.glob("pages/**/*.py")]
    return sorted(file for file in files if "__pycache__" not in file.parts)


def name_of(root: Path, file: Path) -> str:
    """The module's dotted name."""
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(root: Path, file: Path) -> set[str]:
    """What a file imports, anywhere in it, as dotted names: ``from lib import wire`` is ``lib.api.wire``."""
    found: set[str] = set()
    package = (
        name_of(root, file).split(".") if file.name == "__init__.py" else name_of(root, file).split(".")[:-1]
    )
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*start, *([node.module] if node.module else [])])
            if module in ("lib", "lib.ui", "lib.twin"):
                found |= {f"{module}.{alias.name}" for alias in node.names}
            else:
                found.add(module)
    return found


def within(name: str, package: str) -> bool:
    """Whether that module is the package or in it."""
    return name == package or name.startswith(f"{package}.")


def wrong_imports(root: Path) -> Iterator[str]:
    """``app, pages → lib.ui → the core ← lib.twin``, and the layers inside the core."""
    for file in sources(root):
        name = name_of(root, file)
        for other in imports(root, file):
            if reason := _why_not(name, other):
                yield f"{name} imports {other}: {reason}"


def _why_not(name: str, other: str) -> str | None:
    top = other.split(".")[0]
    page = not within(name, "lib")
    if (
        top in HOMES
        and not any(within(name, home) for home in HOMES[top])
        and not (page and top == "streamlit")
    ):
        return f"{top} belongs in {HOMES[top][0]}"
    if not within(other, "lib"):
        return None
    if page or within(name, "lib.ui"):
        return "the page does not know the twin from inside" if within(other, "lib.twin") else None
    if within(name, "lib.twin"):
        parted = within(other, "lib.ui") or within(other, "lib.api.client")
        return "the twin must not depend on what it is to be tested by" if parted else None
    if within(other, "lib.ui") or within(other, "lib.twin"):
        return "the core knows neither its pages nor the twin"
    return _why_not_in_the_core(name, other)


def _why_not_in_the_core(name: str, other: str) -> str | None:
    if name == "lib" or other == "lib":
        return None
    if name == "lib.supervisor":
        return None if other.removeprefix("lib.") in LEAVES else "the supervisor stands on leaves only"
    if any(
        within(name, package) and within(other, package)
        for package in ("lib.batch", "lib.snippets.snippet_builder", "lib.experiment", "lib.store")
    ):
        return None  # a package is one thing to the others; inside it, imports that ran in a circle would not load
    name, other = (".".join(one.split(".")[:2]) for one in (name, other))
    if name not in LEVEL or other not in LEVEL:
        return "one of them has no layer: give it one in tests/architecture.py"
    allowed = LEVEL[other] < LEVEL[name]
    return None if allowed else "it stands no lower"


def too_long(root: Path) -> Iterator[str]:
    """No file of more than 400 lines; app.py only sets up."""
    tests = [file for file in root.glob("tests/**/*.py") if "__pycache__" not in file.parts]
    for file in [*sources(root), *tests]:
        lines = len(file.read_text(encoding="utf-8").splitlines())
        limit = 40 if file == root / "app.py" else 400
        if lines > limit:
            yield f"{file.relative_to(root)} has {lines} lines, more than {limit}"


def without_docstring(root: Path) -> Iterator[str]:
    """Each file's first line says what it is for."""
    others = [file for part in ("tests", "bench", "scripts") for file in root.glob(f"{part}/**/*.py")]
    for file in [*sources(root), *others]:
        docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
        if not docstring or not docstring.splitlines()[0].strip():
            yield f"{file.relative_to(root)} does not say what it is for"


def named_parameters(root: Path, names: set[str]) -> Iterator[str]:
    """Outside the record no parameter is named; prose may, for only identifiers and whole strings are looked at."""
    for file in sources(root):
        if within(name_of(root, file), "lib.twin"):
            continue  # the engine's own names for them are mapped there
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            for word in _words(node):
                if word in names:
                    yield f"{file.relative_to(root)}:{getattr(node, 'lineno', 0)} names {word}"


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


def unlisted(root: Path) -> Iterator[str]:
    """The README's list of the architecture names each module of the core."""
    listed = (root / "README.md").read_text(encoding="utf-8").partition("## Architecture")[2]
    for file in sorted(root.glob("lib/*.py")):
        if file.name != "__init__.py" and not re.search(rf"(?<![\w.]){re.escape(file.name)}", listed):
            yield f"README.md does not say what {file.relative_to(root)} is for"
