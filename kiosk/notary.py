"""The notary: takes the taps into the record soon after they were made, and signs the record at intervals.

A thread of its own, so that no tap waits for either. What it could not do before a crash it does at the next start.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Mapping
from functools import partial
from threading import Event
from typing import Final

from kiosk import config_digest, signing, tap_entries
from kiosk.bell import Bell
from kiosk.database import Database
from kiosk.errors import KioskError, StoreFull
from kiosk.evidence import Entry, mark, record, set_mark
from kiosk.line import boot_seconds
from kiosk.model import ClockReading
from kiosk.signing import Signer
from kiosk.vault import Vault

_log = logging.getLogger(__name__)

#: Between two signatures while there is something new: a cut of power costs at most that much of what they prove.
_SIGN_SECONDS: Final = 3600.0
#: After a tap, before it is taken into the record: those of a queue go together, and the disk is left to the taps meanwhile.
_GATHER_SECONDS: Final = 3.0
_FULL_SECONDS: Final = 10.0
#: Slices of taps at the stop; the rest is taken at the next start.
_LAST_SLICES: Final = 50


class Notary:
    """Keeps the record up with the taps and signs it. ``run`` and ``close`` belong to one thread at a time, ``nudge`` to any.

    Args:
        database: The open store.
        vault: Its keys.
        signer: The evidence key, or None: the chain stays unsigned.
        clock: Reads all clocks.
        configuration: Each key with a digest of its value (``config_digest.digests``).
        gather_seconds: How long a tap waits for others before it is taken into the record.
    """

    def __init__(
        self,
        *,
        database: Database,
        vault: Vault,
        signer: Signer | None,
        clock: Callable[[], ClockReading],
        configuration: Mapping[str, str],
        gather_seconds: float = _GATHER_SECONDS,
    ) -> None:
        self._database = database
        self._vault = vault
        self._signer = signer
        self._clock = clock
        self._configuration = configuration
        self._gather_seconds = gather_seconds
        self._sign_from = 0.0
        self._bell = Bell()

    def nudge(self) -> None:
        """There is a tap. Also call it after ``stop``."""
        self._bell.ring()

    def run(self, stop: Event) -> None:
        """Work until ``stop`` is set and ``nudge`` was called; raises whatever the store raises but that it is full."""
        self.begin()
        while not stop.is_set():
            try:
                while not stop.is_set() and self._slice():
                    pass
                wait = self._sign_if_due()
            except StoreFull:
                wait = _FULL_SECONDS
            self._bell.wait(wait)
            stop.wait(self._gather_seconds)

    def begin(self) -> None:
        """Note that the chain begins, another evidence key, and what was changed in the configuration."""
        self._database.write(self._begin)

    def close(self) -> None:
        """At the end of a run, after every other part: take the last taps and sign; never raises."""
        try:
            for _ in range(_LAST_SLICES):
                if not self._slice():
                    break
            self._sign()
        except KioskError as error:
            _log.warning("the last entries of the record wait for the next start", extra={"why": error.message})

    def _slice(self) -> bool:
        return tap_entries.chain_slice(self._database, self._vault, at_ms=self._clock().wall_ms)

    def _sign_if_due(self) -> float:
        """Sign once an hour has passed; returns how many seconds are left."""
        now = boot_seconds(self._clock())
        if now >= self._sign_from:
            self._sign()
            self._sign_from = now + _SIGN_SECONDS
        return self._sign_from - now

    def _sign(self) -> None:
        if self._signer is not None:
            self._database.write(partial(signing.sign_head, signer=self._signer, at_ms=self._clock().wall_ms))

    def _begin(self, connection: sqlite3.Connection) -> None:
        note = partial(record, connection, self._vault, at_ms=self._clock().wall_ms)
        if mark(connection, "chained_registrations") is None:
            before = {table: connection.execute(_COUNTS[table]).fetchone()[0] for table in _COUNTS}
            if any(before.values()):
                note(Entry.CHAIN_BEGUN, "box", facts={"before": before})
            set_mark(connection, "chained_registrations", 0)
        key = "" if self._signer is None else self._signer.public.hex()
        former = mark(connection, "evidence_key") or ""
        if key != former:
            note(Entry.EVIDENCE_KEY, "box", facts={"public": key or None, "before": former or None})
            set_mark(connection, "evidence_key", key)
        new = json.dumps(dict(self._configuration), sort_keys=True)
        old = str(mark(connection, "configuration") or "{}")
        if new != old:
            changed = config_digest.changed(json.loads(old), self._configuration)
            note(Entry.CONFIGURATION, "box", facts={"changed": changed if old != "{}" else None})
            set_mark(connection, "configuration", new)


#: What an older store holds when the chain begins.
_COUNTS: Final = {
    "entries": "SELECT count(*) FROM evidence WHERE hash IS NULL",
    "registrations": "SELECT count(*) FROM registrations",
    "taps": "SELECT count(*) FROM taps",
}
