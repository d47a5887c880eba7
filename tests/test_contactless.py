"""hardware.contactless keeps the readers' contract with nfcpy's own drivers, and outlives chip, plug and program."""

from __future__ import annotations

import logging
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

import nfc
import pytest
from nfc.clf import LocalTarget

from hardware.cards import OTHER_EACH_TIME
from hardware.contactless import ContactlessReader, look
from hardware.indicator import boot_clock
from hardware.ports import Card, ReaderLost, Sighting, Unreadable
from hardware.presence import WOBBLE_NS
from tests.contracts.reader import PATIENCE_SECONDS, ReaderBench, ReaderContract, attached_within, reading
from tests.contracts.waiting import eventually
from tests.pn532 import Picc, Pn532, RandomA, TypeA, TypeB, TypeF
from tests.udp_field import UdpField

ROOT = Path(__file__).parents[1]
UID = bytes.fromhex("04A1B2C3D4E580")
OTHER = bytes.fromhex("04D1E2F3")
IDM = bytes.fromhex("0110A1B2C3D4E5F6")
#: Quick enough for a test, and still a pause.
PROBE_SECONDS = 0.02
#: Longer than a card may be gone that has only wobbled.
GONE_SECONDS = WOBBLE_NS / 1e9 + 0.05
KINDS: dict[type[Picc], tuple[int, str]] = {TypeA: (0, "106A"), RandomA: (0, "106A"), TypeF: (1, "212F"), TypeB: (3, "106B")}


@pytest.fixture
def chip() -> Iterator[Pn532]:
    if os.geteuid() != 0:
        pytest.skip("needs root to put a serial line into /dev")
    with Pn532() as plugged:
        yield plugged


@pytest.fixture
def field() -> Iterator[UdpField]:
    with UdpField() as there:
        yield there


def of_length(identifier: bytes) -> Picc:
    """The kind of card that has identifiers of this length."""
    return TypeF(identifier) if len(identifier) == 8 else TypeA(identifier)


def called(place: Pn532 | UdpField, kind: type[Picc]) -> int:
    number, name = KINDS[kind]
    return place.calls.get(number, 0) if isinstance(place, Pn532) else place.calls.get(name, 0)


def lay(place: Pn532 | UdpField, card: Picc | None, kind: type[Picc]) -> None:
    """Put a card down, or lift it, and wait until the reader has called into the field since, for a whole round."""
    place.card = card
    enough = called(place, kind) + (4 if kind is TypeB else 2)  # a card of Type B is called twice a round
    assert eventually(lambda: called(place, kind) >= enough), "the reader does not call"


def tap(place: Pn532 | UdpField, card: Picc) -> None:
    """Lay a card down for long enough to be seen, and not so soon after the last that it would have wobbled."""
    time.sleep(max(0.0, place.lifted + GONE_SECONDS - time.monotonic()))
    lay(place, card, type(card))
    lay(place, None, type(card))
    place.lifted = time.monotonic()


def card_of(seen: Queue[Sighting]) -> bytes:
    sighting = seen.get(timeout=PATIENCE_SECONDS)
    assert isinstance(sighting, Card), sighting
    return sighting.identifier


def why_of(seen: Queue[Sighting]) -> str:
    sighting = seen.get(timeout=PATIENCE_SECONDS)
    assert isinstance(sighting, Unreadable), sighting
    return sighting.why


class TestOverPn532KeepsTheContract(ReaderContract):
    """nfcpy's real driver of the PN532, on a serial line."""

    @pytest.fixture
    def bench(self, chip: Pn532) -> ReaderBench:
        return ReaderBench(
            reader=ContactlessReader(chip.path, PROBE_SECONDS),
            insert=lambda identifier: tap(chip, of_length(identifier)),
            unplug=chip.unplug,
            plug=chip.plug,
        )


