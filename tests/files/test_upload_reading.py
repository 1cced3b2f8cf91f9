"""Uploads read in a child process: results as in place, a typed error at each limit, and an end at any time."""

from __future__ import annotations

import gc
import io
import json
import os
import pathlib
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from lib.errors import BadInput, PaddockError
from lib.experiment.inputs.input_reader import read_input_file, read_pasted_inputs
from lib.files import preset_file, upload_reading
from lib.files.conversation_import_export import dump_zip, read_conversations
from lib.files.conversation_json import ConversationFile, dump_conversation
from lib.files.preset_file import load_presets
from lib.files.upload_reading import ReadingLimits, UploadNotRead, UploadReading
from lib.model.known_models import find_record
from lib.model.model_record import default_model
from tests.files import hostile_files
from tests.files.full_memory import stay_full
from tests.files.workbook import make_workbook
from tests.store.conversation_trees import SETTINGS, make_conversation

MODEL = default_model()
# Everything in a process, and none that a busy machine could stop.
PATIENT = ReadingLimits(seconds=120, read_in_place=-1)
ANSWERED = ConversationFile(make_conversation("Hi", "And you?"), SETTINGS, "A title", True)
CALLS: dict[str, tuple[Any, ...]] = {
    "CSV": (read_input_file, "a.csv", "text,expected\nä,1\n,\nb".encode()),
    "XLSX": (read_input_file, "a.xlsx", make_workbook(["text", "n"], ["x", 0.5], ["=1+1", 2])),
    "a paste": (read_pasted_inputs, "a\tb\n1\t2"),
    "conversations": (read_conversations, dump_zip([ANSWERED] * 3, find_record), MODEL),
    "presets": (load_presets, preset_file.dump_presets(preset_file.shipped_presets(MODEL)).encode(), MODEL),
}


def read(*call: Any, limits: ReadingLimits = PATIENT) -> list[Any]:
    """Read the upload by that call to its end, and return its values."""
    reading = UploadReading(*call, limits=limits)
    assert reading.wait(150)
    return list(reading.values())


def wait_until_started(reading: UploadReading) -> None:
    while reading.seconds == 0:
        time.sleep(0.01)


@pytest.mark.parametrize("what", CALLS)
def test_a_process_reads_the_same(what: str) -> None:
    function, *arguments = CALLS[what]
    result = function(*arguments)
    expected = list(result) if what == "conversations" else [result]
    values = read(*CALLS[what])
    if what == "conversations":  # the times of an answer compare by identity
        assert list(map(dump_conversation, values)) == list(map(dump_conversation, expected))
        assert values[0].conversation.messages == ANSWERED.conversation.messages
    else:
        assert values == expected


def test_small_files_need_no_process_and_packed_ones_do() -> None:
    def needs_process(*arguments: Any) -> bool:
        reading = UploadReading(read_input_file, *arguments)
        assert reading.wait(60)
        return reading._job._process is not None

    assert not needs_process("a.csv", b"a,b\n1,2")
    assert needs_process("a.csv", b"a,b\n" + b"1,2\n" * 30_000)
    assert needs_process("a.xlsx", make_workbook(["a"], ["b"]))


@pytest.mark.parametrize("limits", [PATIENT, ReadingLimits()], ids=["in a process", "in place"])
def test_errors_of_a_reader_are_the_same(limits: ReadingLimits) -> None:
    with pytest.raises(BadInput, match=r"^Line 2 has 3 cells, but the header has 2 columns\.$") as caught:
        read(read_input_file, "a.csv", b"a,b\n1,2,3", limits=limits)
    assert "must be in quotes" in caught.value.advice


# The last one holds the interpreter's lock: nothing but a signal or the interpreter's watchdog ends it.
@pytest.mark.parametrize("call", [(time.sleep, 600), (re.match, "(a|a)+$", "a" * 60 + "b")])
def test_time(call: tuple[Any, ...]) -> None:
    reading = UploadReading(*call, limits=replace(PATIENT, seconds=0.3))
    assert reading.wait(60)
    with pytest.raises(UploadNotRead, match=r"takes more than 0\.3 seconds, so it was stopped") as caught:
        list(reading.values())
    assert "Split it" in caught.value.advice


def test_memory() -> None:
    with pytest.raises(UploadNotRead, match="takes more than 256 MB of memory"):
        read(bytearray, 260_000_000)
    assert len(read(bytes, 1_000_000)[0]) == 1_000_000


def test_a_process_that_stays_at_the_limit_of_its_memory_is_ended() -> None:
    with pytest.raises(UploadNotRead, match="takes more than 100 MB"):
        read(stay_full, limits=replace(PATIENT, memory=100_000_000))


