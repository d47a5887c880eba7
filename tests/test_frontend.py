"""hardware.frontend lets one kind of error out of nfcpy, and gets a reader going that nfcpy alone would not."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator

import nfc
import pytest
from nfc.clf import pn532

from hardware.cards import Identified
from hardware.frontend import Frontend
from hardware.nfc_paths import Unusable
from hardware.presence import TOO_SOON
from hardware.targets import Technology
from tests.contracts.waiting import eventually
from tests.pn532 import Pn532, TypeA, TypeB
from tests.udp_field import UdpField

UID = bytes.fromhex("04A1B2C3D4E580")
PUPI = bytes.fromhex("04D1E2F3")


@pytest.fixture
def chip() -> Iterator[Pn532]:
    if os.geteuid() != 0:
        pytest.skip("needs root to put a serial line into /dev")
    with Pn532() as plugged:
        yield plugged


def opened(path: str) -> Frontend:
    """Open the reader; on a busy machine nfcpy may give up too soon, and the daemon then tries again as well."""
    end = time.monotonic() + 10
    while True:
        try:
            return Frontend(path)
        except Unusable:
            assert time.monotonic() < end


def test_a_card_is_found_by_its_technology_alone(chip: Pn532) -> None:
    """A call finds the card that answers to it, and no other."""
    frontend = opened(chip.path)
    chip.card = TypeA(UID)
    assert [frontend.sense(each) for each in Technology] == [Identified(UID, "mifare-ultralight"), None, None]
    chip.card = None
    assert [frontend.sense(each) for each in Technology] == [None, None, None]
    frontend.close()


def test_a_chip_that_its_program_left_at_high_speed_is_brought_back(chip: Pn532) -> None:
    """A daemon that was killed leaves the PN532 at 921600 baud, where nfcpy alone would never find it again."""
    killed = opened(chip.path)
    assert chip.speed == 7
    killed._clf.device = None  # nothing says goodbye
    with pytest.raises(OSError, match="timed out"):
        nfc.ContactlessFrontend(chip.path)
    frontend = opened(chip.path)
    assert str(frontend).startswith("PN532")
    frontend.close()


def test_a_reader_that_is_closed_sleeps_and_wakes(chip: Pn532) -> None:
    """What is let go draws little power, and can be opened again."""
    for _ in range(2):
        opened(chip.path).close()
        assert eventually(lambda: chip.asleep)


def test_a_technology_that_the_reader_lacks_is_asked_for_once(chip: Pn532, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chip that can't call for Type B, as the PN531, reads the others."""
    monkeypatch.setattr(pn532.Chipset, "in_list_passive_target_brty_range", (0, 1, 2), raising=True)
    frontend = opened(chip.path)
    chip.card = TypeB(PUPI)
    assert frontend.sense(Technology.B) is None
    monkeypatch.undo()
    assert frontend.sense(Technology.B) is None
    chip.card = TypeA(UID)
    assert frontend.sense(Technology.A) == Identified(UID, "mifare-ultralight")
    frontend.close()


def test_a_type_b_card_lifted_between_two_calls_was_there_too_briefly(chip: Pn532) -> None:
    """Whether its number stays can't be told then, and its holder is asked to hold it still."""
    frontend = opened(chip.path)
    chip.card, chip.lifted_after = TypeB(PUPI), 1
    found = frontend.sense(Technology.B)
    assert found is not None
    assert not isinstance(found, Identified)
    assert found.why == TOO_SOON
    frontend.close()


def test_every_failure_is_one_kind_with_words_for_people(chip: Pn532) -> None:
    """Silence, nonsense and a pulled plug come out as the same error, with the path and no bytes; closing never raises."""
    frontend = opened(chip.path)
    for garbled in (b"", b"\x00\x00\xff", b"\x00\x00\xff\x01\xff", b"\x00\x00\xff\x01\xff\x7f\x81\x00"):
        chip.garbled = [garbled]
        with pytest.raises(Unusable, match=rf"the reader at {chip.path} no longer answers \(\w+\); it is opened anew"):
            frontend.sense(Technology.A)
    chip.unplug()
    with pytest.raises(Unusable, match=r"no longer answers"):
        frontend.sense(Technology.A)
    frontend.close()
    with pytest.raises(Unusable, match=rf"there is no serial line for {chip.path}; repair: "):
        Frontend(chip.path)
    chip.plug()


def test_an_unknown_host_is_told() -> None:
    """A mistyped host is named by its path, with where to correct it."""
    with pytest.raises(Unusable, match=r"the host in udp:no-such-host\.invalid:9 can't be reached; repair: correct match"):
        Frontend("udp:no-such-host.invalid:9")


def test_the_library_itself_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    """It writes an error for each retry; what is worth a line the reader tells once."""
    with caplog.at_level(logging.DEBUG), pytest.raises(Unusable):
        Frontend("tty:NONE9:pn532")
    assert not caplog.messages


def test_udp_needs_no_device() -> None:
    """The UDP driver is nfcpy's own and answers like any other."""
    with UdpField() as field:
        frontend = Frontend(field.path)
        field.card = TypeA(UID)
        assert frontend.sense(Technology.A) == Identified(UID, "mifare-ultralight")
        frontend.close()
