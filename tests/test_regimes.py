from __future__ import annotations

import pytest

from kiosk.regimes import REGIMES, Owed, Regime, Sector


def test_only_cleaning_is_switched_on() -> None:
    """Construction and meat are described and switched off."""
    assert {regime.sector: regime.enabled for regime in REGIMES} == {
        Sector.CLEANING: True,
        Sector.CONSTRUCTION: False,
        Sector.MEAT: False,
    }


@pytest.mark.parametrize("regime", REGIMES, ids=lambda regime: str(regime.sector.value))
def test_a_regime_is_on_exactly_when_nothing_is_missing(regime: Regime) -> None:
    """What is switched on needs nothing more and goes over a channel that is spoken; what is off says what it needs."""
    assert regime.enabled == (not regime.needs) == regime.channel.spoken
    assert regime.law
    assert regime.channel.spoken or regime.channel.bridges


def test_what_is_announced_is_not_taken_for_law() -> None:
    """Construction owes one presence a day until the law that announces in and out is there."""
    construction = next(regime for regime in REGIMES if regime.sector is Sector.CONSTRUCTION)
    assert (construction.owed, construction.announced, construction.since) == (Owed.ONCE_A_DAY, Owed.IN_AND_OUT, 2027)


def test_a_refusal_says_what_is_missing_and_the_way_out() -> None:
    """Whoever asks for a sector that is off reads what it needs and where to register meanwhile."""
    meat = next(regime for regime in REGIMES if regime.sector is Sector.MEAT)
    assert meat.refusal == (
        "meat is not served yet: it needs a channel to Checkinatwork, or its sector in Check In and Out at Work; "
        "register with Checkinatwork meanwhile"
    )
