"""kiosk.eid_notice tells people, in their language, what is read of their card and that a badge does as well."""

from __future__ import annotations

import pytest

from kiosk.advice import Language
from kiosk.eid_notice import notice

BADGE = {Language.NL: "badge", Language.FR: "badge", Language.DE: "Stempelkarte", Language.EN: "badge"}


@pytest.mark.parametrize("language", Language)
def test_the_notice_says_what_the_law_asks_for(language: Language) -> None:
    """Where, what for, how long, and the other way; nothing is left to be filled in."""
    told = notice(language, site="Wetstraat 16", purpose="The {purpose}", registrations_days=90, evidence_days=1825)
    for part in (
        "Wetstraat 16",
        "The {purpose}",
        " 90 ",
        " 1825 ",
        BADGE[language],
        "PIN" if language is not Language.NL else "pincode",
    ):
        assert part in told
    assert told.count("{") == 1


def test_no_language_was_copied() -> None:
    """Each line but the purpose is its own in every language."""
    lines = [
        set(notice(language, site="A", purpose="B", registrations_days=1, evidence_days=2).splitlines()) for language in Language
    ]
    assert all(not first & second for place, first in enumerate(lines) for second in lines[place + 1 :])
