"""The support bundle: what somebody else needs to help, without a person, a key or a token in it.

Chosen, not copied: neither the store, the configuration file nor a log goes in as it is.
"""

from __future__ import annotations

import io
import json
import os
import platform
import re
import sqlite3
import ssl
import subprocess
import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Final

from kiosk import control, outbox
from kiosk.check import Finding, report
from kiosk.doctor.log_lines import kept, own_events
from kiosk.doctor.masking import masked, masks
from kiosk.doctor.scrubber import Scrubber
from kiosk.errors import KioskError, UsageError
from kiosk.opening import borrowed_desk
from kiosk.settings import Config

#: What they tell is where the site is.
_SITE: Final = frozenset({"position", "addresses"})
_FOLDER: Final = "kiosk-support"
_SECONDS: Final = 5.0
_LINES: Final = 500
_README: Final = """\
What `kiosk doctor --bundle` puts together for support. Look through it before you give it away: it is plain text.

findings.json   what doctor found, without the place of the site
config.json     the configuration: client ids and the numbers of employers and declarations are cut to their last three
                characters, coordinates to whole degrees; names of the site, addresses and links are only told to be set
status.json     how the running daemon stands; null where none answered
book.json       how many registrations are in which state; null where the store was not opened
log.jsonl       the daemon's last lines: time, module, words from its source, counts; nothing else of them
versions.json   of this program, its parts and the system

Not in it: the store, keys, certificates, tokens, names, INSZ, badge numbers, and any file as it lies on the box.
"""

Run = Callable[[Sequence[str]], str | None]


def ask(command: Sequence[str]) -> str | None:
    """Run one of the system's own tools; what it prints, or None where it is missing, fails or takes too long."""
    try:
        ran = subprocess.run(command, capture_output=True, check=True, timeout=_SECONDS, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return None
    return ran.stdout.decode("utf-8", "replace")


def collect(findings: Sequence[Finding], config: Config | None, *, log: Path | None, run: Run = ask) -> dict[str, bytes]:
    """Put the bundle's files together, by name.

    Args:
        findings: What ``doctor`` found.
        config: None where it could not be read.
        log: The daemon's log, where it is not in the journal.
        run: Runs one of the system's tools.

    Raises:
        UsageError: The log can't be read.
    """
    scrubber = Scrubber(({} if config is None else masks(config)) | {platform.node(): "<host>"})
    shown = [each for each in findings if each.subject not in _SITE]
    status = None if config is None else _status(config)
    documents: dict[str, object] = {
        "findings.json": dict(report(shown)),
        "config.json": None if config is None else masked(config),
        "status.json": status,
        "book.json": None if config is None else _book(config),
        "versions.json": versions(run),
    }
    lines = (json.dumps(scrubber.value(each)) for each in kept(_log(log, run), own_events()))
    return {
        "README.txt": _README.encode(),
        **{name: json.dumps(scrubber.value(each), indent=1).encode() for name, each in documents.items()},
        "log.jsonl": "".join(f"{line}\n" for line in lines).encode(),
    }


def write(path: Path, files: Mapping[str, bytes]) -> None:
    """Write the bundle as a new .tar.gz that only its owner reads; nobody's name is in it either.

    Raises:
        UsageError: The file is there already, or can't be written.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"{_FOLDER}/{name}")
            entry.size, entry.mode = len(content), 0o600
            archive.addfile(entry, io.BytesIO(content))
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(packed.getvalue())
    except OSError as error:
        raise UsageError(f"--bundle {path}: {error.strerror}", repair="name a new file in a folder that you may write") from None


def versions(run: Run) -> dict[str, object]:
    """Which program on which system."""
    return {
        "ciao-kiosk": version("ciao-kiosk"),
        "packages": {name: _version(name) for name in sorted(_packages(requires("ciao-kiosk") or ()))},
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "openssl": ssl.OPENSSL_VERSION,
        "system": _first(_read(Path("/etc/os-release")), "PRETTY_NAME="),
        "model": _read(Path("/proc/device-tree/model")).rstrip("\0\n") or None,
        "kernel": platform.release(),
        "machine": platform.machine(),
        "pcscd": _first(run(("pcscd", "--version"))),
        "systemd": _first(run(("systemctl", "--version"))),
    }


def _packages(required: Iterable[str]) -> set[str]:
    return {found[0] for each in required if (found := re.match(r"[A-Za-z0-9._-]+", each))}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _first(text: str | None, start: str = "") -> str | None:
    """The first line that starts so, without the start."""
    lines = [line for line in (text or "").splitlines() if line.startswith(start)]
    return lines[0].removeprefix(start).strip('"') if lines else None


def _status(config: Config) -> object:
    try:
        return dict(control.ask(config.control.socket, "status", {}))
    except KioskError:
        return None


def _book(config: Config) -> object:
    """Counts by state; where a daemon holds the store its status has them."""
    if not config.store.path.exists():
        return None
    try:
        with borrowed_desk(config, create=False) as desk:
            counts = desk.database.read(partial(outbox.tally, book=desk.book)).counts
    except KioskError:
        return None
    return {state.value: count for state, count in counts.items()}


def _log(log: Path | None, run: Run) -> list[str]:
    if log is None:
        text = run(("journalctl", "--unit", "kiosk", "--output", "cat", "--lines", str(_LINES), "--no-pager")) or ""
    else:
        try:
            text = log.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise UsageError(f"--log {log}: {error.strerror}", repair="name the file to which the daemon's log goes") from None
    return text.splitlines()[-_LINES:]
