"""kiosk.presses lets a press count for exactly the tap that follows it soon."""

from __future__ import annotations

from threading import Thread

import pytest

from kiosk.model import Press
from kiosk.presses import COUNTS_FOR_SECONDS, NOTHING, Pending, Presses, Wish
from tests.people import DECLARATION

SECOND = 1_000_000_000
OUT = Wish(press=Press.OUT)
OFFICES = Wish(declaration=DECLARATION)


def pressed(wish: Wish, *, at: float = 100, reader: str | None = None) -> Pending:
    return Pending(wish=wish, reader=reader, boot_ns=round(at * SECOND))


@pytest.mark.parametrize(
    ("after", "counts"), [(-0.001, False), (0, True), (5, True), (COUNTS_FOR_SECONDS, True), (COUNTS_FOR_SECONDS + 0.001, False)]
)
def test_a_press_counts_for_ten_seconds(after: float, *, counts: bool) -> None:
    """By the boot clock, and never for a tap that came before it."""
    presses = Presses()
    presses.note(pressed(OUT))
    assert presses.take("gate", round((100 + after) * SECOND)) == (OUT if counts else NOTHING)


def test_a_press_is_consumed_by_one_tap() -> None:
    """The next in the queue gets nothing of it."""
    presses = Presses()
    presses.note(pressed(OUT))
    assert [presses.take("gate", 101 * SECOND) for _ in range(3)] == [OUT, NOTHING, NOTHING]


def test_the_newest_press_counts_and_takes_the_earlier_ones_along() -> None:
    """Who presses again means that; the other press is not left behind for a stranger, whichever button it was."""
    for readers in ((None, None), (None, "gate"), ("gate", None)):
        presses = Presses()
        for wish, at, reader in zip((OUT, OFFICES), (100, 101), readers, strict=True):
            presses.note(pressed(wish, at=at, reader=reader))
        assert [presses.take("gate", 102 * SECOND) for _ in range(2)] == [OFFICES, NOTHING]


def test_a_readers_own_button_counts_there_only() -> None:
    """The gate's button is nothing to the annex, and waits for its own tap."""
    presses = Presses()
    presses.note(pressed(OUT, reader="gate"))
    assert presses.take("annex", 101 * SECOND) == NOTHING
    assert presses.take("gate", 102 * SECOND) == OUT


def test_of_many_taps_at_once_one_gets_it() -> None:
    """Two readers' threads never both get the press of a button that serves them all."""
    for _ in range(50):
        presses, got = Presses(), list[Wish]()
        presses.note(pressed(OUT))

        def tap(presses: Presses = presses, got: list[Wish] = got) -> None:
            got.append(presses.take("gate", 101 * SECOND))

        threads = [Thread(target=tap) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(got, key=str) == sorted([OUT, NOTHING, NOTHING, NOTHING], key=str)
