"""What makes a file a store of ours: its pragmas, its mark, the proof of its key, and its schema.

Nothing is written into a file before it is known to be ours.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Final

from kiosk import schema
from kiosk.errors import NotOurs, SealBroken, StoreDamaged, StoreDead, UsageError
from kiosk.vault import Field, Vault

#: What repairs a store that is damaged.
SALVAGE: Final = "start kiosk again: it keeps the file and salvages what can be read"
_CHECK_UID: Final = bytes(16)
_CHECK_PLAIN: Final = b"this store belongs to this key"
#: Read back after setting; a mismatch means another build or a damaged file, and no promise would hold.
_PRAGMAS: Final = (
    ("page_size", 1024),  # before the first table: 1.7 to 2.4 times fewer bytes written a tap than 4096 (measured)
    ("locking_mode", "exclusive"),  # before WAL: no shared memory file, and a second opener fails
    ("journal_mode", "wal"),
    ("synchronous", 2),  # FULL: with NORMAL, 98 % of simulated power cuts lost acknowledged taps (measured)
    ("wal_autocheckpoint", 2000),
    ("journal_size_limit", 4_194_304),
    ("foreign_keys", 1),
    ("recursive_triggers", 1),  # without, INSERT OR REPLACE would delete an entry of the evidence past its trigger
    ("cell_size_check", 1),
    ("secure_delete", 1),  # what is deleted is overwritten: a person who was erased is in no free page either
    ("trusted_schema", 0),
    ("mmap_size", 0),
    ("cache_size", -6144),  # KiB: the roster of a large site stays in memory; with 2 MiB each tap read pages again (measured)
)
_FIRST_WRITTEN: Final = [name for name, _ in _PRAGMAS].index("journal_mode")


def prepare(path: Path, connection: sqlite3.Connection, vault: Vault) -> None:
    """Set and read back every pragma, prove whose file this is, and migrate it.

    Args:
        path: The file, for the words of errors and the copy that is kept before a migration.
        connection: In autocommit mode, nothing executed yet.
        vault: Sealed with the store key.

    Raises:
        UsageError: Not ours, of a newer version, or sealed with another key; the file is left as it is.
        StoreDamaged: Its header or the proof of its key is damaged.
        StoreDead: A pragma did not take.
        sqlite3.Error: SQLite could not.
    """
    # Of these pragmas WAL alone is written into the file: whose file it is must be known before.
    for name, value in _PRAGMAS[:_FIRST_WRITTEN]:
        connection.execute(f"PRAGMA {name} = {value}")
    new, version = _identify(path, connection)
    for name, value in _PRAGMAS[_FIRST_WRITTEN:]:
        connection.execute(f"PRAGMA {name} = {value}")
    for name, value in _PRAGMAS:
        if (found := connection.execute(f"PRAGMA {name}").fetchone()[0]) != value:
            raise StoreDead(
                f"{path}: {name} is {found}, not {value}", repair="this SQLite build or this file can't keep the promises"
            )
    if not new:
        _prove_key(path, connection, vault)
    if version < len(schema.STEPS):
        _migrate(path, connection, vault, version)


def _identify(path: Path, connection: sqlite3.Connection) -> tuple[bool, int]:
    """Whether this is a new store, and its schema version; raises ``UsageError`` for a file that is not ours to open."""
    application, version = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    tables = connection.execute("SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE '%sqlite%'").fetchone()[0]
    # A store that a power cut left between its first page and its first table is still a new one.
    new = version == 0 and tables == 0 and application in (0, schema.APPLICATION_ID)
    if not new and application != schema.APPLICATION_ID:
        raise not_ours(path)
    if not new and version != (recorded := _recorded(connection)):
        raise StoreDamaged(f"{path}: its header says schema {version}, its own record {recorded}", repair=SALVAGE)
    if version > len(schema.STEPS):
        raise newer(path, version)
    return new, version


def _recorded(connection: sqlite3.Connection) -> int:
    """How many steps of the schema the store's own record tells; the same transaction writes both."""
    try:
        return int(connection.execute("SELECT count(*) FROM _sqlite_migrations").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def _migrate(path: Path, connection: sqlite3.Connection, vault: Vault, version: int) -> None:
    if version:
        keep = path.with_name(f"{path.name}.schema-{version}")
        os.close(os.open(keep, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with contextlib.closing(sqlite3.connect(keep)) as copy:
            connection.backup(copy)
    else:
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    schema.migrate(connection, check=key_proof(vault))


def key_proof(vault: Vault) -> bytes:
    """The sealed value by which a store shows that it belongs to this key."""
    return vault.seal(Field.CHECK, _CHECK_UID, _CHECK_PLAIN)


def not_ours(path: Path) -> NotOurs:
    """The file is no store of this program."""
    return NotOurs(f"{path}: this is not a store of ciao-kiosk", repair="name another file in [store] path")


def newer(path: Path, version: int) -> UsageError:
    """The store is of a version to come."""
    return UsageError(
        f"{path}: this store was written by a newer version (schema {version}, this program knows {len(schema.STEPS)})",
        repair="install that version again; the store is left as it is",
    )


def other_key(path: Path) -> UsageError:
    """Nothing in the store opens with this key."""
    return UsageError(
        f"{path}: this store was sealed with another store key",
        repair="put the right key at [store] key_file, or restore it with its backup; no new key can open it",
    )


def _opens_elsewhere(connection: sqlite3.Connection, vault: Vault) -> bool:
    """Whether another sealed row opens: then the key is right, and its proof is what is damaged."""
    for table, sealed_as in (("profiles", Field.PROFILE), ("registrations", Field.REGISTRATION), ("evidence", Field.EVIDENCE)):
        rows = connection.execute(f"SELECT uid, sealed FROM {table} WHERE sealed IS NOT NULL LIMIT 20")  # noqa: S608  our own words
        for uid, sealed in rows:
            with contextlib.suppress(SealBroken):
                vault.open(sealed_as, uid, sealed)
                return True
    return False


def _prove_key(path: Path, connection: sqlite3.Connection, vault: Vault) -> None:
    row = connection.execute("SELECT value FROM meta WHERE name = 'check'").fetchone()
    try:
        proven = row is not None and vault.open(Field.CHECK, _CHECK_UID, row[0]) == _CHECK_PLAIN
    except SealBroken:
        proven = False
    if proven:
        return
    if _opens_elsewhere(connection, vault):
        raise StoreDamaged(f"{path}: the proof of its key is damaged, other rows open", repair=SALVAGE)
    raise other_key(path)


def error_name(error: sqlite3.Error) -> str:
    """SQLite's own name of an error; its text might quote a value."""
    return getattr(error, "sqlite_errorname", None) or type(error).__name__
