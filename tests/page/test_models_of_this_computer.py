"""A model is downloaded from a stand-in of the hub, and answers. A line on each page says how far it is."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tests.local_models import small_catalogue
from tests.local_models.model_server import ModelServer, hold_at
from tests.page.app_process import AppProcess, make_data_folder
from tests.page.browser_tab import FIRST_DRAW_TIMEOUT
from tests.page.conftest import Visit
from tests.twin.llama_model import write_llama_model

CATALOGUE = Path(small_catalogue.__file__).parent
SMALL_MODEL = "small-model.json"
DOWNLOADING = "Downloading Llama 3.2 1B Instruct: 0 of 1 MB"


def test_a_model_is_downloaded_and_answers(visit: Visit, tmp_path: Path) -> None:
    content = write_llama_model(tmp_path / "llama.gguf", answer="Yes").read_bytes()
    data = make_data_folder(tmp_path / "data")
    facts = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (data / SMALL_MODEL).write_text(json.dumps(facts))
    with ModelServer(content) as server:
        server.scripts.append(hold_at(len(content) // 2))
        environment = {
            "PADDOCK_DATA_DIR": str(data),
            "PADDOCK_CONTEXT": "4096",
            "HF_ENDPOINT": server.url,
            "PYTHONPATH": str(CATALOGUE),
        }
        with AppProcess(environment, tmp_path / "log") as app:
            tab = visit(app.url)
            place, dialog = tab.by_key("place"), tab.page.get_by_role("dialog")
            line = tab.page.locator(".model-line-text")
            tab.wait_until("SmolLM2", lambda: "SmolLM2-135M, free" in place.inner_text(), FIRST_DRAW_TIMEOUT)
            tab.wait_until_idle()
            place.get_by_role("button").first.click()
            dialog.get_by_role("button", name="Download").click()
            dialog.get_by_text("LLAMA 3.2 COMMUNITY LICENSE AGREEMENT").wait_for()
            dialog.get_by_role("button", name="I accept").click()
            dialog.get_by_role("button", name="Pause").wait_for()
            # All that the server has sent is kept, so nothing is sent twice below.
            part = data / "models" / "llama-3.2-1b" / "Llama-3.2-1B-Instruct-Q4_K_M.gguf.part"
            tab.wait_until("a half", lambda: part.exists() and part.stat().st_size == len(content) // 2)
            tab.page.keyboard.press("Escape")
            tab.wait_until("the line", lambda: line.inner_text().startswith(DOWNLOADING))
            # It is there on another page and after a reload.
            tab.page.get_by_role("link", name="History").first.click()
            tab.page.get_by_role("heading", name="History").wait_for()
            tab.wait_until("the line", lambda: line.inner_text().startswith(DOWNLOADING))
            tab.page.get_by_role("link", name="Chat").first.click()
            place.wait_for()
            tab.page.reload()
            tab.wait_until("the line", lambda: line.inner_text().startswith(DOWNLOADING))
            place.get_by_role("button").first.click()
            dialog.get_by_role("button", name="Pause").click()
            dialog.get_by_role("button", name="Go on").click()
            tab.wait_until(
                "Llama", lambda: "Llama 3.2 1B Instruct on this" in place.inner_text(), FIRST_DRAW_TIMEOUT
            )
            tab.page.get_by_text("Built with Llama").first.wait_for()
            tab.wait_until("no line", lambda: line.count() == 0)
            tab.wait_until_idle()
            tab.send("Hello")
            tab.wait_for_answer("Yes")
            tab.page.close()
        assert "Traceback" not in app.log, app.log
        assert server.sent == len(content)
