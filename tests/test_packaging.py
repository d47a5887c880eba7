"""What a fresh clone brings: locks, licence, notices, one README, and commands that come up on a bare machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ("build", "runtime", "contactless", "dev")
COMMANDS = (".ci/run", "deploy/install", "deploy/lock", "deploy/test")

KNOWN_HOSTS = ("socialsecurity.be", "belgif.be", "json-schema.org", "spec.openapis.org", "ietf.org", "europa.eu", "github.com")
"""Whom a file may point at; hosts that can't exist (RFC 2606, RFC 6761) may stand anywhere."""

IMPOSSIBLE_HOSTS = (
    ".example",
    ".example.com",
    ".example.net",
    ".example.org",
    ".invalid",
    ".test",
    ".localhost",
    "127.0.0.1",
    "999.1.1.1",
)

PYTHON_310 = f"""exec {sys.executable} -c 'import sys; sys.version_info = (3, 10, 9, "final", 0); exec(sys.argv[1])' "$2" """

LIKE_A_HOST = re.compile(r"https?://(?:[^/@\s]*@)?([a-z0-9-]+(?:\.[a-z0-9-]+)+)", re.IGNORECASE)
LIKE_SOMEBODYS_PATH = re.compile(r"(?<![\w.~}*])/(?:home|root|Users|opt|mnt|media|work|workspace)/\w")


def lock(name: str) -> dict[str, str]:
    """Return the locked version of each package; fails on a line that is not pinned and hashed."""
    text = re.sub(r"(?m)^\s*#.*\n", "", (ROOT / f"deploy/locks/{name}.txt").read_text())
    versions = {}
    for line in text.replace("\\\n", "").splitlines():
        found = re.fullmatch(r"([a-z0-9-]+)==([\w.]+)( ; [^#]+?)?((?:\s+--hash=sha256:[0-9a-f]{64})+)\s*", line)
        assert found, f"{name}.txt: not pinned with hashes: {line[:80]}"
        versions[found[1]] = found[2]
    return versions


def own_files() -> Iterator[Path]:
    """Yield every file of the project itself: no environment, cache or build result."""
    for directory, names, files in os.walk(ROOT):
        names[:] = [
            name
            for name in names
            if name == ".ci" or not (name.startswith(".") or name in {"__pycache__", "build", "dist", "htmlcov"})
        ]
        names[:] = [name for name in names if not name.endswith(".egg-info")]
        yield from (Path(directory, file) for file in files if not file.startswith(".coverage"))


def run(command: str, *arguments: str, path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one of our commands with stand-ins for Debian's tools first on PATH, as if on another machine."""
    return subprocess.run(
        [str(ROOT / command), *arguments],
        env={"HOME": str(path), "PATH": f"{path}:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", **environment},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


def stand_in(path: Path, name: str, script: str) -> None:
    """Put a small shell script in place of a command."""
    (path / name).write_text(f"#!/bin/sh\n{script}\n")
    (path / name).chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A supported machine that has every Debian package already."""
    stand_in(tmp_path, "uname", "echo x86_64")
    stand_in(tmp_path, "getconf", "echo 64")
    stand_in(tmp_path, "dpkg-query", "printf installed")
    return tmp_path


@pytest.mark.parametrize("name", LOCKS)
def test_lock_pins_and_hashes_every_package(name: str) -> None:
    """Nothing is installed that was not chosen and hashed."""
    assert lock(name)


@pytest.mark.parametrize("name", LOCKS)
def test_lock_names_no_registry(name: str) -> None:
    """The machine's own pip configuration decides where packages come from."""
    text = (ROOT / f"deploy/locks/{name}.txt").read_text()
    assert "://" not in text
    assert "index-url" not in text
    assert "find-links" not in text


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("runtime", PROJECT["project"]["dependencies"]),
        ("contactless", PROJECT["project"]["dependencies"]),
        ("contactless", PROJECT["project"]["optional-dependencies"]["contactless"]),
        ("dev", PROJECT["project"]["dependencies"]),
        ("dev", PROJECT["dependency-groups"]["dev"]),
        ("build", PROJECT["dependency-groups"]["build"]),
        ("build", PROJECT["build-system"]["requires"]),
    ],
)
def test_lock_holds_what_pyproject_asks(name: str, wanted: list[str]) -> None:
    """A dependency that was added without locking it again is found here."""
    locked = lock(name)
    for requirement in map(Requirement, wanted):
        assert Version(locked[canonicalize_name(requirement.name)]) in requirement.specifier


def test_boxes_run_the_versions_that_were_tested() -> None:
    """The lock of every box, with an extra or without, is a part of the tests' lock, version by version."""
    assert lock("runtime").items() <= lock("contactless").items() <= lock("dev").items()


def test_notice_names_every_package_that_a_box_gets() -> None:
    """Whoever ships an image finds each part's licence in NOTICE, and no part that is gone."""
    noticed = {canonicalize_name(name) for name in re.findall(r"(?m)^  ([\w-]+)  ", (ROOT / "NOTICE").read_text())}
    assert noticed == lock("contactless").keys() | lock("build").keys()


