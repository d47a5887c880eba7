"""The one connection to the store, behind one lock, with group commit.

SQLite 3.7.0 to 3.51.2 can corrupt a WAL database that two connections write or checkpoint (facts,
store-and-forward, section 2), so exactly one connection owns the file and a lock file keeps every other process out.

Whoever holds the lock commits everything that waits: each piece of work under its own SAVEPOINT, each acknowledged
after COMMIT. Uncontended, that is one transaction with one fsync.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections import deque
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Final, Generic, TypeVar

from kiosk.durable import sync_file
from kiosk.errors import KioskError, StoreBusy, StoreDamaged, StoreDead, StoreError, StoreFull, UsageError
from kiosk.guard import suspect, take_guard
from kiosk.store_file import SALVAGE, error_name, not_ours, prepare
from kiosk.vault import Vault

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
Work = Callable[[sqlite3.Connection], _T]

#: How long a stranger's sqlite3 shell may hold the file at the start; our own processes are kept out by the lock file.
_STRANGER_SECONDS: Final = 1.0
#: After these the pages in memory and on disk may differ: this process never uses the file again.
_DEADLY: Final = {
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
}


#: The disk gives a page back no more: what is beside it can still be read.
_UNREADABLE: Final = {sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS}


#: Pages that are copied while taps wait: a millisecond or two.
_COPY_PAGES: Final = 64


class _Job(Generic[_T]):
    """A piece of work that waits for the lock, and what came of it."""

    __slots__ = ("done", "error", "value", "work")

    def __init__(self, work: Work[_T]) -> None:
        self.work = work
        self.done = False
        self.error: BaseException | None = None
        self.value: _T | None = None


class Database:
    """The store, open for this process alone. Safe to use from several threads.

    Use ``open_database``. After a ``StoreDead`` every call raises it again: only a new process may open the file.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, guard: int) -> None:
        self.path = path
        self._connection = connection
        self._guard = guard
        self._lock = Lock()
        self._waiting: deque[_Job[object]] = deque()
        self._dead: StoreDead | None = None
        self._full: StoreFull | None = None
        #: Whether the run before left its log behind: it was killed, or the power was cut.
        self.unclean = False

    @property
    def full(self) -> StoreFull | None:
        """That the last change found no room, or None once one has found room again."""
        return self._full

    @property
    def dead(self) -> StoreDead | None:
        """Why this store can't be used any more by this process, or None."""
        return self._dead

    def write(self, work: Work[_T]) -> _T:
        """Run ``work`` in a transaction and return its value once it is durable on disk.

        The work may be run again after a rollback, so it changes nothing but the database.

        Raises:
            StoreFull: No room; nothing was recorded, later tries may work.
            StoreDead: The store can't be trusted any more; nothing was acknowledged.
            Exception: Whatever ``work`` raised; its own changes are undone and nobody else's.
        """
        job = _Job(work)
        self._waiting.append(job)  # type: ignore[arg-type]  # a job of any value type waits in the same line
        with self._lock:
            if not job.done:
                self._commit([self._waiting.popleft() for _ in range(len(self._waiting))])
        if job.error is not None:
            raise job.error
        return job.value  # type: ignore[return-value]  # done without error: the value is there

    def read(self, work: Work[_T]) -> _T:
        """Run ``work``, which only reads, between transactions. Keep it under 20 ms: taps wait meanwhile."""
        with self._lock:
            if self._dead is not None:
                raise self._dead
            try:
                return work(self._connection)
            except sqlite3.Error as error:
                raise self._judge(error) from error

    def checkpoint(self) -> None:
        """Bring the log into the file and cut it to nothing, so that what was deleted is in neither.

        Raises:
            StoreDead: The disk can't do it; every committed change is still in the log.
        """
        self.read(lambda connection: connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone())
        try:
            # SQLite does not: a power cut would bring the log back with all that was deleted (seen in simulated ones).
            sync_file(self.path.with_name(self.path.name + "-wal"))
        except OSError as error:
            suspect(self.path, "SQLITE_IOERR_FSYNC")
            raise self.condemn("its log could not be synced") from error

    def copy_to(self, target: Path, *, pause: Callable[[], None]) -> None:
        """Copy the store page by page into a file, as it is when the last page is copied; taps go on between the steps.

        Args:
            target: An empty file.
            pause: Called between two steps, without the lock; what it raises ends the copying.

        Raises:
            StoreError: It can't be read, or the copy not be written.
        """

        def between(*_: int) -> None:
            self._lock.release()
            try:
                pause()
            finally:
                self._lock.acquire()

        with self._lock, contextlib.closing(sqlite3.connect(target, isolation_level=None, check_same_thread=False)) as copy:
            if self._dead is not None:
                raise self._dead
            copy.execute("PRAGMA synchronous = OFF")
            try:
                # What another thread writes on this connection meanwhile goes into the copy as well (sqlite.org/backup.html).
                self._connection.backup(copy, pages=_COPY_PAGES, progress=between, sleep=0)
            except sqlite3.Error as error:
                raise StoreError(f"{target}: {error_name(error)}", repair="free space on this file system") from error

    def condemn(self, why: str) -> StoreDead:
        """Never use the file again in this process: something is wrong with it that no call has met yet."""
        dead = StoreDead(f"{self.path}: {why}", repair="the next start looks the file through, and salvages what can be read")
        with self._lock:
            self._dead = dead
        _log.error("store dead", extra={"why": why})
        return dead

    def close(self) -> None:
        """Let the store go; may be called twice."""
        with self._lock:
            self._connection.close()
            if self._guard >= 0:
                os.close(self._guard)
                self._guard = -1

    def _commit(self, jobs: list[_Job[object]]) -> None:
        if len(jobs) > 1 and self._commit_together(jobs):
            return
        for job in jobs:
            job.error = None
            try:
                job.value = self._transact(job.work)
            except sqlite3.IntegrityError as error:
                job.error = error
            except sqlite3.Error as error:
                job.error = self._judge(error)
            except BaseException as error:  # noqa: BLE001  handed to the thread that asked, which raises it
                job.error = error
            job.done = True

    def _commit_together(self, jobs: list[_Job[object]]) -> bool:
        """Commit all jobs in one transaction; False when SQLite undid it, and each must be tried alone."""

        def together(_: sqlite3.Connection) -> None:
            for job in jobs:
                self._under_savepoint(job)

        try:
            self._transact(together)
        except sqlite3.Error as error:
            self._judge(error)  # a deadly one makes every job fail below: a COMMIT is never just tried again
            return False
        except BaseException:  # noqa: BLE001  a dead store, or one job's SystemExit: each job meets its own fate alone
            return False
        for job in jobs:
            job.done = True
        return True

    def _under_savepoint(self, job: _Job[object]) -> None:
        self._connection.execute("SAVEPOINT job")
        try:
            job.value = job.work(self._connection)
            job.error = None
        except sqlite3.Error:
            raise
        except Exception as error:  # noqa: BLE001  this job's own refusal: the others go on
            self._connection.execute("ROLLBACK TO job")
            job.error = error
        self._connection.execute("RELEASE job")

    def _transact(self, work: Work[_T]) -> _T:
        if self._dead is not None:
            raise self._dead
        before = self._connection.total_changes
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            value = work(self._connection)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        if self._connection.total_changes != before:
            self._full = None
        return value

    def _judge(self, error: sqlite3.Error) -> StoreError:
        if self._guard < 0 and isinstance(error, sqlite3.ProgrammingError):
            return StoreError(f"{self.path}: the store is closed, since this daemon stops", repair="ask again once one runs")
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            self._full = StoreFull(f"{self.path}: no room to record", repair="free space on this file system")
            return self._full
        if code not in _DEADLY:
            return StoreError(f"{self.path}: {error_name(error)}")
        self._dead = StoreDead(
            f"{self.path}: {error_name(error)}: the store can't be trusted any more by this process",
            repair="check the disk (kiosk doctor, dmesg); the daemon opens the store afresh when it restarts",
        )
        _log.error("store dead", extra={"sqlite": error_name(error)})
        suspect(self.path, error_name(error))
        return self._dead


