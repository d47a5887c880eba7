"""The store rots under the real daemon: the next start salvages it, says so everywhere, takes the next tap and sends each once."""

from __future__ import annotations

import json

from kiosk.simulator.simulator import Simulator
from tests.box import Box
from tests.people import CANARY_NAME, invented_card, invented_line
from tests.sites import assert_each_once, book

PEOPLE = 12


def subjects(box: Box) -> set[str]:
    """What ``kiosk doctor`` finds that is not well."""
    told = json.loads(box.verb("doctor", "--json").out)
    return {each["subject"] for each in told["items"] if each["grade"] != "ok"}


def test_a_damaged_store_is_salvaged_and_said(box: Box, simulator: Simulator) -> None:
    """After the first page is gone everybody is still known, nothing is sent twice, and status, tasks, light and log tell it."""
    box.start()
    box.enrol([invented_line(number) for number in range(PEOPLE)])
    for number in range(PEOPLE):
        assert box.tap(invented_card(number))["signal"] == "in"
    box.settle()
    assert box.stop() == 0
    with (box.folder / "kiosk.db").open("r+b") as file:
        file.write(bytes(1024))
    box.start()
    status = box.status()
    salvaged = status["store"]["salvaged"]
    assert (salvaged["lost"], salvaged["kept"]["registrations"]) == (0, PEOPLE)
    assert (box.folder / salvaged["kept_file"]).exists()
    (task,) = box.json("tasks")["items"]
    assert task["kind"] == "salvaged"
    assert task["advice"]
    assert '"store salvaged"' in box.log.read_text()
    assert box.tap(invented_card(0))["signal"] == "out"
    box.settle()
    assert {"salvaged store", "kept damaged files"} <= subjects(box)
    box.json("tasks", "close", str(task["id"]))
    assert subjects(box) & {"salvaged store", "kept damaged files"} == {"kept damaged files"}
    assert box.status()["store"]["salvaged"] is None
    assert box.status()["store"]["level"] == "ok"
    assert box.stop() == 0
    assert [row["state"] for row in book(box)] == ["accepted"] * (PEOPLE + 1)
    assert_each_once(simulator, book(box))
    assert CANARY_NAME not in box.log.read_text()


def test_a_wrong_key_is_never_salvaged_around(box: Box) -> None:
    """With another store key the daemon ends with 2 and says which key to put back; the store stays as it is."""
    box.start()
    box.enrol([invented_line(1)])
    assert box.stop() == 0
    key = box.folder / "store.key"
    true, before = key.read_bytes(), (box.folder / "kiosk.db").read_bytes()
    key.write_bytes(bytes(32))
    ran = box.verb("run")
    assert ran.code == 2, ran
    assert "another store key" in ran.err
    assert (box.folder / "kiosk.db").read_bytes() == before
    key.write_bytes(true)
    box.start()


def test_the_store_is_examined_and_salvaged_by_hand(box: Box) -> None:
    """While no daemon runs a human can look the store through and salvage it; while one runs both are refused."""
    assert "there is no store yet" in box.verb("store", "check").err
    assert box.verb("store", "salvage").code == 2
    box.start()
    box.enrol([invented_line(number) for number in range(PEOPLE)])
    assert box.verb("store", "check").code == 1
    assert "another process holds this store" in box.verb("store", "salvage").err
    assert box.stop() == 0
    assert box.json("store", "check")["sound"]
    data = bytearray((box.folder / "kiosk.db").read_bytes())
    data[-20] ^= 0xFF
    data[1024 * 5 + 3] ^= 0xFF
    (box.folder / "kiosk.db").write_bytes(data)
    ran = box.verb("store", "check", "--json")
    assert ran.code == 1, ran
    salvaged = box.json("store", "salvage")
    assert salvaged["kept"]["badges"] == PEOPLE
    assert (box.folder / salvaged["kept_file"]).exists()
    assert box.json("store", "check")["sound"]
    assert len(box.json("badge", "list")["items"]) == PEOPLE
