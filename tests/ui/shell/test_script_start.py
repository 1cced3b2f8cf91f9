"""The first run of the script does not look through all modules for Python's console."""

from __future__ import annotations

import pytest
from streamlit import delta_generator, env_util

from lib.ui.shell import script_start


def test_the_first_element_looks_for_no_console(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(env_util, "is_repl", lambda: asked.append(True))
    monkeypatch.setattr(delta_generator, "_use_warning_has_been_displayed", False)
    script_start.skip_console_check()
    delta_generator._maybe_print_use_warning()
    assert not asked
    # Without it, Streamlit does look: the day it does not, the workaround can go.
    delta_generator._use_warning_has_been_displayed = False
    delta_generator._maybe_print_use_warning()
    assert asked
