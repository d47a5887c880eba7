"""kiosk.qr draws codes that a telephone reads, and nothing else."""

from __future__ import annotations

import re

import pytest
import segno

from kiosk.errors import Declined
from kiosk.qr import svg
from tests.pages import Page

LINK = "https://www.example.org/declaration?number=1Y1003SQ5VSSZ&lang=nl"


def squares(drawn: str) -> set[tuple[int, int]]:
    """The black modules of a drawing, from its path of horizontal strokes."""
    path = re.search(r' d="([^"]*)"', drawn)
    assert path is not None
    found: set[tuple[int, int]] = set()
    x, y = 0.0, 0.0
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", path[1]):
        values = [float(each) for each in numbers.split()]
        match command:
            case "M":
                x, y = values
            case "m":
                x, y = x + values[0], y + values[1]
            case _:
                found |= {(int(x) + step, int(y)) for step in range(int(values[0]))}
                x += values[0]
    return found


def test_the_drawing_is_the_code_of_the_link_with_its_quiet_border() -> None:
    """Each black module is where the standard has it, and four white ones are round them all."""
    matrix = segno.make_qr(LINK, error="m", boost_error=False).matrix
    black = {(x + 4, y + 4) for y, row in enumerate(matrix) for x, module in enumerate(row) if module}
    assert squares(svg(LINK, label="x")) == black
    size = len(matrix) + 8
    assert f'viewBox="0 0 {size} {size}"' in svg(LINK, label="x")


def test_a_label_is_text_and_nothing_else() -> None:
    """What somebody wrote as a name can't become part of the page."""
    page = Page(svg(LINK, label="</title><script>alert(1)</script>"))
    assert "script" not in page.tags
    assert page.loads == []


def test_a_link_that_no_code_holds_is_refused_with_its_key() -> None:
    """Not with a traceback."""
    with pytest.raises(Declined) as caught:
        svg("https://www.example.org/" + 3000 * "x", label="x")
    assert "[[declaration]] url" in str(caught.value)