class TestOverUdpKeepsTheContract(ReaderContract):
    """nfcpy's real UDP driver, on loopback."""

    @pytest.fixture
    def bench(self, field: UdpField) -> ReaderBench:
        def pull() -> None:
            field.silent = True

        def put() -> None:
            field.silent = False

        reader = ContactlessReader(field.path, PROBE_SECONDS)
        return ReaderBench(reader=reader, insert=lambda identifier: tap(field, of_length(identifier)), unplug=pull, plug=put)

    @pytest.mark.parametrize("length", [3, 5])
    def test_a_length_that_no_card_has_is_unreadable(self, bench: ReaderBench, length: int) -> None:
        """An identifier of any other length is told as unreadable, without its bytes; more than 10 the driver never asks for."""
        super().test_a_length_that_no_card_has_is_unreadable(bench, length)

    def test_an_unplugged_reader_says_so_and_heals(self, bench: ReaderBench) -> None:
        """Over UDP there is no plug to pull: who does not answer is an empty field, and the next card in it is read."""
        with reading(bench.reader) as seen:
            assert attached_within(bench.reader, state=True)
            bench.unplug()
            bench.plug()
            bench.insert(self.FIRST)
            assert card_of(seen) == self.FIRST
            assert bench.reader.attached


def target_a() -> LocalTarget:
    target = LocalTarget("106A")
    target.sens_res, target.sdd_res, target.sel_res = bytearray.fromhex("4400"), bytearray(UID), bytearray(1)
    return target


def target_f() -> LocalTarget:
    target = LocalTarget("212F")
    target.sensf_res = bytearray(b"\x01" + IDM + bytes(8) + b"\x12\xfc")
    return target


@contextmanager
def played(path: str, target: Callable[[], LocalTarget]) -> Iterator[None]:
    """Let nfcpy's own card side lie in the field."""
    leave = threading.Event()

    def lie() -> None:
        frontend = nfc.ContactlessFrontend(path)
        while not leave.is_set():
            frontend.listen(target(), 0.2)
        frontend.close()

    thread = threading.Thread(target=lie, name="card")
    thread.start()
    try:
        yield
    finally:
        leave.set()
        thread.join()


@pytest.mark.parametrize(
    ("target", "identifier", "technology"), [(target_a, UID, "mifare-ultralight"), (target_f, IDM, "felica-212")], ids=["A", "F"]
)
def test_a_card_played_by_nfcpy_itself_is_read(target: Callable[[], LocalTarget], identifier: bytes, technology: str) -> None:
    """Two of nfcpy's frontends on loopback, one as reader and one as card, understand each other."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        path = f"udp:127.0.0.1:{free.getsockname()[1]}"
    with reading(ContactlessReader(path, PROBE_SECONDS)) as seen, played(path, target):
        card = seen.get(timeout=PATIENCE_SECONDS)
        assert isinstance(card, Card)
        assert (card.kind, card.identifier, card.technology) == ("uid", identifier, technology)


def test_a_field_that_never_answers_delays_no_stop(field: UdpField) -> None:
    """Over UDP nfcpy waits a second for each technology: the reader looks at stop between them."""
    field.silent = True
    with reading(ContactlessReader(field.path)):
        assert eventually(lambda: bool(field.calls))
        before = time.monotonic()
    assert time.monotonic() - before < 2


def test_a_pause_ends_when_it_is_woken(field: UdpField) -> None:
    """However long the reader rests between two rounds, it stops at once."""
    with reading(ContactlessReader(field.path, probe_seconds=30)):
        assert eventually(lambda: called(field, TypeF) == 1)
        before = time.monotonic()
    assert time.monotonic() - before < 2


@pytest.mark.parametrize(
    ("card", "identifier", "technology"),
    [
        (TypeA(UID), UID, "mifare-ultralight"),
        (TypeA(OTHER, b"\x00\x04", 0x08), OTHER, "mifare-classic-1k"),
        (TypeA(UID, b"\x03\x44", 0x20), UID, "desfire"),
        (TypeB(OTHER), OTHER, "iso14443-b"),
        (TypeF(IDM), IDM, "felica-212"),
    ],
    ids=["ultralight", "classic", "desfire", "type B", "felica"],
)
def test_each_kind_of_card_is_read(chip: Pn532, card: Picc, identifier: bytes, technology: str) -> None:
    """Whatever workers carry comes with its whole identifier and the name of its chip."""
    with reading(ContactlessReader(chip.path, PROBE_SECONDS)) as seen:
        tap(chip, card)
        sighting = seen.get(timeout=PATIENCE_SECONDS)
        assert isinstance(sighting, Card)
        assert (sighting.identifier, sighting.technology, sighting.trust) == (identifier, technology, "uid")
    assert seen.empty()


@pytest.mark.parametrize("card", [RandomA(b""), TypeB(OTHER, fixed=False)], ids=["phone", "passport of Type B"])
def test_a_card_with_another_number_each_time_is_refused_once(chip: Pn532, card: Picc) -> None:
    """However long it lies there and whatever it calls itself, its holder hears one reason and the box learns no number."""
    with reading(ContactlessReader(chip.path, PROBE_SECONDS)) as seen:
        lay(chip, card, type(card))
        assert why_of(seen) == OTHER_EACH_TIME
        for _ in range(5):
            lay(chip, card, type(card))
        lay(chip, None, type(card))
        tap(chip, TypeA(UID))
        assert card_of(seen) == UID
    assert seen.empty()


def test_a_card_left_lying_for_ten_minutes_is_one_tap(chip: Pn532) -> None:
    """Called for again and again, for ten minutes of a clock that runs a thousand times as fast, it is the same card."""

    def fast_clock() -> int:
        return 1000 * boot_clock()

    with reading(ContactlessReader(chip.path, PROBE_SECONDS, boot_ns=fast_clock)) as seen:
        chip.card = TypeA(UID)
        assert card_of(seen) == UID
        laid, before = fast_clock(), called(chip, TypeA)
        assert eventually(lambda: fast_clock() - laid > 600e9)
        assert called(chip, TypeA) > before
    assert seen.empty()


def test_a_card_that_lies_there_is_called_for_first(chip: Pn532) -> None:
    """While it answers no other kind is asked for: a second card in the same purse makes no second tap."""
    with reading(ContactlessReader(chip.path, PROBE_SECONDS)) as seen:
        chip.card = TypeF(IDM)
        assert card_of(seen) == IDM
        others, before = called(chip, TypeA), called(chip, TypeF)
        assert eventually(lambda: called(chip, TypeF) > before + 5)
        assert called(chip, TypeA) == others


def test_a_card_swapped_for_another_is_seen(chip: Pn532) -> None:
    """Badge B laid down the moment A is lifted is B's tap, also where B is of another kind."""
    with reading(ContactlessReader(chip.path, PROBE_SECONDS)) as seen:
        for card, identifier in ((TypeA(UID), UID), (TypeA(OTHER), OTHER), (TypeF(IDM), IDM)):
            chip.card = card
            assert card_of(seen) == identifier
    assert seen.empty()


