from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hardware.virtual_reader import VirtualReader
from kiosk.check import Finding, Grade
from kiosk.config import load
from kiosk.doctor.examination import Diagnosis, examine, within
from kiosk.doctor.grading import fine, red
from kiosk.errors import Declined
from kiosk.settings import Driver
from kiosk.simulator.faults import Fault
from kiosk.simulator.messages import Operation
from kiosk.simulator.simulator import Simulator
from tests.box import Box


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    folder = tmp_path / "box"
    folder.mkdir()
    with Simulator(tmp_path / "service") as simulator, Box(folder, simulator) as made:
        yield made.provision()


def wrong(findings: list[Finding]) -> list[str]:
    return [finding.subject for finding in findings if finding.grade is Grade.WRONG]


def test_a_good_box_is_well_with_and_without_its_daemon(box: Box) -> None:
    """From the configuration to the permissions nothing is red, exit 0; the daemon that holds the store is asked itself."""
    ran = box.verb("doctor")
    assert (ran.code, ran.err) == (0, "")
    for subject in ("certificate:", "clock:", "disk:", "position:", "name of", "TLS of", "token:", "health:", "permission for"):
        assert f"  {subject}" in ran.out, subject
    box.start()
    told = box.json("doctor")
    subjects = {each["subject"]: each["told"] for each in told["items"]}
    assert told["ok"] is True
    assert "in use by the running daemon" in subjects["store"]
    assert subjects["reader gate in the daemon"] == "ready"
    assert box.simulator.ledger.rows() == ()


def test_every_red_line_says_what_to_do_and_exits_1(box: Box) -> None:
    """A service that can't be reached."""
    box.simulator.stop()
    ran = box.verb("doctor", "--json")
    told = json.loads(ran.out)
    reds = [each for each in told["items"] if each["grade"] == "wrong"]
    assert (ran.code, told["ok"]) == (1, False)
    assert {each["subject"] for each in reds} == {"TLS of the API and token", "health", "token"}
    assert all(each["repair"] for each in reds)


def test_what_check_calls_wrong_exits_2(box: Box) -> None:
    """A client key that is none: as check does; the rest is looked at all the same."""
    (box.folder / "client.key.pem").write_text("no key", encoding="ascii")
    diagnosis = examine(load(box.config, {}), {})
    assert (diagnosis.code, wrong(diagnosis.checked)) == (2, ["client key"])
    assert "health" in {finding.subject for finding in diagnosis.looked}


def test_a_service_that_hangs_does_not_take_minutes(box: Box) -> None:
    """Every call hangs: told within the deadline, and what was found before stands."""
    for operation in (Operation.HEALTH, Operation.TOKEN):
        box.simulator.fault(Fault.HANG_BEFORE_COMMIT, operation=operation, times=9)
    before = time.monotonic()
    diagnosis = examine(load(box.config, {}), {}, seconds=1)
    assert time.monotonic() - before < 10
    late = [each.subject for each in diagnosis.looked if each.told == "no answer within 1 seconds"]
    assert late == ["health", "token"]
    assert "TLS of the API and token" in {each.subject for each in diagnosis.looked}


def test_a_real_reader_is_told_and_a_missing_one_is_red(box: Box, virtual_reader: VirtualReader) -> None:
    """Through a real pcscd: the reader that fits is named, one that does not is red, and so is a pcscd that has died."""
    config = load(box.config, {})

    def look(match: str) -> Finding:
        gate = replace(config.readers[0], driver=Driver.PCSC, match=match)
        (one,) = [each for each in examine(replace(config, readers=(gate,)), {}).checked if each.subject == "reader gate"]
        return one

    assert look("Virtual").grade is Grade.OK
    missing = look("No Such Reader")
    assert (missing.grade, "Virtual" in missing.told) == (Grade.WRONG, True)
    virtual_reader.kill_pcscd()
    dead = look("Virtual")
    assert (dead.grade, "does not answer" in dead.told) == (Grade.WRONG, True)


def test_polkit_is_looked_at_where_a_reader_needs_it(box: Box) -> None:
    """A box without a PC/SC reader has nothing to do with it."""
    config = load(box.config, {})
    assert "polkit" not in {each.subject for each in examine(config, {}).looked}
    with_pcsc = replace(config, readers=(replace(config.readers[0], driver=Driver.PCSC),))
    assert "polkit" in {each.subject for each in examine(with_pcsc, {}).looked}


def test_looks_are_taken_together_and_told_in_their_order() -> None:
    """Each waits for the other here: one after the other they would never end."""
    first, second = threading.Event(), threading.Event()

    def one() -> Iterator[Finding]:
        first.set()
        assert second.wait(10)
        yield fine("one", "")

    def two() -> Iterator[Finding]:
        second.set()
        assert first.wait(10)
        yield fine("two", "")

    assert [each.subject for each in within({"one": one, "two": two}, 10)] == ["one", "two"]


def test_what_was_found_before_a_hang_is_told() -> None:
    """The finding, then that the rest did not come in time."""
    end = threading.Event()

    def hangs() -> Iterator[Finding]:
        yield fine("name", "found")
        end.wait(30)

    found = within({"network": hangs}, 0.1)
    end.set()
    assert [(each.subject, each.grade) for each in found] == [("name", Grade.OK), ("network", Grade.WRONG)]


def test_a_look_that_fails_is_a_red_line_and_no_traceback() -> None:
    """An error for people is told with its repair; of any other only its kind, since its text may hold anything."""

    def declined() -> Iterator[Finding]:
        raise Declined("not now", repair="wait")

    def broken() -> Iterator[Finding]:
        raise RuntimeError("85073003328")

    found = within({"a": declined, "b": broken}, 10)
    assert found[0] == red("a", "not now", "wait")
    assert (found[1].told, found[1].grade) == ("this look failed (RuntimeError)", Grade.WRONG)


def test_the_exit_code_is_that_of_the_worst() -> None:
    """What check finds goes before the rest; nothing at all is well."""
    bad, good = [red("a", "x", "y")], [fine("a", "x")]
    assert [Diagnosis(checked=one, looked=two).code for one, two in ((good, good), (good, bad), (bad, good), ([], []))] == [
        0,
        1,
        2,
        0,
    ]
