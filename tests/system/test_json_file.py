"""A JSON file is whole at each moment, whoever writes it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lib.system.json_file import write_json


def test_several_threads_write_one_file(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    values = [[number] * 500 for number in range(200)]
    with ThreadPoolExecutor(4) as threads:
        for _ in threads.map(lambda value: write_json(path, value), values):
            assert json.loads(path.read_text()) in values
    assert list(tmp_path.iterdir()) == [path]


def test_a_value_that_is_no_json_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    write_json(path, 1)
    with pytest.raises(TypeError):
        write_json(path, object())
    assert [json.loads(file.read_text()) for file in tmp_path.iterdir()] == [1]
