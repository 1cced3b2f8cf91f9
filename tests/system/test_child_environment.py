"""Child processes get what they need from the environment, and no credential."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.jsonkit.child_process import ChildProcess
from lib.local_models.supervisor import Supervisor
from lib.system.child_environment import child_environment

ROOT = Path(__file__).resolve().parents[2]
MARK = "marked-secret"
SECRETS = (
    *("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_AUTH_TOKEN", "CLOUDFLARE_API_KEY", "CLOUDFLARE_ACCOUNT_ID"),
    *("CF_AIG_TOKEN", "CLOUDFLARE_GATEWAY_ID"),
    *("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "OPENAI_API_KEY", "HF_TOKEN", "LLAMA_API_KEY", "PGPASSWORD"),
    *(
        "XDG_SESSION_COOKIE",
        "PYTHON_KEYRING_TOKEN",
        "PADDOCK_COOKIE_KEY",
        "cloudflare_api_token",
        "NO_NAME_AT_ALL",
    ),
)

reads_proc = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="only Linux shows the environment of a process"
)


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, f"{MARK}-{name}")
    monkeypatch.setenv("PADDOCK_DATABASE_URL", f"postgresql://user:{MARK}@127.0.0.1/paddock")


def environment_of(pid: int) -> dict[str, str]:
    """Return the environment that the process was started with."""
    lines = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(line.split("=", 1) for line in lines if line)


def children_of(pid: int) -> Iterator[int]:
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            parent = re.search(r"^PPid:\s*(\d+)$", status.read_text(), re.MULTILINE)
        except OSError:  # the process has ended meanwhile
            continue
        if parent and int(parent[1]) == pid:
            yield int(status.parent.name)


def test_only_what_is_allowed_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PATH", "LC_ALL", "OMP_NUM_THREADS", "PADDOCK_MODEL", "PYTHONPATH", "SystemRoot"):
        monkeypatch.setenv(name, "x")
        assert child_environment()[name] == "x"
    for name in ("PIP_INDEX_URL", "HTTPS_PROXY", "https_proxy", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, "x")
        assert name not in child_environment()
        assert child_environment(pip=True)[name] == "x"
    assert MARK not in str(child_environment(pip=True))
    assert child_environment(PADDOCK_TWIN_TOKEN="t")["PADDOCK_TWIN_TOKEN"] == "t"


def test_the_twin_gets_every_variable_that_it_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [*ROOT.glob("lib/twin/*.py"), *ROOT.glob("lib/jsonkit/*.py"), *ROOT.glob("lib/system/*.py")]
    source = "\n".join(file.read_text(encoding="utf-8") for file in files)
    read = set(re.findall(r"environ(?:\.\w+\(|\[)\"(\w+)\"", source))
    assert {"PADDOCK_MODEL", "PADDOCK_DATA_DIR", "PADDOCK_TWIN_TOKEN"} <= read
    # The supervisor makes these for each twin.
    read -= {"PADDOCK_TWIN_TOKEN", "PADDOCK_TWIN_ACCOUNT"}
    for name in read:
        monkeypatch.setenv(name, "x")
    assert read <= child_environment().keys()


@reads_proc
def test_the_process_for_endless_work_gets_no_secret() -> None:
    child = ChildProcess()
    try:
        environment = environment_of(child.call("os:getpid", seconds=60))
    finally:
        child.close()
    assert "PATH" in environment
    assert MARK not in str(environment)


@reads_proc
def test_neither_the_twin_nor_its_pip_gets_a_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PADDOCK_MODEL", raising=False)
    monkeypatch.setenv("PADDOCK_DATA_DIR", str(tmp_path))
    supervisor = Supervisor()
    # pip waits for this index to answer.
    with socket.create_server(("127.0.0.1", 0)) as index:
        address = f"http://127.0.0.1:{index.getsockname()[1]}/simple"
        monkeypatch.setenv("PIP_INDEX_URL", address)
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        index.settimeout(60)
        supervisor.start()
        try:
            connection, _ = index.accept()
            with connection:
                (twin,) = supervisor.pids
                (pip,) = children_of(twin)
                of_twin, of_pip = environment_of(twin), environment_of(pip)
        finally:
            supervisor.close()
    assert of_twin["PADDOCK_DATA_DIR"] == str(tmp_path)
    assert of_pip["PIP_INDEX_URL"] == address
    assert "PADDOCK_TWIN_TOKEN" not in of_pip
    assert MARK not in str(of_twin)
    assert MARK not in str(of_pip)
