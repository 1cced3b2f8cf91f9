"""The number of slots follows the memory, the cores and the model."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.local_models.memory import read_memory
from lib.twin import weights
from lib.twin.gguf_file import read_info
from lib.twin.slot_count import choose_context, choose_slots

GIB, CONTEXT = 1024**3, 8192


def test_contexts_take_a_sixteenth_of_the_memory_at_most() -> None:
    # Layers × heads of keys × length of a head × 2 (key and value) × 2 bytes.
    context_bytes = read_info(weights.ensure_weights()).cache_bytes_per_token * CONTEXT
    assert context_bytes == 30 * 3 * 64 * 2 * 2 * CONTEXT
    counts = [choose_slots(2, memory * GIB, context_bytes) for memory in (1, 8, 10, 16, 256)]
    assert counts == [2, 2, 3, 4, 4]


@pytest.mark.parametrize(
    ("cores", "memory", "context_bytes"), [(1, 16 * GIB, 1), (8, 0, 1), (8, 16 * GIB, 0)]
)
def test_one_core_or_an_unknown_size_gets_two_slots(cores: int, memory: int, context_bytes: int) -> None:
    assert choose_slots(cores, memory, context_bytes) == 2


def test_the_limit_of_a_container_counts(tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="Windows does not tell its memory this way")
    limit = tmp_path / "memory.max"
    limit.write_text("max\n")
    whole = read_memory(limit)
    assert whole == read_memory(tmp_path / "none") > 0
    limit.write_text(f"{whole // 2}\n")
    assert read_memory(limit) == whole // 2


def test_long_contexts_take_a_quarter_of_the_memory_at_most() -> None:
    # Llama 3.2 1B: layers × heads of keys × length of a head × 2 (key and value) × 2 bytes.
    token_bytes = 16 * 8 * 64 * 2 * 2
    contexts = [choose_context(131_072, 60_000, memory * GIB, token_bytes) for memory in (2, 4, 8, 16)]
    assert contexts == [8_192, 16_384, 32_768, 60_000]
    # As long as the model was trained for, and not longer than is sure to fit if the memory is unknown.
    assert choose_context(2_048, 60_000, 16 * GIB, token_bytes) == 2_048
    assert choose_context(131_072, 60_000, 0, token_bytes) == 8_192
    assert choose_context(0, 60_000, 16 * GIB, 0) == 8_192
