"""The folder of an export, written by the verb as whoever called it; the daemon, or the desk, gives what goes into it in pages."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

from kiosk import verify
from kiosk.accounts import Course
from kiosk.advice import Language
from kiosk.durable import KEPT
from kiosk.errors import KioskError, UsageError
from kiosk.report import Report
from kiosk.testimony import CHAIN, SIGNATURES

#: Asks the daemon, or the desk where none runs, by a call's words.
Ask = Callable[[str, Mapping[str, object]], Mapping[str, Any]]

_REPORT: Final = "report"
_VERIFIER: Final = "verify.py"


class Sheet:
    """A new file for its owner alone, written in pieces; ``digest`` is the SHA-256 of what it holds."""

    def __init__(self, path: Path) -> None:
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """Of everything that was written, hexadecimal."""
        return self._hash.hexdigest()

    def write(self, text: str) -> None:
        """Add a piece."""
        self.put(text.encode(errors="backslashreplace"))  # half a character may stand in what a stranger sent

    def put(self, data: bytes) -> None:
        """Add a piece as it is."""
        self._hash.update(data)
        self._file.write(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._file:
            self._file.flush()
            os.fsync(self._file.fileno())


def export_evidence(
    folder: Path, ask: Ask, asked: Mapping[str, object], *, site: str, zone: ZoneInfo, language: Language
) -> dict[str, object]:
    """Write an evidence export: the chain, its signatures, a report for people and for programs, and a verifier.

    Args:
        folder: Must not be there yet; nothing of it is left where the export fails.
        ask: The desk.
        asked: What ``evidence export`` takes.
        site: The site's name, for the report.
        zone: The site's time zone, likewise.
        language: Of the report.

    Returns:
        What ``evidence export`` told, and ``folder``, ``entries``, ``registrations``.

    Raises:
        UsageError: The folder is there already.
        KioskError: The disk can't take it, or the desk declined.
    """
    with _new_folder(folder):
        export = ask("evidence export", asked)
        course, signatures, files = Course(), [], {}
        entries = 0
        with Sheet(folder / CHAIN) as chain:
            for page in pages(ask, "evidence lines", {"export": export["export"]}):
                signatures += page["signatures"]
                for line in page["items"]:
                    course.note(line)
                    chain.write(json.dumps(line) + "\n")
                    entries += 1
        files[CHAIN] = chain.digest
        parts = pages(ask, "evidence registrations", {"export": export["export"], "lang": language.value})
        rows = (course.account(row) for part in parts for row in part["items"])
        count = _write_reports(folder, export, rows, Report(language, zone), files, site=site)
        files[_VERIFIER] = _put(folder / _VERIFIER, Path(verify.__file__).read_text(encoding="utf-8"))
        vouched = ask("evidence vouch", {"export": export["export"], "files": files})
        papers = {"export": export["export"], "at": export["at"], "signatures": signatures, "files": files, **vouched}
        _put(folder / SIGNATURES, json.dumps(papers, indent=1) + "\n")
    return {**export, "folder": str(folder), "entries": entries, "registrations": count}


def _write_reports(
    folder: Path,
    export: Mapping[str, Any],
    rows: Iterator[dict[str, object]],
    report: Report,
    files: dict[str, str],
    *,
    site: str,
) -> int:
    """Write both reports side by side, a registration at a time; returns how many there are."""
    count = 0
    with Sheet(folder / f"{_REPORT}.html") as page, Sheet(folder / f"{_REPORT}.json") as data:
        page.write(report.head(export, site=site))
        data.write(json.dumps({**export, "site": site}, ensure_ascii=False)[:-1] + ', "registrations": [')
        for count, row in enumerate(rows, 1):
            page.write(report.registration(row))
            data.write((",\n" if count > 1 else "\n") + json.dumps(row, ensure_ascii=False))
        page.write(report.tail(count))
        data.write("\n]}\n")
    files |= {f"{_REPORT}.html": page.digest, f"{_REPORT}.json": data.digest}
    return count


def pages(ask: Ask, call: str, asked: Mapping[str, object]) -> Iterator[Mapping[str, Any]]:
    """Every answer of a call that tells a long thing in parts."""
    after = None
    while True:
        page = ask(call, asked if after is None else {**asked, "after": after})
        yield page
        after = page["next"]
        if after is None:
            return


def _put(path: Path, text: str) -> str:
    with Sheet(path) as sheet:
        sheet.write(text)
    return sheet.digest


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[Sheet]:
    """A new file for its owner alone; nothing of it is left where what is done meanwhile fails.

    Raises:
        UsageError: It is there already.
        KioskError: The disk can't take it.
    """
    with _told(path):
        sheet = Sheet(path)
        try:
            with sheet:
                yield sheet
        except BaseException:
            path.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def _new_folder(folder: Path) -> Iterator[None]:
    with _told(folder):
        folder.mkdir(mode=0o700)
        try:
            yield
        except BaseException:
            # Half an export would look like one that was tampered with, and holds people's data.
            shutil.rmtree(folder, ignore_errors=True)
            raise


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what a disk says into a sentence."""
    try:
        yield
    except FileExistsError:
        raise UsageError(f"{path}: {KEPT}", repair="name a new one") from None
    except OSError as error:
        raise KioskError(
            f"{error.filename or path}: {os.strerror(error.errno or 0)}",
            repair="see to room and owner of that place, then export again",
        ) from None
