from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kiosk.schedule import backoff, probe_wait, reconnect_wait


@given(st.integers(0, 10_000), st.floats(0, 600), st.floats(0, 0.999))
def test_a_wait_never_exceeds_the_cap_nor_two_seconds_doubled(failures: int, cap: float, chance: float) -> None:
    """Full jitter: any wait from 0 to min(cap, 2 s doubled for each failure), however long the service is away."""
    wait = backoff(failures, cap_seconds=cap, asked_seconds=None, dice=lambda: chance)
    assert wait == chance * min(cap, 2.0 * 2.0 ** min(failures, 32))


@given(st.floats(-10, 1e6), st.floats(0, 0.999))
def test_what_the_service_asks_is_a_floor_of_at_most_an_hour(asked: float, chance: float) -> None:
    """A Retry-After is kept, with up to a quarter more so that boxes spread, and an hour is the most it may ask."""
    wait = backoff(0, cap_seconds=0, asked_seconds=asked, dice=lambda: chance)
    floor = min(max(asked, 0), 3600)
    assert floor <= wait <= floor * 1.25


def test_a_longer_wait_of_our_own_is_kept_over_a_short_one_asked() -> None:
    """Retry-After: 1 does not make a box that backed off come back sooner."""
    assert backoff(9, cap_seconds=300, asked_seconds=1, dice=lambda: 0.9) == 270


@given(st.floats(0, 0.999))
def test_once_chance_has_spread_the_boxes_they_stay_spread(chance: float) -> None:
    """Full jitter up to the cap and three times at it; then the cap, since the rest of an even wait is even too."""
    waits = [reconnect_wait(n, cap_seconds=30, dice=lambda: chance) for n in range(40)]
    assert waits[:7] == [chance * min(30, 2.0 * 2**n) for n in range(7)]
    assert waits[7:] == [30.0] * 33


def test_a_short_cap_is_spread_first_too() -> None:
    """A cap below two seconds is no wait of the first three tries, and of every one after them."""
    assert [reconnect_wait(n, cap_seconds=1, dice=lambda: 0.5) for n in range(5)] == [0.5, 0.5, 0.5, 1, 1]


def test_probes_of_a_wrong_configuration_rise_to_ten_minutes() -> None:
    """30 s, 60 s, and so on to 600 s; a longer first wait of the admin's own is kept."""
    assert [probe_wait(n, probe_seconds=30) for n in (0, 1, 4, 5, 99)] == [30, 60, 480, 600, 600]
    assert probe_wait(3, probe_seconds=900) == 900
