"""kiosk.provision.moving takes a box to another place: nobody inside is forgotten, and the record has both places."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from kiosk import evidence, roster, tasks
from kiosk.config import load
from kiosk.errors import Declined, UsageError
from kiosk.identifiers import DeclarationNumber
from kiosk.model import Coordinates, Direction, State
from kiosk.opening import borrowed_desk, open_house
from kiosk.provision.moving import move
from kiosk.settings import Config
from tests.configs import change, write
from tests.desks import MORNING_MS, add_row, draft
from tests.people import CANARY, DECLARATION, OTHER_DECLARATION, PLACE

ANTWERP = Coordinates(51.2172, 4.4211)
ADDRESS = '[site.address]\npost_code = "1000"\nmunicipality = "Brussel"\nstreet = "Wetstraat"\nhouse_number = "16"\n'
WORKS = ('"1Y1003SQ5VSSZ"', '"1Y1003SQ5VSSZ"\nname = "Offices"\nvalid_until = 2030-01-01 # the end')


def box(folder: Path, *changes: tuple[str, str]) -> Config:
    return load(write(folder, change(*changes)), {})


def go(config: Config, declaration: DeclarationNumber | None = None, *, leave_open: bool = False) -> dict[str, object]:
    return move(config, ANTWERP, declaration=declaration, leave_open=leave_open)


def somebody_is_inside(config: Config) -> None:
    with borrowed_desk(config, create=True) as desk:
        enrolled = desk.database.write(lambda c: roster.enrol(c, desk.vault, CANARY, at_ms=MORNING_MS))
        assert isinstance(enrolled, roster.Enrolled)
        add_row(desk, enrolled.holder, draft(direction=Direction.IN), State.ACCEPTED)


def recorded(config: Config) -> list[object]:
    """What the record says of the box's configuration."""
    with borrowed_desk(config, create=True) as desk:
        found = desk.database.read(partial(evidence.about, subject="box"))
        contents = [
            evidence.opened(desk.vault, each.uid, each.sealed) for each in found if each.kind == "configuration" and each.sealed
        ]
    return [content.facts for content in contents]


def test_the_new_place_is_written_and_recorded(tmp_path: Path) -> None:
    """Only the two coordinates change in the file; the record has the place before and the place after."""
    config = box(tmp_path)
    before = config.path.read_text()
    result = go(config)
    assert config.path.read_text() == before.replace("50.8466", "51.2172").replace("4.3670", "4.4211")
    assert load(config.path, {}).site.coordinates == ANTWERP
    assert result["open_stays"] == []
    assert json.loads(json.dumps(result)) == result
    (facts,) = recorded(config)
    assert facts == {
        "before": [PLACE.latitude, PLACE.longitude],
        "place": [ANTWERP.latitude, ANTWERP.longitude],
        "declarations": [DECLARATION.value],
        "declaration": None,
        "open_stays": 0,
    }


def test_the_declaration_there_takes_the_place_of_the_only_one(tmp_path: Path) -> None:
    """With every reader that stood for it; the name and days of the former works are not those of the new ones."""
    config = box(tmp_path, WORKS, ('driver = "simulated"', 'driver = "simulated"\ndeclaration = "1Y1003SQ5VSSZ"'))
    go(config, OTHER_DECLARATION)
    moved = load(config.path, {})
    (declaration,) = moved.declarations
    assert (declaration.number, declaration.name, declaration.valid_until) == (OTHER_DECLARATION, None, None)
    assert moved.readers[0].declaration == OTHER_DECLARATION
    assert '#name = "Offices"' in config.path.read_text()


def test_while_somebody_is_inside_the_box_stays_or_asks_for_each_out(tmp_path: Path) -> None:
    """Refused with the holders' ids, and no names; with leave_open each gets a task, and a second run has nobody to ask for."""
    config = box(tmp_path)
    somebody_is_inside(config)
    before = config.path.read_bytes()
    with pytest.raises(Declined, match="1 still inside: holders 1\n") as caught:
        go(config)
    assert "--leave-open" in (caught.value.repair or "")
    assert (config.path.read_bytes(), recorded(config)) == (before, [])
    stays = go(config, leave_open=True)["open_stays"]
    assert isinstance(stays, list)
    assert [(stay["holder"], stay["registration"]) for stay in stays] == [(1, 1)]
    with borrowed_desk(config, create=False) as desk:
        asked = desk.database.read(partial(tasks.open_tasks, book=desk.book))
    assert [(task.kind.value, task.registration) for task in asked] == [("missing_out", 1)]
    assert go(config)["open_stays"] == []


def test_a_running_daemon_must_be_stopped_first(tmp_path: Path) -> None:
    """It would go on registering the old place."""
    config = box(tmp_path)
    house = open_house(config, create=True)
    try:
        with pytest.raises(Declined, match="the daemon holds the store"):
            go(config)
    finally:
        house.database.close()
    assert load(config.path, {}).site.coordinates == PLACE


@pytest.mark.parametrize(
    ("changes", "declaration", "told"),
    [
        ([("[employer]", f"{ADDRESS}\n[employer]")], None, "site.address: registrations name this address"),
        ([("[service]", '[[declaration]]\nnumber = "1Y102M7NZF7PZ"\n[service]')], OTHER_DECLARATION, "declaration: there are 2"),
    ],
)
def test_what_it_can_not_change_it_leaves(
    tmp_path: Path, changes: list[tuple[str, str]], declaration: DeclarationNumber | None, told: str
) -> None:
    """An address, and one of several declarations, are the admin's to correct; nothing was changed or recorded."""
    config = box(tmp_path, *changes)
    before = config.path.read_bytes()
    with pytest.raises(UsageError, match=told):
        go(config, declaration)
    assert (config.path.read_bytes(), recorded(config)) == (before, [])


def test_a_file_that_is_written_in_another_way_is_left(tmp_path: Path) -> None:
    """A table on one line is TOML, and nobody's guess is written into it; nor is what would be no configuration."""
    inline = 'site = { name = "Wetstraat 16", latitude = 50.8466, longitude = 4.3670 }\n'
    section = '[site]\nname = "Wetstraat 16"\nlatitude = 50.8466\nlongitude = 4.3670\n'
    config = box(tmp_path, (section, inline))
    with pytest.raises(UsageError, match=r"\[site\] latitude is written in a way"):
        go(config)
    assert load(config.path, {}).site.coordinates == PLACE
    assert [path.name for path in tmp_path.glob(".*")] in ([], [".kiosk.db.lock"])
