from __future__ import annotations

import pytest

from kiosk.contract_calls import calls
from kiosk.swagger.differences import Difference, Setting, Severity, Spot, configuration, matters
from kiosk.swagger.schemas import Bundle, References

SPOT = Spot(call=calls()[0], references=References(Bundle(main="a", files={"a": {}})), where="request", consequence="refused")


def difference(severity: Severity = Severity.INFORMATION, repair: Setting | None = None) -> Difference:
    return SPOT.differs("this", "that", severity=severity, repair=repair)


def test_places_are_written_as_belgif_names_inputs() -> None:
    """A place reads like the name in an issue of the service: ``items[].employer``."""
    assert SPOT.member("items").element().member("employer").where == "request items[].employer"
    assert SPOT.element().member("id").where == "request[] id"


def test_the_spot_decides_unless_told_otherwise() -> None:
    """What stands at a vital place breaks, what stands elsewhere limits; each with the consequence of its place."""
    assert (SPOT.differs("a", "b").severity, SPOT.differs("a", "b").consequence) == (Severity.BREAKS, "refused")
    told = SPOT.differs("a", "b", consequence="harmless", severity=Severity.INFORMATION)
    assert (told.severity, told.consequence) == (Severity.INFORMATION, "harmless")


def test_the_lines_of_a_section_stand_together() -> None:
    """What is printed for the configuration is TOML: each section once, each key once."""
    repairs: list[tuple[str, str, str | int]] = [
        ("service.limits", "batch", 50),
        ("service", "api_url", 'https://x/"'),
        ("service.limits", "page_size", 20),
    ]
    found = [difference(repair=Setting(section=section, key=key, value=value)) for section, key, value in repairs]
    assert configuration([difference(), *found, *found]) == (
        '[service.limits]\nbatch = 50\npage_size = 20\n\n[service]\napi_url = "https://x/\\""'
    )
    assert configuration([difference()]) == ""


@pytest.mark.parametrize("severity", Severity)
def test_only_what_is_more_than_good_to_know_matters(severity: Severity) -> None:
    """Information alone asks nothing of anybody."""
    assert matters([difference(), difference(severity)]) == (severity is not Severity.INFORMATION)
