"""The error tree: a class exists only where somebody handles it differently.

KioskError                 something a person must read: what happened, where, and the command that repairs it
├── UsageError             wrong usage or configuration; a verb exits 2
│   └── NotOurs            a file whose first page is not that of a store: looked at more closely, else left alone
├── Declined               the state of the book or roster forbids it; a verb exits 1
├── StoreError             the store could not do it; nothing was recorded
│   ├── StoreFull          no room: the tap is refused, the daemon goes on and tries the next one
│   ├── StoreBusy          another process holds the store
│   └── StoreDead          an I/O or fsync error: the daemon ends and is restarted
│       └── StoreDamaged   the file itself is damaged: it is salvaged before it is opened again
├── SealBroken             one sealed value does not open: that row is parked, the others flow
└── NoDaemon               no daemon answers on the control socket

Outcomes of a call to the service are values (see ``kiosk.client``), not exceptions.
"""

from __future__ import annotations


class KioskError(Exception):
    """A failure told to a person. Never carries a personal datum.

    Args:
        message: What happened, in which file, key or reader.
        repair: What to do about it, ideally a command.
    """

    def __init__(self, message: str, *, repair: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.repair = repair

    def __str__(self) -> str:
        return self.message if self.repair is None else f"{self.message}\n  repair: {self.repair}"


class UsageError(KioskError):
    """Wrong usage or configuration: the verb exits 2."""


class NotOurs(UsageError):
    """A file that is no store of this program, as far as its first page tells; that page may be what is damaged."""


class Declined(KioskError):
    """The state of the book or the roster forbids what was asked: the verb exits 1."""


class StoreError(KioskError):
    """The store could not do it and recorded nothing."""


class StoreFull(StoreError):
    """No room on the disk or below the page cap."""


class StoreBusy(StoreError):
    """Another process holds the store."""


class StoreDead(StoreError):
    """The store can no longer be trusted by this process: fsync or I/O error, or damage.

    After a failed fsync the kernel may have dropped the pages, so a retry could falsely succeed
    (facts, store-and-forward, section 2). Only a new process may open the file again.
    """


class StoreDamaged(StoreDead):
    """What is on the disk is not what was written: ``kiosk.recovery`` carries over what can still be read."""


class SealBroken(KioskError):
    """A sealed value does not open with this store key: damaged or moved."""


class NoDaemon(KioskError):
    """No daemon answers on the control socket."""
