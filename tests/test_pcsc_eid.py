"""Identity cards in a slot behind a real pcscd, from the chip to the sighting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from smartcard import scard

from hardware import eid, winscard
from hardware.badge import BANK_CARD, DOCUMENT
from hardware.cards import GET_UID
from hardware.eid_proof import Roots
from hardware.pcsc import PcscReader
from hardware.ports import Identity, Sighting
from hardware.presence import TOO_SOON
from hardware.virtual_reader import DWELL, READER_NAME, VirtualReader
from hardware.winscard import TOO_SLOW
from tests.contracts.reader import AnyReaderContract, ReaderBench
from tests.idcards import EC_ATR, FORBIDDEN, RADIO_ATR, RSA_ATR, EidChip, ec_chip, ec_issuer, identity_file, rsa_chip, rsa_issuer
from tests.people import CANARY_INSZ, invented_insz
from tests.sites import until
from tests.test_pcsc import GATE, Watch, another_program

#: SCARD_E_SHARING_VIOLATION.
SHARING_VIOLATION = 0x8010000B
ROOTS = Roots([rsa_issuer().root, ec_issuer().root])


def reader(proof: eid.Proof | None = ROOTS.proves) -> PcscReader:
    return PcscReader(GATE, probe_seconds=0.1, manner=eid.manner(proof))


@pytest.fixture
def watch(virtual_reader: VirtualReader) -> Iterator[Watch]:
    with watching() as watcher:
        yield watcher


@contextmanager
def watching(proof: eid.Proof | None = ROOTS.proves) -> Iterator[Watch]:
    with Watch(reader(proof)) as watcher:
        until(lambda: watcher.reader.attached, "the reader is not there")
        yield watcher


def number(sighting: Sighting) -> str:
    assert isinstance(sighting, Identity), sighting
    return sighting.document.number


class TestReaderOfIdentityCardsKeepsTheContract(AnyReaderContract):
    """It is driven like every other reader, and outlives its plug."""

    FIRST = invented_insz(1).digits.encode()
    SECOND = invented_insz(2).digits.encode()

    @pytest.fixture
    def bench(self, virtual_reader: VirtualReader) -> ReaderBench:
        def insert(identifier: bytes) -> None:
            chip = ec_chip(identity_file(identifier.decode()))
            virtual_reader.insert(b"", atr=EC_ATR, program=chip)
            until(lambda: chip.is_read, "the card is not read")
            virtual_reader.remove()
            time.sleep(DWELL)

        return ReaderBench(reader=reader(), insert=insert, unplug=virtual_reader.vanish, plug=virtual_reader.return_)

    def names(self, sighting: Sighting) -> bytes:
        return number(sighting).encode()


@pytest.mark.parametrize(("make", "atr"), [(rsa_chip, RSA_ATR), (ec_chip, EC_ATR)], ids=["1.7", "1.8"])
def test_a_card_in_the_slot_is_one_proven_identity(
    virtual_reader: VirtualReader, watch: Watch, make: Callable[[], EidChip], atr: bytes
) -> None:
    """Read once, dated when it went in, with no file selected that is not needed; then it is left in peace."""
    chip, before = make(), time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    virtual_reader.insert(b"", atr=atr, program=chip)
    seen = watch.next()
    assert number(seen) == CANARY_INSZ.digits
    assert isinstance(seen, Identity)
    assert seen.trust == "eid"
    assert before < seen.boot_ns < time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert not set(FORBIDDEN) & set(chip.selected)
    commands = len(chip.told)
    assert watch.nothing(1)
    assert len(chip.told) == commands


def test_a_card_that_takes_six_seconds_is_read(virtual_reader: VirtualReader) -> None:
    """Four answers of a second and a half each: one sighting, dated when it went in."""
    with watching(proof=None) as watch:
        card = virtual_reader.insert(b"", atr=EC_ATR, program=ec_chip(), delay=1.5)
        assert card.asked.wait(10)
        began = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        seen = watch.next()
        assert number(seen) == CANARY_INSZ.digits
        assert seen.boot_ns < began
        assert watch.nothing(0.3)


def test_a_card_that_takes_for_ever_is_given_up(
    virtual_reader: VirtualReader, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its holder is told, and the next card is read."""
    monkeypatch.setattr(winscard, "_BUDGET_SECONDS", 0.5)
    virtual_reader.insert(b"", atr=RSA_ATR, program=rsa_chip(), delay=0.3)
    assert watch.why() == TOO_SLOW
    monkeypatch.undo()
    virtual_reader.remove()
    time.sleep(DWELL)
    virtual_reader.insert(b"", atr=EC_ATR, program=ec_chip())
    assert number(watch.next()) == CANARY_INSZ.digits