def test_licence_is_whole() -> None:
    """LICENSE is the EUPL 1.2 with its fifteen articles and its appendix."""
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("EUROPEAN UNION PUBLIC LICENCE v. 1.2\n")
    assert re.findall(r"(?m)^(\d+)\. [A-Z]", text) == [str(number) for number in range(1, 16)]
    assert text.rstrip().endswith("require the production of a new EUPL version.")


def test_files_point_at_known_hosts_only() -> None:
    """No file names a registry, or any host that nobody decided on."""
    strangers = {
        f"{file.relative_to(ROOT)}: {host}"
        for file in own_files()
        for host in LIKE_A_HOST.findall(file.read_text(encoding="utf-8", errors="replace"))
        if not f".{host}".lower().endswith((*(f".{known}" for known in KNOWN_HOSTS), *IMPOSSIBLE_HOSTS))
    }
    assert not strangers


def test_files_know_no_single_machine() -> None:
    """No file holds a path that exists on one person's machine only."""
    paths = {
        f"{file.relative_to(ROOT)}: {found[0]}"
        for file in own_files()
        if (found := LIKE_SOMEBODYS_PATH.search(file.read_text(encoding="utf-8", errors="replace")))
    }
    assert not paths


def test_readme_names_both_commands_and_the_limits() -> None:
    """A reader finds the demo, the tests, and what this is not."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for words in ("deploy/demo", "deploy/test", "certifies no solution", "EUPL-1.2", "armv7"):
        assert words in readme


@pytest.mark.parametrize("command", COMMANDS)
def test_command_is_a_strict_script(command: str) -> None:
    """Each command can be run as it is, parses, and stops at its first error."""
    assert os.access(ROOT / command, os.X_OK)
    assert "\nset -euo pipefail\n" in (ROOT / command).read_text()
    assert subprocess.run(["bash", "-n", ROOT / command], check=False).returncode == 0


@pytest.mark.parametrize("command", ["deploy/install", "deploy/test"])
def test_command_explains_itself(command: str, machine: Path) -> None:
    """``--help`` prints the usage and does nothing."""
    done = run(command, "--help", path=machine)
    assert done.returncode == 0
    assert f"usage: {command}" in done.stdout


def test_kiosk_command_exists() -> None:
    """An installation gives the command ``kiosk``."""
    (script,) = entry_points(group="console_scripts", name="kiosk")
    assert callable(script.load())


def test_wheel_holds_every_file_of_the_packages(tmp_path: Path) -> None:
    """What the Debian package is built from lacks no module, schema or default file."""
    copy = tmp_path / "copy"
    for file in own_files():
        target = copy / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, copy],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    ours = {
        str(file.relative_to(copy))
        for package in ("kiosk", "hardware")
        for file in (copy / package).rglob("*")
        if file.is_file() and file.suffix != ".md"
    }
    assert packed == ours


@pytest.mark.parametrize(
    ("tool", "script", "told"),
    [
        ("getconf", "echo 32", "32-bit system"),
        ("uname", "echo riscv64", "unsupported processor: riscv64"),
        ("python3", "exit 1", "python3 does not run"),
        ("python3", PYTHON_310, "Python 3.10 is too old: 3.11 or newer"),
        ("python3", "case $2 in *ensurepip*) exit 1 ;; *) echo 3.12 ;; esac", "can't make virtual environments"),
    ],
)
def test_unsuitable_machine_is_refused_in_words(tool: str, script: str, told: str, machine: Path) -> None:
    """A machine that can't run the kiosk is told why before anything is installed."""
    stand_in(machine, tool, script)
    done = run("deploy/install", "--venv", str(machine / "venv"), path=machine)
    assert done.returncode == 1
    assert told in done.stderr
    assert not (machine / "venv").exists()


def test_missing_python_is_told(machine: Path) -> None:
    """An interpreter that was asked for by name and is not there is named."""
    done = run("deploy/install", "--venv", str(machine / "venv"), path=machine, PYTHON="python9")
    assert done.returncode == 1
    assert "no such Python: python9" in done.stderr


def test_unknown_argument_is_refused(machine: Path) -> None:
    """A typing error installs nothing."""
    done = run("deploy/install", "--test", path=machine)
    assert done.returncode == 1
    assert "unknown argument: --test" in done.stderr


def test_missing_debian_packages_are_named_when_they_can_not_be_had(machine: Path) -> None:
    """Without a network the repair names the very packages, and only the missing ones."""
    stand_in(machine, "dpkg-query", 'for last; do :; done; [ "$last" = pcscd ] || printf installed')
    stand_in(machine, "apt-get", "exit 100")
    stand_in(machine, "sudo", "exit 1")
    done = run("deploy/install", "--venv", str(machine / "venv"), path=machine)
    assert done.returncode == 1
    assert "Is there a network?" in done.stderr
    assert done.stderr.rstrip().endswith("apt-get install pcscd")


def test_unreachable_registry_is_told(machine: Path) -> None:
    """Without a network for Python's packages a person is told so, in a sentence, below pip's own words."""
    done = run(
        "deploy/install", "--venv", str(machine / "venv"), path=machine, PYTHON=sys.executable, PIP_INDEX_URL="https://127.0.0.1:9/"
    )
    assert done.returncode == 1
    assert "the Python packages could not be fetched" in done.stderr
    assert "Is there a network" in done.stderr
