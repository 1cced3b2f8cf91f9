"""Llama 3's tokenizer is loaded once, whoever asks first."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import quicktok

from lib.preflight import token_count


def test_threads_that_ask_at_once_load_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []

    def load(name: str) -> object:
        time.sleep(0.05)
        loaded.append(name)
        return object()

    monkeypatch.setattr(quicktok, "get_encoding", load)
    token_count._load_once.cache_clear()
    try:
        with ThreadPoolExecutor(4) as threads:
            asked = [threads.submit(token_count.load_tokenizer) for _ in range(4)]
        assert len({id(each.result()) for each in asked}) == 1
    finally:
        token_count._load_once.cache_clear()
    assert loaded == ["llama3"]
