"""From the click on Download to the first answer, through cuts, restarts of the server and a wrong byte.

A stand-in of the hub serves a small model of Llama's kind. The server is killed and started again, each time as a
process of its own, and the real twin answers from the file that has come.
"""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any

from lib.local_models.model_source import CATALOGUE
from tests.killable_process import KillableProcess
from tests.local_models import small_catalogue
from tests.local_models.model_server import ModelServer, Script, corrupt_at, cut_at, hold_at
from tests.local_models.server_process import serve_models
from tests.twin.installed_models import make_data_folder
from tests.twin.llama_model import write_llama_model
from tests.waiting import wait_until

(LLAMA,) = CATALOGUE
SECONDS = 180.0


def test_from_the_click_to_the_answer(tmp_path: Path) -> None:
    """Cut the connection 20 times, kill the server 3 times, and send one wrong byte: no byte comes twice."""
    content = write_llama_model(tmp_path / "llama.gguf", answer="Yes").read_bytes()
    size, data = len(content), make_data_folder(tmp_path / "data")
    facts = {"size": size, "sha256": hashlib.sha256(content).hexdigest(), "memory": 10 * size}
    # For the twin, whose process finds it there.
    (data / "small-model.json").write_text(json.dumps(facts))
    folder = data / "models" / LLAMA.id
    part = folder / f"{LLAMA.file}.part"
    # The bytes at which the connections of the two downloads end. What the first one brings has a wrong byte.
    chance = random.Random(5)
    first, second = (sorted(chance.sample(range(5, size), count)) for count in (11, 12))
    wrong = chance.randrange(first[-1], size)
    # What the hub does with the connections of each server. The first three are killed in the silence at the end.
    servers: list[list[Script]] = [
        [*map(cut_at, first[:5]), hold_at(first[5])],
        [*map(cut_at, first[6:]), corrupt_at(wrong), *map(cut_at, second[:5]), hold_at(second[5])],
        [*map(cut_at, second[6:9]), hold_at(second[9])],
        [*map(cut_at, second[10:])],
    ]
    silences = [first[5], second[5], second[9]]
    reports: list[tuple[str, Any]] = []
    with ModelServer(content) as hub:
        environment = {
            "PADDOCK_DATA_DIR": str(data),
            "PADDOCK_CONTEXT": "4096",
            "HF_ENDPOINT": hub.url,
            "PYTHONPATH": str(Path(small_catalogue.__file__).parent),
        }

        def is_silent(connections: int, end: int) -> bool:
            return len(hub.requests) == connections and part.exists() and part.stat().st_size == end

        connections = 0
        for number, scripts in enumerate(servers):
            hub.scripts.extend(scripts)
            connections += len(scripts)
            # Only the first one is told to download: the others go on by themselves. The last one takes over from
            # the practice model.
            is_last = number == len(silences)
            with KillableProcess(serve_models, environment, facts, number == 0, is_last) as server:
                if not is_last:
                    end = silences[number]
                    wait_until(lambda: is_silent(connections, end), SECONDS)  # noqa: B023 (it ends here)
                else:
                    wait_until(lambda: not server.is_running, SECONDS)
            reports += server.reports
        assert [name for name, _ in reports] == ["failed", "answers"], reports
        (message, kept, here), answered = (facts for _, facts in reports)
        assert "checksum differs" in message
        assert (kept, here) == (0, ["smollm2-135m"])
        assert answered == ("Llama 3.2 1B Instruct on this computer (free)", "Yes")
        assert (folder / LLAMA.file).read_bytes() == content
        # Each connection begins where the one before it has ended. Only the damaged file comes again.
        assert [request.start for request in hub.requests] == [0, *first, 0, *second]
        assert hub.sent == 2 * size
