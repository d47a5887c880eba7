from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.doctor.scrubber import Scrubber
from tests.people import CANARY_CARD, CANARY_INSZ, invented_insz

SCRUBBER = Scrubber({})
INSZ = CANARY_INSZ.digits
DOTTED = f"{INSZ[:2]}.{INSZ[2:4]}.{INSZ[4:6]}-{INSZ[6:9]}.{INSZ[9:]}"
CARD = CANARY_CARD.identifier.hex()
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJib3gifQ.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "secret",
    [
        INSZ,
        INSZ[::-1],
        DOTTED,
        DOTTED.replace(".", " "),
        CARD,
        CARD.upper(),
        CANARY_CARD.identifier.hex(":"),
        CANARY_CARD.identifier.hex(" ").upper(),
        "04a1b2c3",
        TOKEN,
        TOKEN[:30],
        "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nMIIE",
        "A" * 43 + "=",
        str(Path("/", "home", "somebody")),
    ],
)
@pytest.mark.parametrize("around", ["{}", "why: {}.", '"{}"', "({})", "a={},b"])
def test_what_looks_like_a_secret_goes(secret: str, around: str) -> None:
    """A person's number, a badge's, a key, a token, a home: in each spelling, wherever it stands."""
    cleaned = SCRUBBER.text(around.format(secret))
    assert secret not in cleaned
    assert cleaned.startswith(around.partition("{}")[0] + "#")


@pytest.mark.parametrize(
    "harmless",
    [
        "2026-11-22T12:00:00Z",
        "valid from 2026-11-22 to 2028-11-21",
        "2026-11-22 12:00:00.123Z",
        "730 days left",
        "connection to 127.0.0.1:8443 refused",
        "Linux 6.12.47+rpt-rpi-v8",
        "the token server gave one for an assertion signed with RS256",
        "kiosk.db",
    ],
)
def test_what_support_needs_stays(harmless: str) -> None:
    """Days, times, addresses, versions and our own sentences."""
    assert SCRUBBER.text(harmless) == harmless


def test_what_is_known_is_masked_first() -> None:
    """By its own mask, so that a line can still be told from another."""
    scrubber = Scrubber({"self_service_expeditor_123456": "...456", "0206731645": "...645"})
    assert scrubber.text("0206731645 as self_service_expeditor_123456") == "...645 as ...456"


def test_every_text_in_a_document_is_cleaned() -> None:
    """Names of fields too; figures and the rest stay what they are."""
    document = {"a": [INSZ, 1, None, True, {INSZ: 1.5}]}
    assert SCRUBBER.value(document) == {"a": ["#", 1, None, True, {"#": 1.5}]}


@given(st.integers(0, 999), st.text(), st.text())
def test_no_number_of_a_person_survives(person: int, before: str, after: str) -> None:
    """Whatever stands around it."""
    digits = invented_insz(person).digits
    assert digits not in SCRUBBER.text(f"{before}{digits}{after}")
