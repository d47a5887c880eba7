"""Five hundred kiosks come back after an outage: the service sees them evenly, not at once."""

from __future__ import annotations

from statistics import fmean

import pytest

from tests.fleet import BATCHES, BIN_SECONDS, CALL_SECONDS, HOUR, KIOSKS, SPREAD_SECONDS, Fleet, Overloaded

SEEDS = range(20)
#: Peak to mean; by chance alone the fullest of three bins of 500 stands 5 % above the mean, and one in twenty fleets at 13 %.
_LIMIT = 1.2


@pytest.mark.parametrize(
    ("name", "back", "booted", "failing_seconds"),
    [
        ("power back, network there", 0.0, True, 0.0),
        ("power back, router 40 s later", 40.0, True, 0.0),
        ("power back, router 5 min later", 300.0, True, 0.0),
        ("link back after 2 min", 120.0, False, 0.0),
        ("link back after an hour", HOUR, False, 0.0),
        ("link back after an hour, tries fail in 10 s", HOUR, False, 10.0),
    ],
)
def test_a_fleet_that_comes_back_is_seen_evenly(
    capsys: pytest.CaptureFixture[str], name: str, back: float, failing_seconds: float, *, booted: bool
) -> None:
    """Whatever the outage, the fullest ten seconds see at most 1.2 times the mean of the half minute in which all are back."""
    fleets = [Fleet(seed, back, booted, failing_seconds).run() for seed in SEEDS]
    worst = max(fleets, key=Fleet.peak_to_mean)
    mean = fmean(fleet.peak_to_mean() for fleet in fleets)
    with capsys.disabled():
        figures = (
            f"{name}: peak/mean {mean:.2f}, the worst of {len(fleets)} fleets {worst.peak_to_mean():.2f}, its bins {worst.bins}"
        )
        print(f"\n{figures}")  # noqa: T201  the figures of this run
    assert all(len(fleet.calls) == KIOSKS * BATCHES for fleet in fleets)
    assert all(max(fleet.calls) <= SPREAD_SECONDS + failing_seconds + BATCHES * CALL_SECONDS for fleet in fleets)
    assert worst.peak_to_mean() <= _LIMIT


@pytest.mark.parametrize("retry_after", [None, 30.0])
def test_a_service_that_is_too_small_for_all_of_them_is_not_run_over(
    capsys: pytest.CaptureFixture[str], retry_after: float | None
) -> None:
    """A service that takes a quarter of what comes sees no more calls later than at first, and in the end all of it arrives."""
    fleet = Fleet(1, HOUR, booted=False, service=Overloaded(12, retry_after)).run()
    with capsys.disabled():
        print(f"\n12 calls a second, Retry-After {retry_after}: {fleet.refused} of {len(fleet.calls)} put off, bins {fleet.bins}")  # noqa: T201  the figures of this run
    assert len(fleet.calls) - fleet.refused == KIOSKS * BATCHES
    assert fleet.refused > 0
    offered = KIOSKS * BATCHES / (SPREAD_SECONDS / BIN_SECONDS)
    assert max(fleet.bins) <= _LIMIT * offered
