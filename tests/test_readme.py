"""The README keeps up with the house: every verb, every room and every promise is in it."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from kiosk.cli import kiosk

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def verbs(group: click.Group, before: str = "") -> list[str]:
    """Every verb by its words."""
    found: list[str] = []
    for name, command in group.commands.items():
        words = f"{before}{name}"
        found += verbs(command, f"{words} ") if isinstance(command, click.Group) else [words]
    return found


def rooms() -> list[str]:
    """Every module and package of both, by the name that the map uses."""
    parts = [path for package in ("kiosk", "hardware") for path in (ROOT / package).iterdir()]
    return sorted(
        path.stem for path in parts if (path.suffix == ".py" or (path / "__init__.py").exists()) and not path.name.startswith("__")
    )


@pytest.mark.parametrize("verb", verbs(kiosk))
def test_every_verb_is_in_the_readme(verb: str) -> None:
    """Whoever reads the README finds each verb by its words."""
    assert re.search(rf"`{re.escape(verb)}[` ]", README), verb


@pytest.mark.parametrize("room", rooms())
def test_every_room_is_on_the_map(room: str) -> None:
    """A room that is added or gone is noticed on the map."""
    start = README.index("## The map of the house")
    assert f"`{room}`" in README[start : README.index("## Words")] or f"`{room}/`" in README[start:]


def test_the_tests_that_keep_the_promises_are_there() -> None:
    """Each test file that the promises name exists."""
    start = README.index("## The promises")
    named = re.findall(r"`(tests/[\w/]+\.py)`", README[start : README.index("## Measured")])
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
