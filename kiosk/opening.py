"""Opening the house: keys, store, clock and book, in the order in which each needs the one before."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kiosk import books, clockbook, recovery
from kiosk.books import Book
from kiosk.database import Database
from kiosk.desk import Desk
from kiosk.errors import UsageError
from kiosk.reconciliation import Consultant
from kiosk.rtc import rtc_clock
from kiosk.settings import Config
from kiosk.signing import Signer, load_signer
from kiosk.timekeeper import Timekeeper
from kiosk.vault import Vault

if TYPE_CHECKING:
    from kiosk.services import Services

_MS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The open store and what belongs to it."""

    database: Database
    vault: Vault
    timekeeper: Timekeeper
    book: Book
    signer: Signer | None


def open_house(config: Config, *, create: bool) -> House:
    """Open the store with its key, the clock, and the book of the configured service.

    Args:
        config: The whole configuration; the key file was checked with it.
        create: Whether a missing store is made.

    Raises:
        UsageError: Key, store and configuration don't belong together.
        StoreBusy: Another process holds the store.
        StoreDead: It can't be read or written.
    """
    return _open(config, *_keys(config), create=create)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _keys(config: Config) -> tuple[Vault, Signer | None]:
    """Read as the caller: a key that systemd hands to the daemon may be root's alone."""
    return Vault(config.store.key_file.read_bytes()), load_signer(config.evidence.key_file)


def _open(config: Config, vault: Vault, signer: Signer | None, *, create: bool) -> House:
    database = recovery.open_store(config.store.path, vault, create=create, now_ms=_now_ms)
    try:
        timekeeper = _timekeeper(config, database)
        book = database.write(
            partial(
                books.use,
                vault=vault,
                host=config.service.service_host,
                environment=config.service.environment,
                at_ms=timekeeper.read().wall_ms,
            )
        )
    except BaseException:
        database.close()
        raise
    return House(database=database, vault=vault, timekeeper=timekeeper, book=book, signer=signer)


def desk_of(config: Config, house: House, service: Callable[[], Consultant] | None = None) -> Desk:
    """What the verbs' calls may use; ``service`` builds the way to it, and the daemon adds its delivery."""
    return Desk(
        database=house.database,
        vault=house.vault,
        book=house.book.id,
        clock=house.timekeeper.read,
        place=config.site.place,
        fence=config.site.fence,
        time_zone=config.site.time_zone.key,
        declarations=tuple(declaration.term for declaration in config.declarations),
        employer=config.employer,
        reader_declarations={reader.name: reader.declaration for reader in config.readers if reader.declaration is not None},
        limits=config.rules.limits,
        self_employed=config.service.self_employed_employer,
        max_error_seconds=config.clock.max_error_seconds,
        local_only=config.site.local_only,
        link_window_hours=config.rules.link_window_hours,
        minimum_trust=config.rules.minimum_trust,
        service=service,
        signer=house.signer,
    )


def _services(config: Config, house: House, closing: contextlib.ExitStack) -> Services:
    """Build the way to the service for one verb's questions."""
    from kiosk.services import Services  # noqa: PLC0415  most verbs never ask the service: they don't wait for httpx

    return closing.enter_context(contextlib.closing(Services(config.service.settings, config.own_settings, house.timekeeper.read)))


@contextlib.contextmanager
def borrowed_desk(config: Config, *, create: bool) -> Iterator[Desk]:
    """Open the store for one verb, as the store's owner, and close it again: nothing is left that the daemon can't open.

    Raises:
        KioskError: See ``open_house``.
    """
    keys = _keys(config)
    with _as_owner(config.store.path):
        house = _open(config, *keys, create=create)
        with contextlib.ExitStack() as closing:
            closing.callback(house.database.close)
            yield desk_of(config, house, cache(partial(_services, config, house, closing)))


@contextlib.contextmanager
def borrowed_store(config: Config) -> Iterator[tuple[Database, Vault, int]]:
    """Open the store for one verb without taking up a book, and make it if it is missing; also yields the clock's reading.

    For what comes before a book may be used: leaving training.

    Raises:
        KioskError: See ``open_house``.
    """
    vault, _ = _keys(config)
    with _as_owner(config.store.path):
        database = recovery.open_store(config.store.path, vault, create=True, now_ms=_now_ms)
        try:
            yield database, vault, _timekeeper(config, database).read().wall_ms
        finally:
            database.close()


def examine_store(config: Config) -> str | None:
    """What is damaged in the store, or None; for a verb, while no daemon holds it.

    Raises:
        UsageError: There is no store yet.
        KioskError: See ``recovery.examine``.
    """
    with _as_owner(config.store.path):
        _require(config.store.path)
        return recovery.examine(config.store.path)


def salvage_store(config: Config) -> dict[str, object]:
    """Salvage the store because a human asks for it, while no daemon holds it.

    Raises:
        KioskError: See ``recovery.rescue``.
    """
    vault, _ = _keys(config)
    with _as_owner(config.store.path):
        _require(config.store.path)
        return recovery.rescue(config.store.path, vault, at_ms=_now_ms(), found="asked for")


def compact_store(config: Config) -> tuple[int, int]:
    """Write the whole store anew, so that no page holds what an earlier version deleted without overwriting it.

    For a verb, while no daemon runs; it needs as much room again, beside the store and among the system's temporary files.

    Returns:
        How many bytes the file had, and has.

    Raises:
        UsageError: There is no store yet.
        KioskError: See ``open_house``; or there is no room, and the store is as it was.
    """
    path = config.store.path
    with _as_owner(path):
        _require(path)
    with borrowed_store(config) as (database, _, _):
        before = path.stat().st_size
        database.read(lambda connection: connection.execute("VACUUM"))
        database.checkpoint()
        return before, path.stat().st_size


def _require(path: Path) -> None:
    if not path.exists():
        raise UsageError(f"{path}: there is no store yet", repair="it is made by `kiosk badge add` or `kiosk run`")


@contextlib.contextmanager
def _as_owner(path: Path) -> Iterator[None]:
    """Root takes the place of the owner of the store (or of its folder), so that new files are his."""
    place = next((place for place in (path, path.parent) if place.exists()), Path("/"))  # without a folder, opening tells
    owner = place.stat()
    mask = os.umask(0o077)
    change = os.geteuid() == 0 and owner.st_uid != 0
    group = os.getegid()
    try:
        if change:
            os.setegid(owner.st_gid)
            os.seteuid(owner.st_uid)
        yield
    finally:
        if change:
            os.seteuid(0)
            os.setegid(group)
        os.umask(mask)


def _timekeeper(config: Config, database: Database) -> Timekeeper:
    newest = database.read(clockbook.newest_trusted_ms)
    # A clock that NTP stepped back within the tolerated error is still the same clock.
    floor = None if newest is None else newest - int(config.clock.max_error_seconds * _MS)
    return Timekeeper(
        source=config.clock.source.value,
        max_error_seconds=config.clock.max_error_seconds,
        newest_trusted_ms=floor,
        rtc=rtc_clock if config.clock.rtc else None,
    )
