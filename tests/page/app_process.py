"""Paddock in its own process, started as users start it: ``streamlit run app.py``."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path

from lib.system.paths import data_folder as data_folder_of_the_user

ROOT = Path(__file__).resolve().parents[2]
# Seconds. A start takes long on a busy machine.
START_TIMEOUT = 180.0


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_data_folder(folder: Path) -> Path:
    """Make a data folder that holds only a link to the twin's downloaded weights, if there are any."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = data_folder_of_the_user() / "weights"
    if weights.is_dir() and not (folder / "weights").exists():
        (folder / "weights").symlink_to(weights.resolve(), target_is_directory=True)
    return folder


def limit_open_files(limit: int) -> None:
    """Let this process have at most that many open files and connections."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))


class AppProcess:
    """A running ``streamlit run SCRIPT`` with these variables and no other credentials; a context manager.

    Its data folder is beside the log, unless PADDOCK_DATA_DIR names another. ``host`` is the name in its address,
    ``base_path`` what follows it.
    """

    def __init__(
        self,
        environment: dict[str, str],
        log: Path,
        script: str | Path = "app.py",
        *options: str,
        address: str = "127.0.0.1",
        port: int | None = None,
        host: str = "127.0.0.1",
        base_path: str = "",
        max_open_files: int | None = None,
    ) -> None:
        self._host, self._base_path = host, base_path
        self.port = port or free_port()
        self._log = log
        self._output = log.open("a")
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("CLOUDFLARE_", "STREAMLIT_", "PADDOCK_DATA"))
            and not name.lower().endswith("_proxy")
        }
        named = environment.get("PADDOCK_DATA_DIR")
        self.data = Path(named) if named else make_data_folder(log.with_name(f"{log.name}.data"))
        self.database = self.data / "paddock.sqlite3"
        # Name the database too: secrets.toml could name the user's.
        ours = {"PADDOCK_DATA_DIR": str(self.data), "PADDOCK_DATABASE_URL": f"sqlite:///{self.database}"}
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "streamlit",
                "run",
                str(script),
                "--server.headless",
                "true",
                "--server.port",
                str(self.port),
                "--server.address",
                address,
                "--server.baseUrlPath",
                base_path,
                *options,
            ],
            cwd=ROOT,
            env=inherited | ours | environment,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=max_open_files and partial(limit_open_files, max_open_files),
        )
        try:
            self._wait()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> AppProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Return the page's address, with the host that browsers know the machine by."""
        return f"http://{self._host}:{self.port}{self._base_path}"

    @property
    def log(self) -> str:
        """Return all output of the process."""
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        """Kill the process group at once, as a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(15)
        self._output.close()

    def close(self) -> None:
        """End the process as Ctrl-C does; kill it if that fails."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(15)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(15)
        self._output.close()

    def _wait(self) -> None:
        until = time.monotonic() + START_TIMEOUT
        health = f"http://127.0.0.1:{self.port}{self._base_path}/_stcore/health"
        while True:
            try:
                with urllib.request.urlopen(health, timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                if self.process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"streamlit run did not come up:\n{self.log}") from None
            time.sleep(0.05)
