"""kiosk.vigil ends the process for what hangs, and for a reader at most once in ten minutes, also over restarts."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from kiosk.database import Database
from kiosk.errors import StoreFull
from kiosk.vigil import Vigil
from tests.stores import open_store
from tests.worlds import Time


@dataclass(slots=True)
class Part:
    """A part that hangs or does not."""

    hangs: bool = False


def vigil(database: Database, clock: Time, delivery: Part, *readers: Part) -> Vigil:
    return Vigil(database, clock, delivery=delivery, readers=readers)


def test_what_turns_ends_nothing(tmp_path: Path) -> None:
    """While all parts turn the process goes on."""
    with open_store(tmp_path) as database:
        assert not vigil(database, Time(), Part(), Part(), Part()).must_end()


def test_a_hung_delivery_ends_the_process_each_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without it nothing would ever be sent; the log names it."""
    with open_store(tmp_path) as database, caplog.at_level(logging.ERROR, "kiosk.vigil"):
        for _ in range(2):
            assert vigil(database, Time(), Part(hangs=True)).must_end()
    assert [record.__dict__["part"] for record in caplog.records] == ["delivery", "delivery"]


def test_a_hung_reader_ends_the_process_once_in_ten_minutes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The other readers go on working between; it is remembered in the store, and logged once."""
    clock = Time()
    with open_store(tmp_path) as database, caplog.at_level(logging.ERROR, "kiosk.vigil"):
        assert vigil(database, clock, Part(), Part(), Part(hangs=True)).must_end()
        again = vigil(database, clock, Part(), Part(hangs=True))
        clock.pass_seconds(599)
        assert [again.must_end(), again.must_end()] == [False, False]
        assert len(caplog.records) == 2
        clock.pass_seconds(2)
        assert again.must_end()


def test_a_reader_that_comes_back_is_logged_anew_when_it_hangs_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each time it hangs is told once."""
    reader, clock = Part(hangs=True), Time()
    with open_store(tmp_path) as database, caplog.at_level(logging.ERROR, "kiosk.vigil"):
        watch = vigil(database, clock, Part(), reader)
        watch.must_end()
        reader.hangs = False
        assert not watch.must_end()
        reader.hangs = True
        watch.must_end()
    assert len(caplog.records) == 2


def test_another_boot_may_end_at_once(tmp_path: Path) -> None:
    """The boot clock begins anew: what an earlier boot remembers says nothing."""
    clock = Time()
    with open_store(tmp_path) as database:
        assert vigil(database, clock, Part(), Part(hangs=True)).must_end()
        other = Vigil(database, lambda: replace(clock(), boot_id="other"), delivery=Part(), readers=[Part(hangs=True)])
        assert other.must_end()


def test_a_store_that_can_not_remember_keeps_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An end that is not remembered would come again and again, and the other readers would never work."""

    def full(_self: Database, _work: object) -> bool:
        raise StoreFull("no room")

    with open_store(tmp_path) as database:
        monkeypatch.setattr(Database, "write", full)
        assert not vigil(database, Time(), Part(), Part(hangs=True)).must_end()
