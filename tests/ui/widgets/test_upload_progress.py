"""Uploads that take longer: progress and Cancel on the page, which can be used meanwhile and loses nothing typed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest

from lib.files import preset_file, upload_reading
from lib.files.upload_reading import UploadReading
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from lib.ui.widgets import upload_progress
from tests.page.upstream import Upstream
from tests.ui.app_test_page import WHOLE_APP, AppTestPage

# Too large to be read in place.
CONVERSATION = json.dumps([{"role": "user", "content": "Hello " + "world " * 20_000}]).encode()
TABLE = b"text,n\n" + b"hello,1\n" * 20_000
PRESETS = json.dumps(
    {
        "format": preset_file.FORMAT,
        "version": preset_file.VERSION,
        "presets": [{"name": "Carried", "about": "x" * 150_000}],
    }
).encode()
EXPERIMENT = "pages/experiment.py"


@pytest.fixture
def slot(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Semaphore]:
    """The only slot for reading, taken: an upload waits until it is released. The page does not wait for it."""
    slot = threading.Semaphore(0)
    monkeypatch.setattr(upload_reading, "_slots", slot)
    monkeypatch.setattr(upload_progress, "QUICK_SECONDS", 0.0)
    yield slot
    slot.release()


def reading(page: AppTestPage, key: str) -> UploadReading:
    """Return the upload that is being read in the session, under that key."""
    found = page.test.session_state[key]
    assert isinstance(found, UploadReading)
    return found


def table_key(page: AppTestPage) -> str:
    """Return the key of the table that is being read for the open experiment."""
    return f"inputs-reading-{page.test.session_state['experiment']}"


def progress(page: AppTestPage) -> list[str]:
    """Return the texts of the bars of uploads; the context has one too."""
    texts = [node.proto.text for node in page.test._tree if node.type == "progress"]
    return [text for text in texts if text.startswith(("Waiting", "Reading"))]


def own_presets() -> list[str]:
    return [preset.name for preset in registry().store.presets.load_all(LOCAL_OWNER)]


def test_presets_come_when_they_are_read(slot: threading.Semaphore) -> None:
    page = AppTestPage()
    page.by_key("preset-file").upload("presets.json", PRESETS, "application/json")
    page.run()
    assert progress(page) == ["Waiting: other files are being read"]
    page.choose("system", "Typed meanwhile")
    assert own_presets() == []
    waiting = reading(page, "preset-reading")
    slot.release()
    assert waiting.wait(60)
    page.run()
    assert own_presets() == ["Carried"]
    assert progress(page) == []
    assert page.by_key("system").value == "Typed meanwhile"


def test_cancel(slot: threading.Semaphore) -> None:
    page = AppTestPage(path=WHOLE_APP).go_to("history")
    before = len(page.by_keys("^entry-"))
    page.by_key("carry-file").upload("a.json", CONVERSATION, "application/json")
    page.run()
    cancelled = reading(page, "carry-reading")
    page.click("carry-reading-cancel")
    assert cancelled.wait(60)
    slot.release()
    page.run()
    assert "Cancelled. Nothing was taken from the file." in page.texts()
    assert progress(page) == []
    assert len(page.by_keys("^entry-")) == before


def test_a_table_goes_to_the_experiment_that_it_was_uploaded_for(slot: threading.Semaphore) -> None:
    page = AppTestPage(path=EXPERIMENT)
    page.by_key("inputs-file").upload("a.csv", TABLE, "text/csv")
    page.run()
    first = page.test.query_params["e"]
    waiting = reading(page, table_key(page))
    page.choose("experiment-new", "Empty experiment")
    assert progress(page) == []
    slot.release()
    assert waiting.wait(60)
    page.run()
    assert "20,000 rows" not in page.text()
    page.test.query_params["e"] = first
    page.run()
    assert "20,000 rows of 2 columns" in page.text()


def test_a_bad_table_is_said_at_its_control(slot: threading.Semaphore) -> None:
    page = AppTestPage(path=EXPERIMENT)
    page.by_key("inputs-file").upload("a.csv", TABLE + b"1,2,3,4", "text/csv")
    page.run()
    waiting = reading(page, table_key(page))
    slot.release()
    assert waiting.wait(60)
    page.run()
    (error,) = page.errors()
    assert "The table cannot be used" in error
    assert "Line 20,002 has 4 cells" in error
