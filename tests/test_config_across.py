"""kiosk.config_across finds what is wrong only beside something else; tests/test_config.py has the rest of its mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardware.formats import Format
from kiosk.model import Press
from kiosk.settings import Driver
from tests.configs import change, complaints, read
from tests.people import DECLARATION, OTHER_DECLARATION

LEAVE = '[[button]]\nname = "leave"\nline = 5\npress = "out"\n'


def with_sections(text: str) -> str:
    return change(("[store]", f"{text}\n[store]"))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[indicator]\nchip = "/dev/gpiochip0"', "indicator.chip: has no line"),
        ('[indicator]\nchip = "c"\ngreen = 17\nred = 17', "indicator.red: is the same as indicator.green"),
        ("[indicator]\ngreen = 17\nnight_from = 22:00:00", "indicator.night_from: and night_until go together"),
        (
            '[indicator]\ngreen = 17\nnight_from = "22:00"\nnight_until = 06:00:00',
            "indicator.night_from: is a string; write a time without quotes",
        ),
        (LEAVE + LEAVE.replace("5", "6"), "button[2].name: is the same as button[1].name"),
        (LEAVE + LEAVE.replace("leave", "go"), "button[2].line: is the same as button[1].line"),
        (f"[indicator]\ngreen = 5\n{LEAVE}", "button[1].line: is the same as indicator.green"),
        (f'[indicator]\nchip = "c"\ngreen = 5\n{LEAVE}chip = "c"', "button[1].line: is the same as indicator.green"),
        (LEAVE.replace('press = "out"', ""), "button[1]: stands for nothing; give it one of the two"),
        (f'{LEAVE}declaration = "{DECLARATION.value}"', "button[1]: has both press and declaration"),
        (
            LEAVE.replace('press = "out"', f'declaration = "{OTHER_DECLARATION.value}"'),
            "button[1].declaration: is the number of no [[declaration]] here",
        ),
        (f'{LEAVE}reader = "back"', "button[1].reader: is the name of no [[reader]] here"),
        (LEAVE.replace('"out"', '"pause"'), "button[1].press: is a string that means nothing here; write one of: in, out, break"),
        (LEAVE.replace("line = 5", "line = 512"), "button[1].line: is out of range"),
        ("[button]\nname = 'leave'", "button: is needed at least once; add [[button]], in double brackets"),
    ],
)
def test_each_mistake_about_lamps_and_buttons_is_told_alone(tmp_path: Path, text: str, complaint: str) -> None:
    """One thing wrong gives exactly one line, at the right key, with a repair."""
    (line,) = complaints(tmp_path, with_sections(text))
    assert line.startswith(complaint)
    assert ";" in line


def test_buttons_may_share_a_line_number_on_two_chips_and_name_the_lamps_chip(tmp_path: Path) -> None:
    """The chip of ``[indicator]`` may be there for buttons alone; another chip has its own line 5."""
    other = LEAVE.replace("leave", "come").replace("out", "in")
    found = read(tmp_path, with_sections(f'[indicator]\nchip = "pinctrl-rp1"\n{LEAVE}reader = "gate"\n{other}chip = "other"'))
    assert [(button.name, button.press, button.reader, button.chip) for button in found.buttons] == [
        ("leave", Press.OUT, "gate", None),
        ("come", Press.IN, None, "other"),
    ]


CARDS = '[[reader]]\nname = "cards"\ndriver = "eid"\n'
BADGES = '[[reader]]\nname = "badges"\ndriver = "pcsc"\n'
WHY = '[eid]\npurpose = "presence"\n'


def test_identity_cards_are_not_read_without_a_purpose(tmp_path: Path) -> None:
    """Whoever switches it on says what for; whoever does not needs no such section."""
    (line,) = complaints(tmp_path, with_sections(CARDS))
    assert line.startswith("eid.purpose: is missing, and identity cards are read;")
    assert read(tmp_path, with_sections(CARDS + WHY)).eid.purpose == "presence"
    assert read(tmp_path).eid.purpose is None


def test_badges_and_identity_cards_go_to_different_devices(tmp_path: Path) -> None:
    """Two PC/SC readers of different kinds each name theirs; else both would take every device."""
    both = CARDS + BADGES + WHY
    assert [line.partition(";")[0] for line in complaints(tmp_path, with_sections(both))] == [
        "reader[1].match: is missing",
        "reader[2].match: is missing",
    ]
    named = CARDS + 'match = "Contact"\n' + BADGES + 'match = "Picc"\n' + WHY
    assert len(read(tmp_path, with_sections(named)).readers) == 3


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('driver = "keyboard"', "reader[1].match: must be the device's path"),
        ('driver = "keyboard"\nmatch = "barcode scanner"', "reader[1].match: must be the device's path"),
        ('driver = "simulated"\nformat = "decimal"', "reader[1].format: is how a reader types"),
        ('driver = "keyboard"\nmatch = "/dev/input/x"\nformat = "auto"', "reader[1].format: "),
    ],
)
def test_each_mistake_about_a_reader_that_types_is_told_alone(tmp_path: Path, text: str, complaint: str) -> None:
    """Without a path somebody's own keyboard could be taken from him; a way of typing is for a reader that types."""
    (line,) = complaints(tmp_path, change(('driver = "simulated"', text)))
    assert line.startswith(complaint)
    assert ";" in line


def test_a_reader_that_types_has_a_path_and_a_way_of_typing(tmp_path: Path) -> None:
    """Hexadecimal unless told otherwise."""
    device = 'driver = "keyboard"\nmatch = "/dev/input/by-id/usb-x-event-kbd"'
    for line, form in (("", Format.HEX), ('\nformat = "8h10d"', Format.EM4100_DECIMAL)):
        (reader,) = read(tmp_path, change(('driver = "simulated"', device + line))).readers
        assert (reader.driver, reader.match, reader.format) == (Driver.KEYBOARD, "/dev/input/by-id/usb-x-event-kbd", form)
