"""kiosk.notary keeps the record up with the taps, signs it, and notes what changed between two runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk import signing
from kiosk.database import Database
from kiosk.desk import Desk
from kiosk.errors import StoreDead, StoreFull
from kiosk.evidence import Entry, mark, opened, window
from kiosk.notary import Notary
from kiosk.signing import Signer
from kiosk.tap_entries import unchained
from tests.desks import Clock, add_row, draft, open_desk
from tests.stores import until

SIGNER = Signer(Ed25519PrivateKey.generate())
HOUR_MS = 3_600_000


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(tmp_path: Path, clock: Clock) -> Iterator[Desk]:
    with open_desk(tmp_path, clock) as each:
        yield each


def notary(
    desk: Desk, *, signer: Signer | None = SIGNER, configuration: Mapping[str, str] | None = None, database: Database | None = None
) -> Notary:
    return Notary(
        database=database or desk.database,
        vault=desk.vault,
        signer=signer,
        clock=desk.clock,
        configuration=configuration or {"site.name": "1"},
        gather_seconds=0,
    )


@contextmanager
def at_work(each: Notary) -> Iterator[Notary]:
    stop = Event()
    thread = Thread(target=each.run, args=(stop,))
    thread.start()
    try:
        yield each
    finally:
        stop.set()
        each.nudge()
        thread.join(20)
        assert not thread.is_alive()


def noted(desk: Desk, kind: Entry) -> list[Mapping[str, object] | None]:
    found = desk.database.read(lambda c: window(c, after=0, size=1000))
    return [opened(desk.vault, each.uid, each.sealed).facts for each in found if each.kind == kind and each.sealed is not None]


def test_taps_are_in_the_record_soon_after(desk: Desk) -> None:
    """A tap that is nudged is taken in by the running notary, which signed the chain when it began."""
    with at_work(notary(desk)) as each:
        until(lambda: desk.database.read(signing.standing).last_signed_ms is not None)
        add_row(desk, 1, draft())
        each.nudge()
        until(lambda: desk.database.read(unchained) == 0)
    assert len(noted(desk, Entry.TAP)) == 1


def test_what_was_not_taken_before_a_crash_is_taken_at_the_start(desk: Desk) -> None:
    """Taps that the last run left are in the record without any nudge."""
    rows = [add_row(desk, 1, draft()) for _ in range(50)]
    with at_work(notary(desk)):
        until(lambda: desk.database.read(unchained) == 0)
    assert len(noted(desk, Entry.TAP)) == len(rows)


def test_the_end_leaves_nothing_out_and_signs(desk: Desk) -> None:
    """At a clean stop the last taps are in the record, and the whole of it is signed."""
    each = notary(desk)
    each.begin()
    add_row(desk, 1, draft())
    each.close()
    assert desk.database.read(unchained) == 0
    assert desk.database.read(signing.standing).unsigned_entries == 0


def test_it_signs_once_an_hour_while_there_is_something_new(desk: Desk, clock: Clock) -> None:
    """Between two signatures an hour passes, and none is made of nothing."""
    each = notary(desk)
    each.begin()
    assert each._sign_if_due() == 3600
    add_row(desk, 1, draft())
    each._slice()
    clock.wall_ms += HOUR_MS // 2
    assert each._sign_if_due() == 1800
    assert len(desk.database.read(signing.signatures)) == 1
    clock.wall_ms += HOUR_MS // 2
    each._sign_if_due()
    clock.wall_ms += HOUR_MS
    each._sign_if_due()
    assert len(desk.database.read(signing.signatures)) == 2


def test_without_a_key_nothing_is_signed(desk: Desk) -> None:
    """The chain grows all the same."""
    each = notary(desk, signer=None)
    each.begin()
    add_row(desk, 1, draft())
    each.close()
    assert desk.database.read(signing.signatures) == []
    assert len(noted(desk, Entry.TAP)) == 1


def test_another_key_is_noted(desk: Desk) -> None:
    """The record names each key that signs it from then on, and that there is none any more; the same key is no news."""
    other = Signer(Ed25519PrivateKey.generate())
    for signer in (SIGNER, SIGNER, other, None):
        notary(desk, signer=signer).begin()
    assert noted(desk, Entry.EVIDENCE_KEY) == [
        {"public": SIGNER.public.hex(), "before": None},
        {"public": other.public.hex(), "before": SIGNER.public.hex()},
        {"public": None, "before": other.public.hex()},
    ]


def test_what_was_changed_in_the_configuration_is_noted(desk: Desk) -> None:
    """The first run notes that there is one, a later one the names of the keys that differ, and nothing where none does."""
    for configuration in ({"a": "1", "b": "1"}, {"a": "1", "b": "1"}, {"a": "2", "c": "1"}):
        notary(desk, configuration=configuration).begin()
    assert noted(desk, Entry.CONFIGURATION) == [{"changed": None}, {"changed": ["a", "b", "c"]}]


def test_an_older_store_says_where_its_chain_begins(desk: Desk) -> None:
    """What was there before is counted once; a fresh store has nothing to say."""
    desk.database.write(
        lambda c: c.execute("INSERT INTO evidence (uid, at_ms, kind, subject) VALUES (x'00', 0, 'verdict', 'registration:1')")
    )
    add_row(desk, 1, draft())
    for _ in range(2):
        notary(desk).begin()
    assert noted(desk, Entry.CHAIN_BEGUN) == [{"before": {"entries": 1, "registrations": 1, "taps": 0}}]
    assert desk.database.read(lambda c: mark(c, "chained_registrations")) == 0


def test_a_fresh_store_begins_without_a_word(desk: Desk) -> None:
    """Nothing was there before."""
    notary(desk).begin()
    assert noted(desk, Entry.CHAIN_BEGUN) == []


class _Troubled:
    """A database that fails the notary's writes in a given way; a real one can't be made to fail at a given call."""

    def __init__(self, database: Database, error: Exception) -> None:
        self.database = database
        self.errors = [error]
        self.read = database.read

    def write(self, work: Callable[..., object]) -> object:
        if getattr(work, "__name__", "") != "_begin" and self.errors:
            raise self.errors.pop()
        return self.database.write(work)


def test_a_full_store_is_waited_for(desk: Desk) -> None:
    """While there is no room the notary waits, and goes on by itself at the next tap."""
    troubled = _Troubled(desk.database, StoreFull("full"))
    add_row(desk, 1, draft())
    with at_work(notary(desk, database=troubled)) as each:  # type: ignore[arg-type]  # it has what the notary uses
        until(lambda: not troubled.errors)
        each.nudge()
        until(lambda: desk.database.read(unchained) == 0)


def test_a_dead_store_does_not_spoil_the_end(desk: Desk) -> None:
    """What could not be taken in waits for the next start; the stop goes on."""
    troubled = _Troubled(desk.database, StoreDead("dead"))
    add_row(desk, 1, draft())
    notary(desk, database=troubled).close()  # type: ignore[arg-type]  # it has what the notary uses
    assert desk.database.read(unchained) == 1
    notary(desk).close()
    assert desk.database.read(unchained) == 0
