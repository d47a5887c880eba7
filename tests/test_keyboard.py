"""hardware.keyboard keeps the readers' contract on real descriptors, and takes nobody's keyboard by mistake."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest

from hardware import keyboard
from hardware.formats import Format
from hardware.keyboard import KeyboardReader
from hardware.keystrokes import EV_SYN, EVENT, IDLE_NS, SYN_DROPPED, TOO_FAST
from hardware.ports import Card, ReaderLost, Unreadable
from tests.contracts.reader import PATIENCE_SECONDS, ReaderBench, ReaderContract, attached_within, reading
from tests.contracts.waiting import eventually, wakes_in
from tests.wedges import Wedge

PATH = "/dev/input/by-id/usb-invented-event-kbd"
UID = "04A1B2C3D4E580"


@pytest.fixture
def wedge() -> Iterator[Wedge]:
    device = Wedge()
    yield device
    device.close()


@pytest.fixture
def reader(wedge: Wedge) -> KeyboardReader:
    return KeyboardReader(PATH, opener=wedge.open)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class TestKeyboardReaderKeepsTheContract(ReaderContract):
    @pytest.fixture
    def bench(self, wedge: Wedge, reader: KeyboardReader) -> ReaderBench:
        return ReaderBench(reader=reader, insert=wedge.insert, unplug=wedge.unplug, plug=wedge.plug)


@pytest.mark.parametrize(
    ("form", "text", "kind", "identifier"),
    [
        (Format.HEX, "04q1b2c3d4e580\n", "uid", UID),
        (Format.REVERSED, "80E5D4C3B2A104\n", "uid", UID),
        (Format.DECIMAL, "3735928559\t", "uid", "DEADBEEF"),
        (Format.WIEGAND, "171m13517\n", "wiegand", "AB34CD"),
        (Format.EM4100, "0102AB34CD\n", "em4100", "0102AB34CD"),
        (Format.BARCODE, "QM-12345\n", "code", b"QM-12345".hex().upper()),
    ],
)
def test_each_way_of_typing_is_one_normal_form(wedge: Wedge, form: Format, text: str, kind: str, identifier: str) -> None:
    """What the reader types, in the way it is set up for, is the card with its bytes in order; letters of a barcode stand."""
    with reading(KeyboardReader(PATH, form, opener=wedge.open)) as seen:
        wedge.type(text)
        card = seen.get(timeout=PATIENCE_SECONDS)
    assert isinstance(card, Card)
    assert (card.kind, card.identifier.hex().upper(), card.trust) == (kind, identifier, "uid")


def test_garbage_is_unreadable_and_the_next_card_is_read(wedge: Wedge, reader: KeyboardReader) -> None:
    """What is no number is told as that, without it; it spoils nothing that follows."""
    with reading(reader) as seen:
        wedge.type("hello\n")
        garbage = seen.get(timeout=PATIENCE_SECONDS)
        wedge.type(UID + "\n")
        card = seen.get(timeout=PATIENCE_SECONDS)
    assert isinstance(garbage, Unreadable)
    assert "format" in garbage.why
    assert "HELLO" not in garbage.why.upper()
    assert isinstance(card, Card)


def test_a_reader_without_enter_is_read_after_its_pause(wedge: Wedge, reader: KeyboardReader) -> None:
    """No terminator is needed: the pause after the last key ends the number, and its moment is the first key's."""
    with reading(reader) as seen:
        wedge.type(UID)
        began = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        card = seen.get(timeout=PATIENCE_SECONDS)
        assert time.clock_gettime_ns(time.CLOCK_BOOTTIME) - began >= IDLE_NS // 2
    assert isinstance(card, Card)
    assert card.boot_ns <= began


def test_a_number_that_the_kernel_lost_part_of_is_unreadable(wedge: Wedge, reader: KeyboardReader) -> None:
    """An overflow of the kernel's buffer is told as such: never is the rest taken for a shorter number."""
    with reading(reader) as seen:
        wedge.send(EVENT.pack(0, 0, EV_SYN, SYN_DROPPED, 0) + EVENT.pack(0, 0, EV_SYN, 0, 0))
        wedge.type("DEADBEEF\n")
        lost = seen.get(timeout=PATIENCE_SECONDS)
    assert isinstance(lost, Unreadable)
    assert lost.why == TOO_FAST


def test_half_a_number_before_the_plug_is_not_continued_after_it(wedge: Wedge, reader: KeyboardReader) -> None:
    """What was begun on a device that went away is nobody's card."""
    with reading(reader) as seen:
        assert attached_within(reader, state=True)
        wedge.type("04A1B2C3D4E5")
        wedge.unplug()
        assert attached_within(reader, state=False)
        wedge.plug()
        assert attached_within(reader, state=True)
        wedge.type("DEADBEEF\n")
        card = seen.get(timeout=PATIENCE_SECONDS)
    assert isinstance(card, Card)
    assert card.identifier.hex() == "deadbeef"
    assert wedge.opened == 2


def test_a_plug_that_is_out_is_told_once(wedge: Wedge, reader: KeyboardReader, caplog: pytest.LogCaptureFixture) -> None:
    """A reader that is away for a week fills no log, and says when it is back."""
    caplog.set_level(logging.INFO, "hardware.keyboard")
    wedge.unplug()
    with reading(reader):
        assert eventually(lambda: reader.turned_ns > 0)
        first = reader.turned_ns
        assert eventually(lambda: reader.turned_ns > first), "it looks again by itself"
        assert not reader.attached
        wedge.plug()
        assert attached_within(reader, state=True)
    assert [record.getMessage() for record in caplog.records] == [f"{PATH}: is not plugged in", f"ready: {PATH}"]


