"""The shipped adapter: its metadata, its fit to the model, and its effect on answers."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lib.twin import gguf_file, weights
from tests.twin.conftest import ROOT

ADAPTER = ROOT / "lib" / "twin" / "adapters" / "pirate.gguf"
# SmolLM2-135M: its hidden size, three heads of 64, its blocks.
WIDTH, GROUPED, LAYERS = 576, 192, 30
SHAPES = {"attn_q": (WIDTH, WIDTH), "attn_v": (WIDTH, GROUPED), "attn_output": (WIDTH, WIDTH)}
F16 = 1


def read_adapter() -> tuple[dict[str, Any], dict[str, tuple[tuple[int, ...], int]]]:
    """Return the metadata, and each tensor's shape (innermost dimension first) and ggml type."""
    facts: dict[str, Any] = {}
    tensors: dict[str, tuple[tuple[int, ...], int]] = {}
    with ADAPTER.open("rb") as file:

        def take(form: str) -> Any:
            return struct.unpack("<" + form, file.read(struct.calcsize("<" + form)))

        def text() -> str:
            return file.read(take("Q")[0]).decode()

        magic, version, count, pairs = take("4sIQQ")
        assert (magic, version) == (b"GGUF", 3)
        for _ in range(pairs):
            key, (kind,) = text(), take("I")
            facts[key] = text() if kind == 8 else take({4: "I", 6: "f"}[kind])[0]
        for _ in range(count):
            name, (axes,) = text(), take("I")
            shape = take(f"{axes}Q")
            tensors[name] = (shape, take("IQ")[0])
    return facts, tensors


def test_its_metadata() -> None:
    facts, _ = read_adapter()
    assert facts["general.type"] == "adapter"
    assert facts["adapter.type"] == "lora"
    assert facts["general.architecture"] == "llama"
    assert facts["general.name"] == "pirate" == gguf_file.read_info(ADAPTER).name == ADAPTER.stem
    assert "pirate" in facts["general.description"]
    assert "\n" not in facts["general.description"]
    assert facts["general.license"] == "apache-2.0"
    assert facts["general.base_model.0.name"] == "SmolLM2 135M Instruct"
    assert facts["adapter.lora.alpha"] > 0


def test_its_shapes_fit_the_model() -> None:
    _, tensors = read_adapter()
    rank = tensors[min(tensors)][0][1]
    for name, (shape, number) in tensors.items():
        layer, target, side = re.fullmatch(r"blk\.(\d+)\.(\w+)\.weight\.lora_([ab])", name).groups()  # type: ignore[union-attr]
        inner, outer = SHAPES[target]
        assert int(layer) < LAYERS
        assert shape == ((inner, rank) if side == "a" else (rank, outer)), name
        assert number == F16
        assert name[:-1] + "ba"["ab".index(side)] in tensors


def test_it_is_small() -> None:
    # It is in the repository.
    assert ADAPTER.stat().st_size < 700_000


ASK = """
import json, sys
import xllamacpp

model, adapter = sys.argv[1:]
params = xllamacpp.CommonParams()
params.model.path = model
params.n_parallel, params.n_ctx, params.verbosity, params.cache_ram_mib = 1, 512, 0, 0
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(adapter, 0.0)]
params.lora_init_without_apply = True
server = xllamacpp.Server(params)
for line in sys.stdin:
    heard = []
    server.handle_chat_completions(line.encode(), lambda chunk: bool(heard.append(bytes(chunk))))
    print(json.dumps(json.loads(b"".join(heard))["choices"][0]["message"]["content"]), flush=True)
"""
SPEECH = re.compile(r"\b(arr+|ahoy|matey|aye|ye|yer|hearties|scallywag|savvy|landlubber|doubloons?)\b", re.I)


@pytest.fixture(scope="module")
def engine() -> Iterator[subprocess.Popen[str]]:
    """Start the engine alone with the adapter, in a process of its own: its end can abort the process."""
    command = [sys.executable, "-c", ASK, str(weights.ensure_weights()), str(ADAPTER)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        yield process
        process.kill()


def ask_engine(engine: subprocess.Popen[str], question: str, scale: float) -> str:
    assert engine.stdin
    assert engine.stdout
    request = {
        "messages": [{"role": "user", "content": question}],
        "temperature": 0,
        "max_tokens": 48,
        "cache_prompt": False,
        "lora": [{"id": 0, "scale": scale}],
    }
    engine.stdin.write(json.dumps(request) + "\n")
    engine.stdin.flush()
    return str(json.loads(engine.stdout.readline()))


def test_it_changes_the_style(engine: subprocess.Popen[str]) -> None:
    # The training data have none of these questions.
    for question in ("What is the capital of France?", "Give me a tip for learning a language."):
        plain, styled = ask_engine(engine, question, 0.0), ask_engine(engine, question, 1.0)
        assert not SPEECH.search(plain), plain
        assert SPEECH.search(styled), styled


def test_the_questions_are_not_in_the_training_data() -> None:
    training_data = Path(ROOT / "scripts" / "pirate.toml").read_text(encoding="utf-8")
    assert "capital of France" not in training_data
    assert "learning a language" not in training_data