def test_a_chip_that_falls_silent_is_absent_until_it_answers(chip: Pn532, caplog: pytest.LogCaptureFixture) -> None:
    """It is shown as not attached, the log tells it once with what to do, and when it speaks again the next card is read."""
    reader = ContactlessReader(chip.path, PROBE_SECONDS)
    with caplog.at_level(logging.INFO, "hardware"), reading(reader) as seen:
        assert attached_within(reader, state=True)
        assert caplog.messages[-1] == f"ready: PN532v1.6 at /dev/{chip.name}"
        caplog.clear()
        chip.silent = True
        assert attached_within(reader, state=False)
        assert eventually(lambda: len(caplog.messages) == 2), caplog.messages
        unheard = chip.unheard
        assert eventually(lambda: chip.unheard > unheard + 4, 60), "it is not tried again"
        silent, closed = caplog.messages
        caplog.clear()
        chip.silent = False
        assert attached_within(reader, state=True)
        assert caplog.messages[-1] == f"ready: PN532v1.6 at /dev/{chip.name}"
        tap(chip, TypeA(UID))
        assert card_of(seen) == UID
    assert silent == f"the reader at {chip.path} no longer answers (EIO); it is opened anew"
    assert closed.startswith(f"nothing answers at {chip.path}; repair: see that it has power and is switched to HSU")


def test_a_chip_that_is_late_once_is_read_on(chip: Pn532, caplog: pytest.LogCaptureFixture) -> None:
    """An answer that comes after nfcpy gave up costs that call, neither the reader nor the tap."""
    reader = ContactlessReader(chip.path, PROBE_SECONDS)
    with caplog.at_level(logging.INFO, "hardware"), reading(reader) as seen:
        assert attached_within(reader, state=True)
        caplog.clear()
        chip.late = [0.15]
        assert eventually(lambda: not chip.late)
        tap(chip, TypeA(UID))
        assert card_of(seen) == UID
    assert caplog.messages == []
    assert seen.empty()


