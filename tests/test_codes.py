"""kiosk.codes knows the code of a declaration when it is scanned, and lets it choose for the next tap."""

from __future__ import annotations

import pytest

from kiosk.codes import claimer, meant
from kiosk.model import Press
from kiosk.presses import NOTHING, Presses, Wish
from kiosk.settings import Declaration
from tests.people import DECLARATION, OTHER_DECLARATION
from tests.wedges import CODES

LINK = "https://www.example.org/declaration?ref=a_b&lang=nl"
WORKS = (Declaration(number=DECLARATION, url=LINK), Declaration(number=OTHER_DECLARATION))
#: As a keyboard types it whose shift nobody sees.
TYPED = LINK.upper().translate(str.maketrans(":?&_", ";/7-"))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1Y1003SQ5VSSZ", DECLARATION),
        (" 1y102m7nzf7pz\n", OTHER_DECLARATION),
        (LINK, DECLARATION),
        (TYPED, DECLARATION),
        ("https://www.example.org/works/1Y102M7NZF7PZ/in", OTHER_DECLARATION),
        ("HTTPS;//WWW.EXAMPLE.ORG/IN/REF=1Y102M7NZF7PZ7LANG=NL", None),
        ("X1Y102M7NZF7PZ", None),
        ("1Y102M7NZF7PZ 1Y1003SQ5VSSZ", None),
        ("https://www.example.org/", None),
        ("", None),
    ],
)
def test_a_code_means_the_one_declaration_that_it_names(text: str, number: object) -> None:
    """By number, by the configured link, or by a number within an address; two names, a longer word or none mean nothing."""
    assert meant(text, WORKS) == number


def test_every_character_of_a_link_is_a_key_that_readers_have() -> None:
    """What a scanner types for a link is what the link is compared as."""
    assert set(TYPED) <= set(CODES)


def test_what_is_scanned_waits_for_the_next_tap_at_any_reader() -> None:
    """Once, for as long as a press counts, and the light says so; what is no declaration's code stays a badge's."""
    presses, shown = Presses(), list[Press | None]()
    claim = claimer(WORKS, presses, shown.append)
    assert not claim("KONSTRUBADGE 12345", 1_000)
    assert (presses.take("gate", 2_000), shown) == (NOTHING, [])
    assert claim(TYPED, 1_000)
    assert (presses.take("gate", 2_000), shown) == (Wish(declaration=DECLARATION), [None])
    assert presses.take("gate", 3_000) == NOTHING
