"""The sectors that must register presences, as data: on what law, since when, what is owed, and who is served.

Only what is switched on makes registrations. The rest is described, so that the day the law and the specification are
there it is a matter of switching on and of one more channel, not of rewriting (facts, rsz-service, sections 0, 4.3 to 5).

Construction and meat register today with the older Checkinatwork, a SOAP service, which this program does not speak. A
second channel would take the place of ``kiosk.services`` behind the port that delivery knows (``kiosk.line``): its
``register`` answers every batch with a ``CallVerdict``, and delivery, book and signal need not know which one answered.
What such a channel has to bridge is in ``CHECKINATWORK``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kiosk.contract import Evidence


class Sector(StrEnum):
    """Who must register presences; the word is the one in ``[site] regime``."""

    CLEANING = "cleaning"
    CONSTRUCTION = "construction"
    MEAT = "meat"


class Owed(StrEnum):
    """What is registered for a day of work."""

    IN_AND_OUT = "in_and_out"
    ONCE_A_DAY = "once_a_day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A way in which a sector's registrations reach the service.

    Attributes:
        name: Its name.
        spoken: Whether this program speaks it.
        bridges: What differs from the registrations that this program makes, one sentence each.
    """

    name: str
    spoken: bool
    bridges: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """A sector that registers presences, and whether this program serves it.

    Attributes:
        sector: The sector.
        enabled: Whether registrations are made for it.
        law: The legal basis.
        since: The first year in which it holds or is announced to hold.
        owed: What is owed for a day of work today.
        announced: What is announced to be owed from ``since`` on, where that differs from today; else None.
        channel: Where it registers today.
        evidence: How well this is known.
        needs: What has to be there before it can be switched on; empty where it is.
    """

    sector: Sector
    enabled: bool
    law: str
    since: int
    owed: Owed
    announced: Owed | None = None
    channel: Channel
    evidence: Evidence
    needs: tuple[str, ...] = ()

    @property
    def refusal(self) -> str:
        """Why it can't be used, and what to do meanwhile; a sentence for the one who asked for it."""
        return (
            f"{self.sector.value} is not served yet: it needs {'; '.join(self.needs)}; register with {self.channel.name} meanwhile"
        )


CHECK_IN_AND_OUT: Final = Channel(name="Check In and Out at Work", spoken=True)
CHECKINATWORK: Final = Channel(
    name="Checkinatwork",
    spoken=False,
    bridges=(
        "one presence for a person, a day and a place, with a date and no time: an OUT owes nothing",
        "SOAP with a SAML holder-of-key token of the security token service, not OAuth",
        "a Limosa number with a VAT number may stand for INSZ and enterprise number",
        "a reference of the client may be given, which a search does not look for",
        "at most 200 presences in a call, at most 500 in a search of at most 31 periods",
        "a registration can be cancelled until the end of its day, for HOLIDAY, DISEASE, PLANNING or C32A",
        "a status SUCCESSFULLY_REGISTERED, SUCCESSFULLY_CANCELLED or FAILED takes the place of validity",
    ),
)

CLEANING: Final = Regime(
    sector=Sector.CLEANING,
    enabled=True,
    law="Programme Act of 26 December 2022, articles 22 to 48, and article 30bis, paragraph 9, of the Act of 27 June 1969",
    since=2024,
    owed=Owed.IN_AND_OUT,
    channel=CHECK_IN_AND_OUT,
    evidence=Evidence.KNOWN,
)
CONSTRUCTION: Final = Regime(
    sector=Sector.CONSTRUCTION,
    enabled=False,
    law="Welfare Act of 4 August 1996, articles 31bis and following; a bill announces in and out",
    since=2027,
    owed=Owed.ONCE_A_DAY,
    announced=Owed.IN_AND_OUT,
    channel=CHECKINATWORK,
    evidence=Evidence.ASSUMED,
    needs=("the law that announces in and out for 2027, promulgated", "the specification of the service for it"),
)
MEAT: Final = Regime(
    sector=Sector.MEAT,
    enabled=False,
    law="Programme Act of 10 August 2015, and article 30ter of the Act of 27 June 1969",
    since=2016,
    owed=Owed.ONCE_A_DAY,
    channel=CHECKINATWORK,
    evidence=Evidence.ASSUMED,
    needs=("a channel to Checkinatwork, or its sector in Check In and Out at Work",),
)
REGIMES: Final = (CLEANING, CONSTRUCTION, MEAT)