def test_a_card_that_lay_through_an_outage_is_one_tap(chip: Pn532) -> None:
    """What lay there before the plug was pulled, and lies there after, nobody has tapped anew."""
    reader = ContactlessReader(chip.path, PROBE_SECONDS)
    with reading(reader) as seen:
        chip.card = TypeA(UID)
        assert card_of(seen) == UID
        for _ in range(3):
            chip.unplug()
            assert attached_within(reader, state=False)
            chip.plug()
            assert attached_within(reader, state=True)
        before = called(chip, TypeA)
        assert eventually(lambda: called(chip, TypeA) > before + 3)
    assert seen.empty()


def files_open() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_a_card_laid_down_while_the_reader_was_away_is_answered(chip: Pn532) -> None:
    """Somebody else's phone that lies there when the reader comes back is news, though a badge lay there before."""
    reader = ContactlessReader(chip.path, PROBE_SECONDS)
    with reading(reader) as seen:
        chip.card = TypeA(UID)
        assert card_of(seen) == UID
        chip.unplug()
        assert attached_within(reader, state=False)
        chip.card = RandomA(b"")
        chip.plug()
        assert why_of(seen) == OTHER_EACH_TIME
    assert seen.empty()


def test_no_file_is_left_open_by_a_pulled_plug(chip: Pn532) -> None:
    """Closing a serial line that is gone raises in nfcpy, and still the line is let go."""
    reader = ContactlessReader(chip.path, PROBE_SECONDS)
    with reading(reader):
        assert attached_within(reader, state=True)
        before = files_open()
        for _ in range(3):
            chip.unplug()
            assert attached_within(reader, state=False)
            chip.plug()
            assert attached_within(reader, state=True)
        assert files_open() == before


def test_a_chip_that_answers_nonsense_is_outlived(chip: Pn532) -> None:
    """Whatever bytes come instead of answers, the reader goes on, invents no card, and reads the next real one."""
    dice = random.Random(20261125)  # noqa: S311  a fuzzer, and the seed repeats it
    reader = ContactlessReader(chip.path, PROBE_SECONDS)
    with reading(reader) as seen:
        assert attached_within(reader, state=True)
        chip.garbled = [
            dice.choice((b"", b"\x00\x00\xff", b"\x00\x00\xff\x05\xfb\xd5\x4b", b"\x00\x00\xff\xff\xff"))
            + dice.randbytes(dice.randrange(12))
            for _ in range(4)
        ]
        assert eventually(lambda: not chip.garbled, 30)
        assert attached_within(reader, state=True)
        tap(chip, TypeA(UID))
        assert card_of(seen) == UID
    assert seen.empty()


def test_no_number_of_a_card_is_ever_logged(chip: Pn532, caplog: pytest.LogCaptureFixture) -> None:
    """The library writes every identifier at its finest level: none of it gets through, whatever the log is set to."""
    with caplog.at_level(1), reading(ContactlessReader(chip.path, PROBE_SECONDS)) as seen:
        tap(chip, TypeA(UID))
        assert card_of(seen) == UID
    assert caplog.messages
    assert UID.hex().upper() not in caplog.text.upper().replace(" ", "")


def test_a_box_without_nfcpy_says_the_repair(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the extra is not installed the reader is dead, with the command that brings it."""
    monkeypatch.delitem(sys.modules, "hardware.frontend", raising=False)
    monkeypatch.setitem(sys.modules, "nfc", None)
    with pytest.raises(ReaderLost, match="deploy/install --contactless"):
        next(ContactlessReader("usb").sightings(threading.Event()))
    with pytest.raises(ReaderLost, match="libusb"):
        look("usb")


def test_importing_the_reader_does_not_load_nfcpy() -> None:
    """The kiosk starts without paying for a library that only this driver needs."""
    script = "import sys, hardware.contactless; print('nfc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True, text=True).stdout == "False\n"


def test_a_look_names_the_reader_and_lets_it_go(chip: Pn532) -> None:
    """What `check` shows is the chip that answers; afterwards it is free for the daemon."""
    for _ in range(2):
        assert look(chip.path) == f"PN532v1.6 at /dev/{chip.name}"
    chip.silent = True
    with pytest.raises(ReaderLost, match=f"nothing answers at {chip.path}"):
        look(chip.path)


def test_a_reader_without_a_path_takes_the_first_on_usb() -> None:
    """No match at all means the first USB reader that nfcpy knows; where there is none, the message says what to try."""
    with pytest.raises(ReaderLost, match=r"no reader at usb that nfcpy knows.*lsusb.*60-ciao-kiosk\.rules.*kiosk-nfc\.conf"):
        look(None)
