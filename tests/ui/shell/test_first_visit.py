"""A first visit loads no library that only tables, images and spreadsheets need: it would take twice as long."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.page.app_process import ROOT
from tests.ui.app_test_page import WHOLE_APP

HEAVY = ("altair", "numpy", "openpyxl", "pandas", "PIL", "pyarrow", "segno")
PAGES = (WHOLE_APP, "pages/compare.py", "pages/history.py", "pages/model.py", "pages/experiment.py")
# In a process of its own: other tests have loaded them all.
VISIT = f"""
import json, sys
from streamlit.testing.v1 import AppTest
loaded = {{}}
for path in {PAGES}:
    page = AppTest.from_file(path, default_timeout=120).run()
    assert not page.exception, page.exception
    loaded[path] = [len(page.main.children) > 0, [name for name in {HEAVY} if name in sys.modules]]
print(json.dumps(loaded))
"""


@pytest.mark.usefixtures("upstream")  # with an account, so that no practice model is started
def test_no_heavy_library_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    done = subprocess.run(
        [sys.executable, "-c", VISIT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {path: [True, []] for path in PAGES}