def test_the_size_of_the_result() -> None:
    data = b"a,b\n" + b"1,2\n" * 30_000
    with pytest.raises(UploadNotRead, match=r"of the file takes more than 0\.1 MB"):
        read(read_input_file, "a.csv", data, limits=replace(PATIENT, result=100_000))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ((int, "x"), r"damaged, or not what its name says \(ValueError\)"),
        ((os._exit, 3), r"ended without a result \(code 3\)"),
        ((os.abort,), "ended without a result"),
        ((pathlib.Path, "x"), "is not part of a result"),
        ((io.open, "/nowhere/at/all"), "FileNotFoundError"),
    ],
    ids=str,
)
def test_readers_that_fail(call: tuple[Any, ...], says: str) -> None:
    with pytest.raises(UploadNotRead, match=says):
        read(*call)


def test_no_secret_reaches_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "secret-of-this-test")
    assert read(os.getenv, "CLOUDFLARE_API_TOKEN", "none") == ["none"]


def test_cancel_ends_the_process() -> None:
    reading = UploadReading(time.sleep, 600, limits=PATIENT)
    wait_until_started(reading)
    reading.cancel()
    assert reading.wait(60)
    process = reading._job._process
    assert process is not None
    assert process.poll() is not None
    with pytest.raises(UploadNotRead, match="cancelled"):
        list(reading.values())


def test_the_process_ends_when_nobody_waits_for_it() -> None:
    reading = UploadReading(time.sleep, 600, limits=PATIENT)
    wait_until_started(reading)
    job = reading._job
    del reading
    gc.collect()
    assert job.done.wait(60)
    assert job._process is not None
    assert job._process.poll() is not None


def test_only_some_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_reading, "_slots", threading.BoundedSemaphore(1))
    first = UploadReading(time.sleep, 600, limits=PATIENT)
    wait_until_started(first)
    second, third = (UploadReading(len, "abc", limits=PATIENT) for _ in range(2))
    assert not second.wait(0.2)
    assert second.seconds == 0
    second.cancel()
    assert second.wait(60)
    assert second._job._process is None
    first.cancel()
    assert third.wait(60)
    assert list(third.values()) == [3]


def bomb(build: Callable[[Random, int], bytes], scale: int, seed: int = 1) -> bytes:
    return build(Random(seed), scale)


# Seconds and MB that are enough to find the limit, and too little to read the file.
BOMBS: dict[str, tuple[bytes, float, int, str]] = {
    "too many texts": (
        bomb(hostile_files.shared_strings, 5_000_000),
        600,
        256,
        "5,000,000 texts, more than 500,000",
    ),
    "many texts": (bomb(hostile_files.shared_strings, 499_999), 1, 256, "takes more than 1 seconds"),
    "deep XML": (bomb(hostile_files.deep_xml, 2_000_000), 600, 100, "takes more than 100 MB"),
    "sheets": (bomb(hostile_files.many_sheets, 2_000), 600, 256, "2,001 sheets, more than 1,000"),
    "names": (bomb(hostile_files.defined_names, 10_001), 600, 256, "10,001 defined names, more than 10,000"),
    "styles": (bomb(hostile_files.many_styles, 70_001), 600, 256, "70,001 fonts, more than 70,000"),
    "entities": (bomb(hostile_files.entities, 100_000), 600, 256, "XML defines entities"),
    "a far column": (bomb(hostile_files.far_cells, 200), 600, 256, "more than 1,000,000 cells up to row"),
}


@pytest.mark.parametrize("what", BOMBS)
def test_a_bomb_ends_at_its_limit(what: str) -> None:
    data, seconds, megabytes, says = BOMBS[what]
    assert len(data) < 300_000
    limits = ReadingLimits(seconds, megabytes * 1_000_000)
    with pytest.raises(UploadNotRead, match=says):
        read(read_input_file, "a.xlsx", data, limits=limits)


READERS: dict[str, Callable[[str, bytes], Any]] = {
    "table": read_input_file,
    "conversations": lambda _, data: list(read_conversations(data, MODEL)),
    "presets": lambda _, data: load_presets(data, MODEL),
}


@pytest.mark.parametrize("seed", range(4))
def test_hostile_files_are_read_or_refused(seed: int) -> None:
    """The short form of bench.faults.files: small files of every family, read in place."""
    for file in hostile_files.hostile_files(seed, len(hostile_files.FAMILIES), 300):
        try:
            READERS[file.kind](file.name, file.data)
        except PaddockError as error:
            json.dumps([error.message, error.advice]).encode()
        except Exception as error:
            raise AssertionError(f"{file.family} as {file.kind}, seed {seed}: {error!r}") from error
