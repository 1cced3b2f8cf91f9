"""The style sheet of the page."""

from __future__ import annotations

import re
from pathlib import Path

from lib.ui.shell import accessibility

SHEET = Path(accessibility.__file__).with_name("static") / "paddock.css"


def test_has_is_not_nested() -> None:
    """Browsers ignore a selector with :has() within :has()."""
    text = re.sub(r"/\*.*?\*/", "", SHEET.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert ":has(" in text
    for start in re.finditer(r":has\(", text):
        depth, end = 1, start.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        assert ":has(" not in text[start.end() : end], text[start.start() : end]
