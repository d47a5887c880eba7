"""kiosk.liveness tells what hangs from what waits, and keeps a hung reader from restarting the box for ever."""

from __future__ import annotations

import pytest

from kiosk.liveness import hangs, may_restart

_NS = 1_000_000_000


@pytest.mark.parametrize(
    ("turned_ns", "now_ns", "expected"),
    [(0, 10**18, False), (_NS, 11 * _NS, False), (_NS, 11 * _NS + 1, True), (20 * _NS, _NS, False)],
)
def test_a_part_hangs_after_its_seconds(turned_ns: int, now_ns: int, *, expected: bool) -> None:
    """What does not run can't hang, and the limit itself is not past it."""
    assert hangs(turned_ns, now_ns, 10) is expected


@pytest.mark.parametrize(
    ("last", "expected"),
    [(None, True), (("this", _NS), False), (("this", -1), True), (("other", _NS), True)],
)
def test_a_hung_reader_ends_the_process_once_in_ten_minutes(last: tuple[str, int] | None, *, expected: bool) -> None:
    """Of one boot; the boot clock of another says nothing."""
    assert may_restart(last, "this", 600 * _NS) is expected
