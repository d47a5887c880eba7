"""The configuration's slice for how long things are kept; see ``settings`` for the others."""
# No postponed annotations here: cattrs would resolve them without the rules in ``Annotated``.

from dataclasses import dataclass
from typing import Annotated

from kiosk.config_checks import Number

#: Ten years, whatever it is.
_LONGEST = 3660


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """After how many days what is finished goes, and how many finished registrations there may be; why: ``kiosk.toml``."""

    # Own staff's registrations can be corrected for thirty days (facts, rsz-service, section 4); five more for the post.
    registrations_days: Annotated[int, Number(35, _LONGEST, whole=True)] = 90
    evidence_days: Annotated[int, Number(35, _LONGEST, whole=True)] = 1825
    unknown_cards_days: Annotated[int, Number(7, _LONGEST, whole=True)] = 30
    local_days: Annotated[int, Number(7, _LONGEST, whole=True)] = 30
    # Days up to thirty back are compared with the service, where these explain what it shows.
    elsewhere_days: Annotated[int, Number(31, _LONGEST, whole=True)] = 31
    closed_tasks_days: Annotated[int, Number(7, _LONGEST, whole=True)] = 90
    most_finished_rows: Annotated[int, Number(1000, 1_000_000, whole=True)] = 100_000
