"""kiosk.aftermath says in the salvaged store what was lost, whom to ask, and that the record has a gap."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from kiosk import books
from kiosk.aftermath import Lost, Salvaged, told, write_down
from kiosk.evidence import opened
from kiosk.model import Environment, TaskKind
from kiosk.tasks import open_tasks
from tests.stores import VAULT, open_store

SALVAGED = Salvaged(
    kept={"registrations": 7},
    broken={},
    mended={},
    left_out={},
    lost=(Lost(id=4, state="queued", holder=2), Lost(id=5, state="accepted", holder=3)),
    missing=2,
)


def test_what_was_lost_is_asked_of_a_human(tmp_path: Path) -> None:
    """One task about the whole, one for each registration that was not settled; status tells it while one is open."""
    write = partial(write_down, vault=VAULT, salvaged=SALVAGED, last_entry=9, at_ms=1000, kept_as="kept", found="tried")
    with open_store(tmp_path) as database:
        database.write(partial(books.use, vault=VAULT, host="box.test", environment=Environment.TRAINING, at_ms=0))
        database.write(write)
        found = database.read(partial(open_tasks, book=1))
        assert [(task.kind, task.registration, task.holder) for task in found] == [
            (TaskKind.SALVAGED, None, None),
            (TaskKind.SALVAGED, 4, 2),
        ]
        said = database.read(partial(told, book=1))
        assert said is not None
        assert (said["at"], said["lost"], said["lost_unsent"], said["missing_ids"]) == ("1970-01-01T00:00:01Z", 2, 1, 2)
        assert database.read(partial(told, book=2)) is None
        number, uid, sealed = database.read(
            lambda c: c.execute("SELECT id, uid, sealed FROM evidence WHERE kind = 'salvaged'").fetchone()
        )
    assert number == 10
    facts = opened(VAULT, uid, sealed).facts
    assert facts is not None
    assert (facts["lost_ids"], facts["entries_lost"], facts["found"]) == ([4, 5], 8, "tried")


def test_without_a_book_there_is_nobody_to_ask(tmp_path: Path) -> None:
    """Where nothing was readable the record says so all the same."""
    with open_store(tmp_path) as database:
        database.write(partial(write_down, vault=VAULT, salvaged=SALVAGED, last_entry=0, at_ms=1000, kept_as="kept", found="tried"))
        assert database.read(lambda c: c.execute("SELECT count(*) FROM evidence").fetchone()) == (1,)
