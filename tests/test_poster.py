"""kiosk.poster says all that whoever stands before the reader must know, in every language, with nothing but itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kiosk.advice import Language
from kiosk.model import Environment, Signal
from kiosk.poster import Wall, Way, page
from kiosk.poster_words import LABELS, SIGNALS
from kiosk.retention_settings import Retention
from tests.pages import Page

EVIL = "<script>alert('x')</script>&\""
LINK = "https://www.example.org/declaration"
WALL = Wall(
    site="Wetstraat 16",
    environment=Environment.PRODUCTION,
    local_only=False,
    contact=None,
    ways=(Way(number="1Y1003SQ5VSSZ", name="Offices", url=LINK), Way(number="1Y102M7NZF7PZ", name=None, url=None)),
    retention=Retention(),
    eid_purpose=None,
)


@pytest.mark.parametrize("language", Language)
def test_a_sheet_says_where_to_tap_what_a_light_means_and_what_else_there_is(language: Language) -> None:
    """Each light, both declarations by number and the one with a link by its code, how to correct, and how long what is kept."""
    read = Page(page(WALL, [language]))
    assert all(words[language] in read.text for signal, words in SIGNALS.items() if signal is not Signal.LOCAL)
    for label in ("title", "tap", "lights", "offline", "fallback", "green", "correct", "privacy", "in_charge"):
        assert LABELS[label][language] in read.text
    assert all(number in read.text for number in ("1Y1003SQ5VSSZ", "1Y102M7NZF7PZ", "Wetstraat 16", "30", "90", "1825"))
    assert page(WALL, [language]).count('class="qr"') == 1
    assert LABELS["training"][language] not in read.text
    assert SIGNALS[Signal.LOCAL][language] not in read.text


def test_each_language_is_a_page_of_its_own() -> None:
    """In the order that they were asked for, each told to whoever reads the page aloud."""
    whole = page(WALL, [Language.FR, Language.NL])
    assert whole.count('<section class="sheet"') == 2
    assert whole.index('lang="fr">\n<h2>') < whole.index('lang="nl">\n<h2>')
    assert "size:A4" in whole
    assert "break-after:page" in whole


def test_the_poster_loads_nothing_and_lets_nothing_through() -> None:
    """Whatever the configuration holds is text."""
    wall = replace(WALL, site=EVIL, contact=EVIL, eid_purpose=EVIL, ways=(Way(number="1Y1003SQ5VSSZ", name=EVIL, url=LINK),))
    whole = page(wall, list(Language))
    read = Page(whole)
    assert read.loads == []
    assert not {"script", "link", "img", "iframe", "object"} & set(read.tags)
    assert read.text.count(EVIL) >= 4 * 4
    assert "default-src 'none'" in whole


def test_a_poster_in_training_says_so_in_every_language_and_draws_its_lights() -> None:
    """Nobody is to take an exercise for the real thing."""
    training = page(replace(WALL, environment=Environment.TRAINING), list(Language))
    assert all(LABELS["training"][language] in Page(training).text for language in Language)
    assert training.count("<rect") != page(WALL, list(Language)).count("<rect")


def test_where_nothing_is_owed_nobody_is_sent_to_his_phone() -> None:
    """The white light is explained instead, no code is shown, and nothing is said to go to the NSSO."""
    whole = page(replace(WALL, local_only=True, ways=()), [Language.EN])
    text = Page(whole).text
    assert SIGNALS[Signal.LOCAL][Language.EN] in text
    assert not any(SIGNALS[signal][Language.EN] in text for signal in (Signal.IN, Signal.OUT, Signal.HELD))
    assert LABELS["fallback"][Language.EN] not in text
    assert "NSSO" not in text
    assert "nothing is sent" in text


def test_the_notice_about_identity_cards_is_on_it_where_a_reader_takes_them() -> None:
    """With the purpose that the admin wrote; and whom to ask is who he says."""
    wall = replace(WALL, eid_purpose="no badge needed", contact="Personnel office, 02 555 01 23")
    text = Page(page(wall, [Language.EN])).text
    assert "What for: no badge needed" in text
    assert text.count("Personnel office, 02 555 01 23") == 2
    assert "READER FOR IDENTITY CARDS" not in Page(page(WALL, [Language.EN])).text
