"""The recovery ladder: how a store is opened after whatever happened to it. Keep, salvage, say so; never replace in silence.

1. SQLite's own recovery of the log, as after every power cut.
2. A log that is damaged in its middle, a file that does not open, or one that was under suspicion and does not pass: the file is
   kept under ``<store>.corrupt.<UTC>``, never overwritten, and its rows are carried over into a new one (``kiosk.salvage``).
3. Nothing readable: an empty store, and the same task, light and entry of the record.

A key that opens nothing, a file that is not ours and a newer version's are refused with exit 2 and left as they are.

The new file is complete and synced before it gets the name ``<store>.salvaged.<UTC>``; from then on every start goes on with the
swap where it stopped, so that a power cut at any point leaves either the damaged store as it was, or the salvaged one.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from kiosk.database import Database, open_database
from kiosk.durable import sync_file, sync_folder
from kiosk.errors import NotOurs, StoreDamaged, StoreDead
from kiosk.guard import suspect, suspicion, take_guard
from kiosk.model import moment
from kiosk.salvage import salvage
from kiosk.store_file import error_name
from kiosk.vault import Vault
from kiosk.wal import read_wal

_log = logging.getLogger(__name__)

#: Words of a suspicion that SQLite itself was sure of: the file is salvaged, also where a check finds nothing.
_SURE: Final = ("CORRUPT", "NOTADB", "check")


def open_store(path: Path, vault: Vault, *, create: bool, now_ms: Callable[[], int]) -> Database:
    """Open the store as ``open_database`` does; a damaged one is salvaged first, once.

    Args:
        path: The database file.
        vault: Sealed with the store key.
        create: Whether a missing store is made.
        now_ms: The system clock, Unix milliseconds UTC: for the record, and for the name of what is kept.

    Raises:
        KioskError: See ``open_database``; a store that is damaged again after its salvage is a ``StoreDamaged``.
    """
    unclean = _size(path.with_name(path.name + "-wal")) > 0
    found = _look(path)
    if found is None:
        try:
            database = open_database(path, vault, create=create)
        except StoreDamaged as error:
            found = error.message
        except NotOurs:
            found = "its first page does not say whose it is"
        else:
            database.unclean = unclean
            return database
    rescue(path, vault, at_ms=now_ms(), found=found)
    return open_database(path, vault, create=False)


def rescue(path: Path, vault: Vault, *, at_ms: int, found: str) -> dict[str, object]:
    """Keep the damaged store, and put what can be read of it in its place; returns what came over, with the kept file's name.

    Raises:
        KioskError: See ``kiosk.salvage``; the damaged store is then left as it is.
    """
    guard = take_guard(path)
    try:
        stamp = _stamp(path, at_ms)
        draft = path.with_name(f"{path.name}.salvaging")
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        try:
            done = salvage(path, draft, vault, at_ms=at_ms, kept_as=_kept(path, stamp).name, found=found)
            sync_file(draft)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        draft.rename(path.with_name(f"{path.name}.salvaged.{stamp}"))
        sync_folder(path.parent)
        _swap(path, stamp)
    except OSError as error:
        raise StoreDead(f"{path}: {error.strerror}", repair="check the disk; the damaged store is kept") from error
    finally:
        os.close(guard)
    told = {"found": found, "kept_file": _kept(path, stamp).name, **done.facts()}
    _log.error("store salvaged", extra=told)
    return told


def examine(path: Path) -> str | None:
    """What is damaged in a store that nobody has open, or None: its log, its pages, and whether indexes and rows agree.

    Raises:
        StoreBusy: Another process holds it.
        StoreDead: It can't be read.
    """
    found = _look(path)
    if found is not None:
        return found
    guard = take_guard(path)
    try:
        return quick_check(path, look="integrity_check")
    finally:
        os.close(guard)


def _size(path: Path) -> int:
    """Bytes of a file; 0 where it can't be seen: of that, opening it tells in its own words."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _look(path: Path) -> str | None:
    """Go on with a swap that was cut, and say why the store must be salvaged; None where nothing speaks for it."""
    if not _size(path):
        return None
    guard = take_guard(path)
    try:
        for draft in path.parent.glob(f"{path.name}.salvaging*"):
            draft.unlink()
        for whole in path.parent.glob(f"{path.name}.salvaged.*"):
            _swap(path, whole.name.rpartition(".")[2])
        if read_wal(path.with_name(path.name + "-wal")).damaged:
            return "its log is damaged before its end"
        return _suspected(path)
    except OSError as error:
        raise StoreDead(f"{path}: {error.strerror}", repair="check the file's owner and whether the disk is writable") from error
    finally:
        os.close(guard)


def _suspected(path: Path) -> str | None:
    """Look a store through that an earlier run stopped trusting, before anything is recorded in it again."""
    mark = suspicion(path)
    try:
        why = mark.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    if not any(word in why for word in _SURE):
        found = quick_check(path)
        if found is None:
            mark.unlink()
            return None
        why = f"{why}, then {found}"
    return why


def quick_check(path: Path, *, look: str = "quick_check") -> str | None:
    """SQLite's own look at every page; None where it finds nothing. Nobody else may have the file open.

    ``integrity_check`` compares the indexes with the rows too: so a byte that changed in a column beside a seal is found.
    """
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA locking_mode = exclusive")
            said = connection.execute(f"PRAGMA {look}(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        return error_name(error)
    return None if said == "ok" else "its pages do not fit together"


def check_copy(database: Database, *, pause: Callable[[], None]) -> str | None:
    """Look every page of an open store through, on a copy that is made in small steps and removed afterwards.

    Args:
        database: Open; taps go on between the steps.
        pause: Called between two steps, with the lock let go; may raise to give the look up.

    Returns:
        What was found, or None. Where something was, this process must end: the store is under suspicion, and the next
        start salvages it.

    Raises:
        StoreError: The store can't be read, or there is no room for the copy.
    """
    copy = database.path.with_name(f"{database.path.name}.check")
    copy.unlink(missing_ok=True)
    os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        database.copy_to(copy, pause=pause)
        found = quick_check(copy, look="integrity_check")
    finally:
        copy.unlink(missing_ok=True)
    if found is not None:
        suspect(database.path, f"check: {found}")
    return found


def _swap(path: Path, stamp: str) -> None:
    """Keep the damaged store under its new name, and give the salvaged one its place; goes on where it was cut."""
    kept = _kept(path, stamp)
    if not kept.exists():
        os.link(path, kept)
    log = path.with_name(path.name + "-wal")
    # SQLite would lay the old log over the new file.
    if log.exists():
        log.rename(kept.with_name(kept.name + "-wal"))
    sync_file(kept)
    suspicion(path).unlink(missing_ok=True)
    sync_folder(path.parent)
    path.with_name(f"{path.name}.salvaged.{stamp}").replace(path)
    sync_folder(path.parent)


def _kept(path: Path, stamp: str) -> Path:
    return path.with_name(f"{path.name}.corrupt.{stamp}")


def _stamp(path: Path, at_ms: int) -> str:
    """The moment as a part of a name that no kept file has yet."""
    stamp = moment(at_ms).strftime("%Y%m%dT%H%M%SZ")
    return stamp if not _kept(path, stamp).exists() else _stamp(path, at_ms + 1000)