def open_database(path: Path, vault: Vault, *, create: bool) -> Database:
    """Open the store for this process alone, migrate it, and prove that it belongs to this key.

    Args:
        path: The database file; the lock file ``<path>.lock`` lies beside it.
        vault: Sealed with the store key.
        create: Whether a missing store is made.

    Raises:
        UsageError: Missing and not to be made, not ours, of a newer version, or sealed with another key.
        StoreBusy: Another process holds it.
        StoreFull: No room for a new store or for a step of its schema.
        StoreDead: It is damaged or can't be read or written.
    """
    if not create and _is_missing(path):
        raise UsageError(f"{path}: there is no store yet", repair="it is made by `kiosk badge add` or `kiosk run`")
    guard = take_guard(path)
    try:
        connection = _connect(path)
    except BaseException:
        os.close(guard)
        raise
    try:
        prepare(path, connection, vault)
    except BaseException as error:
        connection.close()
        os.close(guard)
        if isinstance(error, sqlite3.Error):
            raise _unusable(path, error) from error
        if isinstance(error, UnicodeDecodeError):  # SQLite quotes a damaged schema, which Python can't read then
            raise StoreDamaged(f"{path}: its schema is damaged", repair=f"keep the file; {SALVAGE}") from None
        raise
    return Database(path, connection, guard)


def _is_missing(path: Path) -> bool:
    try:
        path.stat()
    except OSError as error:  # of a folder that is closed to us, opening tells in its own words
        return isinstance(error, FileNotFoundError)
    return False


def _connect(path: Path) -> sqlite3.Connection:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        return sqlite3.connect(
            path, timeout=_STRANGER_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
        )
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error_name(error)
        raise StoreDead(f"{path}: {reason}", repair="check the file's owner and whether the disk is writable") from error


def _unusable(path: Path, error: sqlite3.Error) -> KioskError:
    extended = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    code = extended & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return not_ours(path)
    if code == sqlite3.SQLITE_BUSY:
        return StoreBusy(f"{path}: another program has this store open", repair="close it; nothing but kiosk may open the store")
    if code == sqlite3.SQLITE_FULL:
        return StoreFull(f"{path}: no room to open the store", repair="free space on this file system")
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR} or extended in _UNREADABLE:
        return StoreDamaged(f"{path}: {error_name(error)}", repair=f"keep the file; {SALVAGE}")
    return StoreDead(f"{path}: {error_name(error)}", repair="check the disk; keep the file: it may be salvaged")
