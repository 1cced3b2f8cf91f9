"""The locks: each requirement has one version with hashes on every system, and the locks agree with each other."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest
from packaging.markers import Environment, default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("", "scripts", "tests", "tests/snippets")
PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.15")
SYSTEMS = (
    *(("linux", "Linux", "x86_64"), ("linux", "Linux", "aarch64")),
    *(("darwin", "Darwin", "arm64"), ("darwin", "Darwin", "x86_64")),
    ("win32", "Windows", "AMD64"),
)


@dataclass(frozen=True)
class LockedPackage:
    """A package of a lock: ``name==version``, where its marker holds, and the files' hashes."""

    requirement: Requirement
    hashes: frozenset[str]

    def version_in(self, environment: Environment) -> str | None:
        """Return the locked version, None if the package is not installed there."""
        marker = self.requirement.marker
        if marker is not None and not marker.evaluate(environment):
            return None
        return str(self.requirement.specifier).removeprefix("==")


def environments() -> list[Environment]:
    """Return what markers are evaluated against, for each supported system and Python."""
    made = []
    for python, (platform, system, machine) in product(PYTHONS, SYSTEMS):
        environment = default_environment()
        environment.update(
            python_version=python,
            python_full_version=f"{python}.1",
            implementation_version=f"{python}.1",
            sys_platform=platform,
            platform_system=system,
            platform_machine=machine,
            os_name="nt" if platform == "win32" else "posix",
        )
        made.append(environment)
    return made


@functools.cache
def read_lock(folder: str) -> list[LockedPackage]:
    """Parse a lock. Every line of it is a package, a hash or a comment."""
    packages = []
    for entry in re.split(
        r"\n(?=\S)", (ROOT / folder / "requirements.lock").read_text(encoding="utf-8").strip()
    ):
        head, *rest = entry.splitlines()
        hashes = [line for line in rest if not line.lstrip().startswith("#")]
        for line in hashes:
            assert re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line), line
        assert len(hashes) >= 1, head
        requirement = Requirement(head.removesuffix(" \\"))
        assert re.fullmatch(r"==[^*,]+", str(requirement.specifier)), head
        packages.append(LockedPackage(requirement, frozenset(line.strip(" \\") for line in hashes)))
    return packages


def read_requirements(folder: str) -> list[Requirement]:
    """Parse a requirements file, and the ones that it includes."""
    requirements = []
    for line in (ROOT / folder / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            requirements += read_requirements(str(Path(folder, line[3:]).parent))
        elif text := line.partition("#")[0].strip():
            requirements.append(Requirement(text))
    return requirements


def locked_packages(folder: str, environment: Environment) -> dict[str, tuple[str, frozenset[str]]]:
    """Return version and hashes by name, as they are installed in this environment."""
    locked: dict[str, tuple[str, frozenset[str]]] = {}
    for package in read_lock(folder):
        if (version := package.version_in(environment)) is not None:
            name = canonicalize_name(package.requirement.name)
            assert name not in locked, f"{name} has two versions"
            locked[name] = (version, package.hashes)
    return locked


def test_every_requirements_file_has_a_lock() -> None:
    files = [file for depth in ("", "*/", "*/*/") for file in ROOT.glob(f"{depth}requirements.txt")]
    assert {file.parent for file in files} == {ROOT / folder for folder in FOLDERS}


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_requirement_is_locked_on_every_system(folder: str) -> None:
    requirements = read_requirements(folder)
    assert requirements
    for environment in environments():
        locked = locked_packages(folder, environment)
        for requirement in requirements:
            if requirement.marker is None or requirement.marker.evaluate(environment):
                version, _ = locked.get(canonicalize_name(requirement.name), ("no version", None))
                assert requirement.specifier.contains(version), f"{requirement}: run scripts/lock"


def test_the_locks_of_the_program_and_the_checks_agree() -> None:
    for environment in environments():
        run = locked_packages("", environment)
        assert len(run) > 30
        assert run.items() <= locked_packages("tests", environment).items()


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_lock_names_an_index(folder: str) -> None:
    text = (ROOT / folder / "requirements.lock").read_text(encoding="utf-8")
    assert not re.search(r"//|^-|index|find-links|trusted-host", text, re.MULTILINE | re.IGNORECASE)
    assert "@" not in text


def test_actions_are_named_by_their_commit() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    used = re.findall(r"uses: (\S+)", workflow)
    assert used
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action) for action in used)


def test_the_scripts_install_only_locked_files() -> None:
    names = ("setup", "run", "check", "test", "lock")
    text = "\n".join((ROOT / "scripts" / name).read_text(encoding="utf-8") for name in names)
    # A command that goes on in the next line ends with a backslash.
    commands = re.findall(r'"\$python" -m pip install.*', text.replace("\\\n", " "))
    assert len(commands) == 3
    assert all("--require-hashes" in command for command in commands)
    installed = re.findall(r'^(?:step "install" )?install (\S+)$', text, re.MULTILINE)
    assert len(installed) == 3
    assert all(file.endswith("requirements.lock") for file in installed)