def test_waiting_costs_nothing(reader: KeyboardReader) -> None:
    """A reader that waits sleeps: it does not wake up again and again to look."""
    with reading(reader):
        assert attached_within(reader, state=True)
        assert wakes_in(0.3, "reader under test") <= 2


def test_nothing_is_left_open(wedge: Wedge) -> None:
    """Started and stopped again and again, it leaves no descriptor behind."""

    def once() -> None:
        reader = KeyboardReader(PATH, opener=wedge.open)
        with reading(reader):
            assert attached_within(reader, state=True)
        reader.wake()

    once()
    before = descriptors()
    for _ in range(3):
        once()
    assert descriptors() == before


def test_a_device_that_is_no_keyboard_is_refused_with_the_repair() -> None:
    """A path that names something else ends the reader, and says how to find the right one."""
    with pytest.raises(ReaderLost, match=r"/dev/null: is no input device.*by-id"):
        list(KeyboardReader("/dev/null").sightings(Event()))


def test_a_device_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    """A path without a device is a plug that is out, no failure."""
    with pytest.raises(FileNotFoundError):
        keyboard.grab(str(tmp_path / "none"))


def test_a_device_of_another_kind_of_trouble_is_refused(tmp_path: Path) -> None:
    """A path through a file is no device, and is not waited for as if somebody could plug it in."""
    (tmp_path / "file").touch()
    with pytest.raises(ReaderLost, match="is no input device"):
        list(KeyboardReader(str(tmp_path / "file" / "kbd")).sightings(Event()))


def test_a_device_without_permission_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may not read it learns which group reads input devices. Mocked: root, who runs tests too, may read anything."""

    def refuse(path: str, flags: int) -> int:
        del flags
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ReaderLost, match=r"may not read it.*group|usermod -aG input"):
        keyboard.grab(PATH)


@pytest.fixture
def ioctl(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[int, int]], list[int]]:
    """Stands in for the kernel's input devices: there is none here, and no uinput to make one."""

    def installed(refused: dict[int, int]) -> list[int]:
        asked: list[int] = []

        def answer(fd: int, request: int, argument: object) -> int:
            del fd, argument
            asked.append(request)
            if request in refused:
                raise OSError(refused[request], os.strerror(refused[request]))
            return 0

        monkeypatch.setattr(fcntl, "ioctl", answer)
        return asked

    return installed


GRAB, CLOCK = 0x40044590, 0x400445A0


def test_a_device_is_grabbed_and_stamped_by_the_boot_clock(ioctl: Callable[[dict[int, int]], list[int]]) -> None:
    """The two requests of linux/input.h go out, in this order, before a key is read."""
    asked = ioctl({})
    os.close(keyboard.grab("/dev/null"))
    assert asked == [GRAB, CLOCK]


def test_a_device_that_another_program_holds_is_not_read(ioctl: Callable[[dict[int, int]], list[int]]) -> None:
    """A refused grab would let digits land on the console: the reader is dead instead, with its reason."""
    ioctl({GRAB: errno.EBUSY})
    before = descriptors()
    with pytest.raises(ReaderLost, match="another program holds it"):
        keyboard.grab("/dev/null")
    assert descriptors() == before


def test_a_device_that_goes_while_it_is_grabbed_is_waited_for(ioctl: Callable[[dict[int, int]], list[int]]) -> None:
    """Pulled out between two calls it is absent, not dead."""
    ioctl({GRAB: errno.ENODEV})
    with pytest.raises(OSError, match="No such device"):
        keyboard.grab("/dev/null")


def test_a_kernel_with_another_clock_is_no_reason_to_stop(ioctl: Callable[[dict[int, int]], list[int]]) -> None:
    """Without stamps by the boot clock the moment of reading counts."""
    ioctl({CLOCK: errno.EINVAL})
    os.close(keyboard.grab("/dev/null"))


def test_a_code_that_somebody_claims_is_no_badge(wedge: Wedge) -> None:
    """What is scanned is offered first, with its moment, however long it is; what nobody claims is a badge as ever."""
    offered: list[tuple[str, int]] = []

    def claim(text: str, boot_ns: int) -> bool:
        offered.append((text, boot_ns))
        return len(text) > 64

    reader = KeyboardReader(PATH, Format.BARCODE, opener=wedge.open, claim=claim)
    with reading(reader) as told:
        wedge.type("A" * 100 + "\n")
        wedge.type("QM-12345\n")
        card = told.get(timeout=PATIENCE_SECONDS)
    assert isinstance(card, Card)
    assert card.identifier == b"QM-12345"
    assert [text for text, _ in offered] == ["A" * 100, "QM-12345"]
    assert 0 < offered[0][1] <= card.boot_ns


def test_a_number_is_offered_to_nobody(wedge: Wedge) -> None:
    """Only barcodes can be something else than badges."""
    reader = KeyboardReader(PATH, opener=wedge.open, claim=lambda _text, _boot_ns: True)
    with reading(reader) as told:
        wedge.type(UID + "\n")
        assert isinstance(told.get(timeout=PATIENCE_SECONDS), Card)
