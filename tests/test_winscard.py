from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Unpack

import pytest
from smartcard import scard

from hardware.cards import Absent, Failed, Identified, Reading
from hardware.pcsc_codes import Outage
from hardware.presence import TOO_SOON
from hardware.virtual_card import CONTACT_CHIP, MIFARE_1K, Traits
from hardware.virtual_reader import VirtualReader
from hardware.winscard import Session

GATE, SIDE = "Virtual PCD 00 00", "Virtual PCD 00 01"
CHANGED, PRESENT = 0x0002, 0x0020
EXCLUSIVE = 1
UID = bytes.fromhex("04A1B2C3D4E580")


@pytest.fixture
def session(virtual_reader: VirtualReader) -> Iterator[Session]:
    with closing(Session()) as context:
        yield context


def lay(readers: VirtualReader, session: Session, uid: bytes = UID, **traits: Unpack[Traits]) -> Reading:
    """Lay a card and read it once the reader says that it is there."""
    readers.insert(uid, **traits)
    end = time.monotonic() + 5
    state = 0
    while not state & PRESENT and time.monotonic() < end:
        state = session.changes({GATE: state}, 1000).get(GATE, state) & ~CHANGED
    return session.read(GATE)


def test_both_readers_are_listed(session: Session) -> None:
    """The names are those that the service gives."""
    assert session.readers() == (GATE, SIDE)


def test_an_unplugged_reader_is_no_error(virtual_reader: VirtualReader) -> None:
    """No reader at all is an empty list, not a failure of the service."""
    virtual_reader.vanish()
    with closing(Session()) as session:
        assert session.readers() == ()


@pytest.mark.parametrize("atr", [MIFARE_1K, bytes.fromhex("3B021450"), bytes.fromhex("3B8180018080")])
def test_a_card_is_read_in_either_protocol(virtual_reader: VirtualReader, session: Session, atr: bytes) -> None:
    """T=1 as badges have it and T=0 as some readers present them give the same identifier."""
    outcome = lay(virtual_reader, session, atr=atr)
    assert isinstance(outcome, Identified)
    assert outcome.identifier == UID


def test_a_strict_card_is_asked_again(virtual_reader: VirtualReader, session: Session) -> None:
    """A card that answers 6C 07 is asked for seven bytes, and gives them."""
    assert lay(virtual_reader, session, strict=True) == Identified(UID, "mifare-classic-1k")


def test_a_card_that_says_wrong_length_for_ever_is_given_up(virtual_reader: VirtualReader, session: Session) -> None:
    """The length is corrected once; the loop can't be kept busy."""
    assert lay(virtual_reader, session, answer=b"\x6c\x07") == Failed("the card did not give its number")


def test_a_mute_card_fails(virtual_reader: VirtualReader, session: Session) -> None:
    """A card that can't be powered up is told from an empty reader."""
    assert lay(virtual_reader, session, mute=True) == Failed("no answer from the card")


def test_a_chip_card_fails_with_words_for_its_holder(virtual_reader: VirtualReader, session: Session) -> None:
    """An identity card's refusal is explained by its ATR."""
    outcome = lay(virtual_reader, session, atr=CONTACT_CHIP, answer=b"\x6d\x00")
    assert isinstance(outcome, Failed)
    assert outcome.why.startswith("this reader reads badges by radio")


def test_an_empty_reader_has_no_card(session: Session) -> None:
    """No card is a finding, not a failure."""
    assert session.read(SIDE) == Absent()


def test_a_reader_held_by_another_program_fails_for_now(virtual_reader: VirtualReader, session: Session) -> None:
    """An exclusive user of the reader is named as the reason, and the card is read once that user lets go."""
    lay(virtual_reader, session)
    _result, other = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
    result, card, _protocol = scard.SCardConnect(other, GATE, EXCLUSIVE, scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1)
    assert result == 0
    assert session.read(GATE) == Failed("another program is using the reader")
    scard.SCardDisconnect(card, scard.SCARD_LEAVE_CARD)
    scard.SCardReleaseContext(other)
    assert isinstance(session.read(GATE), Identified)


def test_a_card_pulled_before_it_is_read_fails(virtual_reader: VirtualReader, session: Session) -> None:
    """A card that left since the reader's last word is no card with an empty number."""
    lay(virtual_reader, session)
    virtual_reader.remove()
    assert session.read(GATE) in {Failed(TOO_SOON), Absent()}


def test_a_reader_that_is_not_there_is_an_outage(session: Session) -> None:
    """A name that the service does not know asks for a new look at everything."""
    with pytest.raises(Outage, match=r"SCARD_E_(UNKNOWN_READER|READER_UNAVAILABLE)"):
        session.read("Virtual PCD 07 00")


def test_a_dead_service_is_an_outage_everywhere(virtual_reader: VirtualReader, session: Session) -> None:
    """A killed pcscd shows in each call, and its context stays dead when it is back."""
    virtual_reader.kill_pcscd()
    for call in (session.readers, lambda: session.read(GATE), lambda: session.changes({GATE: 0}, 1000), Session):
        with pytest.raises(Outage, match=r"SCARD_(E_NO_SERVICE|F_COMM_ERROR|E_INVALID_HANDLE)"):
            call()
    virtual_reader.start_pcscd()
    with pytest.raises(Outage):
        session.readers()
    session.cancel()
    session.close()
    session.cancel()
