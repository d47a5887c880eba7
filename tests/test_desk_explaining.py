"""kiosk.desk.explaining says of any card what it is, whether it is known and what its tap comes to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from hardware.cards import Document
from hardware.ports import Card, Identity, Unreadable
from kiosk import documents
from kiosk.desk import Desk
from kiosk.desk.explaining import explainer
from kiosk.desk.lent import loan_enroller
from kiosk.desk.people import CALLS
from kiosk.model import Trust
from tests.desks import Clock, open_desk
from tests.people import CANARY_CARD, CANARY_INSZ, invented_insz


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path, Clock()) as opened:
        yield opened


def seen(digits: str = CANARY_CARD.identifier.hex(), kind: str = "uid", *, trust: str = "uid") -> Card:
    return Card(kind=kind, identifier=bytes.fromhex(digits), technology="desfire", boot_ns=1, trust=trust)


def document(number: str, *, proven: bool, until: date = date(2030, 1, 1)) -> Identity:
    read = Document(number=number, valid_from=None, valid_until=until, kind=1, proven=proven, technology="belgian-eid-1.8")
    return Identity(document=read, boot_ns=1)


def test_a_badge_is_told_with_its_holder(desk: Desk) -> None:
    """Known, whose, and what a tap comes to; the number masked."""
    CALLS["badge add"](desk, {"lines": [{"card": CANARY_CARD.identifier.hex(), "insz": CANARY_INSZ.digits}]})
    told = explainer(desk, reveal=False)(seen())
    assert told == {
        "readable": True, "why": None, "kind": "uid", "technology": "desfire", "trust": "uid",
        "worth": "its number tells it apart and proves nothing: numbers can be copied",
        "card": CANARY_CARD.masked, "written": None, "known": "yes", "badge": 1, "holder": 1, "tap": "recorded for its holder",
    }  # fmt: skip
    CALLS["badge revoke"](desk, {"id": 1})
    revoked = explainer(desk, reveal=False)(seen())
    assert (revoked["known"], revoked["badge"]) == ("revoked", 1)
    assert "red" in str(revoked["tap"])


def test_an_unknown_card_is_told_with_what_to_do(desk: Desk) -> None:
    """Nobody's card: the admin learns how it becomes somebody's."""
    told = explainer(desk, reveal=False)(seen())
    assert (told["known"], told["holder"]) == ("no", None)
    assert "kiosk badge enrol" in str(told["tap"])


def test_a_number_in_full_is_told_as_other_systems_print_it(desk: Desk) -> None:
    """Whoever compares a list sees the card in each way of writing."""
    told = explainer(desk, reveal=True)(seen("DEADBEEF"))
    assert told["written"] == {
        "hex": "DEADBEEF", "reversed": "EFBEADDE", "decimal": "3735928559", "decimal-reversed": "4022250974",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("card", "worth"),
    [
        (seen("DEADBEEF"), "4 bytes"),
        (seen("AB34CD", "wiegand"), "3 bytes"),
        (seen("0102AB34CD", "em4100"), "proves nothing"),
        (seen(trust="crypto"), "proved a key"),
    ],
)
def test_what_a_number_is_worth_is_told(desk: Desk, card: Card, worth: str) -> None:
    """A short number is told from a long one, and both from a key."""
    assert worth in str(explainer(desk, reveal=False)(card)["worth"])


def test_a_card_that_can_not_be_read_is_told_with_its_reason(desk: Desk) -> None:
    """The reason that the light and the screen have, and that nothing is recorded."""
    told = explainer(desk, reveal=True)(Unreadable(why="a reason", boot_ns=1))
    assert (told["readable"], told["why"], told["written"], told["known"]) == (False, "a reason", None, None)


def test_an_identity_card_is_its_persons(desk: Desk) -> None:
    """By the number that it gives, which is told nowhere; proven or not."""
    CALLS["badge add"](desk, {"lines": [{"card": CANARY_CARD.identifier.hex(), "insz": CANARY_INSZ.digits}]})
    explain = explainer(desk, reveal=True)
    told = explain(document(CANARY_INSZ.digits, proven=True))
    assert (told["kind"], told["trust"], told["known"], told["holder"], told["badge"]) == ("eid", "eid", "yes", 1, None)
    assert CANARY_INSZ.digits not in str(told)
    assert "no root certificate" in str(explain(document(CANARY_INSZ.digits, proven=False))["worth"])
    stranger = explain(document(invented_insz(5).digits, proven=True))
    assert (stranger["known"], stranger["holder"]) == ("no", None)


def test_an_identity_card_that_registers_nobody_is_told_with_its_reason(desk: Desk) -> None:
    """A number that fails its check and a day that is over are told as the worker sees them, with a store or without."""
    wrong = explainer(desk, reveal=False)(document("12345678901", proven=True))
    assert (wrong["why"], wrong["known"]) == (documents.CHECK_DIGITS, None)
    over = document(CANARY_INSZ.digits, proven=True, until=date(2020, 1, 1))
    assert explainer(desk, reveal=False)(over)["why"] == documents.EXPIRED
    assert explainer(None, reveal=False)(over)["why"] is None, "without a store there is no clock that is trusted"


def test_a_card_that_proves_too_little_for_the_site_is_told(desk: Desk) -> None:
    """What a tap would refuse for its trust the explanation names; a stronger card of the same holder is recorded."""
    CALLS["badge add"](desk, {"lines": [{"card": CANARY_CARD.identifier.hex(), "insz": CANARY_INSZ.digits}]})
    explain = explainer(replace(desk, minimum_trust=Trust.CRYPTO), reveal=False)
    assert "minimum_trust" in str(explain(seen())["tap"])
    assert explain(seen(trust="crypto"))["tap"] == "recorded for its holder"


def test_a_card_to_lend_is_told_from_an_unknown_one(desk: Desk) -> None:
    """It belongs to nobody, and the admin learns where it is listed."""
    loan_enroller(desk)(seen())
    told = explainer(desk, reveal=False)(seen())
    assert (told["known"], told["badge"], told["holder"]) == ("loan", None, None)
    assert "kiosk badge loans" in str(told["tap"])


def test_before_there_is_a_store_nobody_is_known() -> None:
    """On a fresh box a card is explained all the same."""
    told = explainer(None, reveal=False)(seen())
    assert (told["known"], told["card"]) == (None, CANARY_CARD.masked)
    assert "there is no store yet" in str(told["tap"])