def test_a_card_pulled_in_the_middle_is_told_so(virtual_reader: VirtualReader, watch: Watch) -> None:
    """Half a file is nobody; put in again it counts."""
    chip, reading = rsa_chip(), threading.Event()

    def program(command: bytes) -> bytes:
        if command[1] == 0xB0:
            reading.set()
            lifted.wait(10)
        return chip(command)

    lifted = threading.Event()
    virtual_reader.insert(b"", atr=RSA_ATR, program=program)
    assert reading.wait(10)
    threading.Timer(0.1, lifted.set).start()
    virtual_reader.remove()
    assert watch.why() == TOO_SOON
    time.sleep(DWELL)
    virtual_reader.insert(b"", atr=RSA_ATR, program=chip)
    assert number(watch.next()) == CANARY_INSZ.digits


def test_a_forged_card_is_refused_once(virtual_reader: VirtualReader, watch: Watch) -> None:
    """However long it stays in, its holder gets one reason; with another issuer's card no more than with a broken one."""
    chip = ec_chip()
    chip.files = {**chip.files, "DF014031": identity_file(invented_insz(3).digits)}
    virtual_reader.insert(b"", atr=EC_ATR, program=chip)
    assert watch.why() == eid.NOT_GENUINE
    assert watch.nothing(0.5)


def test_another_card_in_the_slot_is_told_what_is_wanted(virtual_reader: VirtualReader, watch: Watch) -> None:
    """A bank card, or the identity card the wrong way round, in the slot for identity cards."""
    virtual_reader.insert(b"", atr=bytes.fromhex("3B6500002063CB6800"), answer=b"\x6d\x00")
    assert watch.why() == eid.NOT_BELGIAN


def test_a_card_that_another_program_holds_is_told_so(virtual_reader: VirtualReader) -> None:
    """A browser or an eID viewer has it: no file is read in pieces of two programs, and put in again it counts."""
    chip = ec_chip()
    virtual_reader.insert(b"", atr=EC_ATR, program=chip)
    with another_program(), watching() as watch:
        assert watch.why() == "another program is using the reader"
        assert chip.selected == []
    virtual_reader.remove()
    time.sleep(DWELL)
    with watching() as watch:
        virtual_reader.insert(b"", atr=EC_ATR, program=chip)
        assert number(watch.next()) == CANARY_INSZ.digits


def test_a_card_is_held_while_it_is_read_and_then_let_go(virtual_reader: VirtualReader, watch: Watch) -> None:
    """Another program waits for the end of the reading, and no longer."""
    reading, go_on, chip = threading.Event(), threading.Event(), ec_chip()

    def program(command: bytes) -> bytes:
        reading.set()
        go_on.wait(10)
        return chip(command)

    virtual_reader.insert(b"", atr=EC_ATR, program=program)
    assert reading.wait(10)
    assert connected() == SHARING_VIOLATION
    go_on.set()
    assert number(watch.next()) == CANARY_INSZ.digits
    until(lambda: connected() == 0, "the card is not let go")


def connected() -> int:
    """What another program hears that asks for the card at this moment."""
    _result, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
    try:
        return (
            scard.SCardConnect(context, GATE, scard.SCARD_SHARE_SHARED, scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1)[0]
            & 0xFFFFFFFF
        )
    finally:
        scard.SCardReleaseContext(context)


def test_a_card_exchanged_while_pcscd_was_dead_is_read(virtual_reader: VirtualReader, watch: Watch) -> None:
    """A card that is left in peace is looked at again once nobody saw what happened to it."""
    virtual_reader.insert(b"", atr=EC_ATR, program=ec_chip())
    assert number(watch.next()) == CANARY_INSZ.digits
    virtual_reader.kill_pcscd()
    until(lambda: not watch.reader.attached, "the loss was not noticed")
    other = invented_insz(5).digits
    virtual_reader.insert(b"", atr=EC_ATR, program=ec_chip(identity_file(other)))
    virtual_reader.start_pcscd()
    assert number(watch.next()) == other


@pytest.mark.parametrize(("selects", "why"), [("A0000002471001", DOCUMENT), (b"2PAY.SYS.DDF01".hex(), BANK_CARD)])
def test_what_is_tapped_at_a_badge_reader_is_known(virtual_reader: VirtualReader, selects: str, why: str) -> None:
    """An identity card or passport, and a bank card or telephone, each with a random number, are told what to do instead."""

    def program(command: bytes) -> bytes:
        if command == GET_UID:
            return bytes.fromhex("08A1B2C3") + b"\x90\x00"
        return b"\x90\x00" if bytes.fromhex(selects) in command else b"\x6a\x82"

    with Watch(PcscReader(READER_NAME, probe_seconds=0.1)) as watch:
        until(lambda: watch.reader.attached, "the reader is not there")
        virtual_reader.insert(b"", atr=RADIO_ATR, program=program)
        assert watch.why() == why
        assert watch.nothing(0.3)
