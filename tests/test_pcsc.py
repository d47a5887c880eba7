from __future__ import annotations

import logging
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, Queue
from types import TracebackType
from typing import Self

import pytest
from smartcard import scard

from hardware import pcsc
from hardware.cards import GET_UID, Identified
from hardware.pcsc import PcscReader, listing, refusing
from hardware.ports import Card, ReaderLost, Sighting, Unreadable
from hardware.presence import TOO_SOON
from hardware.virtual_card import CONTACT_CHIP, Traits
from hardware.virtual_reader import DWELL, VirtualReader
from tests.contracts.reader import ReaderBench, ReaderContract

#: Commands of pcsc-lite's protocol (winscard_msg.h).
ESTABLISH, CONNECT, TRANSMIT = 0x01, 0x04, 0x09
GATE, SIDE = "Virtual PCD 00 00", "Virtual PCD 00 01"
A = bytes.fromhex("04A1B2C3")
B = bytes.fromhex("04D1E2F3")
LONG = bytes.fromhex("04A1B2C3D4E580")
ROOT = Path(__file__).parents[1]
NOBODY = 65534
ROOT_USER = os.geteuid() == 0
PATHS = (str(ROOT), str(Path(scard.__file__).parents[2]))
EXCLUSIVE, SHARED = 1, 2
RESET_CARD, UNPOWER_CARD = 1, 2


class Watch:
    """A reader driven by one thread, as the daemon does; its sightings wait in a queue."""

    def __init__(self, reader: PcscReader) -> None:
        self.reader = reader
        self.stop = threading.Event()
        self.error: ReaderLost | None = None
        self._seen: Queue[Sighting] = Queue()
        self._thread = threading.Thread(target=self._drive, name="reader")

    def _drive(self) -> None:
        try:
            for sighting in self.reader.sightings(self.stop):
                self._seen.put(sighting)
        except ReaderLost as error:
            self.error = error

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end()

    def end(self) -> float:
        """Stop as the daemon does; seconds until the thread was gone."""
        began = time.monotonic()
        self.stop.set()
        self.reader.wake()
        self._thread.join(20)
        assert not self._thread.is_alive()
        return time.monotonic() - began

    def ended(self) -> None:
        self._thread.join(10)
        assert not self._thread.is_alive()

    def next(self) -> Sighting:
        return self._seen.get(timeout=10)

    def card(self) -> bytes:
        sighting = self.next()
        assert isinstance(sighting, Card), sighting
        return sighting.identifier

    def why(self) -> str:
        sighting = self.next()
        assert isinstance(sighting, Unreadable), sighting
        return sighting.why

    def quiet(self) -> bool:
        return self._seen.empty()

    def nothing(self, seconds: float = 0.0) -> bool:
        """Whether nothing more was seen, and is not within ``seconds``."""
        with suppress(Empty):
            return self._seen.get(timeout=seconds) is None if seconds else self._seen.get_nowait() is None
        return True


@pytest.fixture
def watch(virtual_reader: VirtualReader) -> Iterator[Watch]:
    with Watch(PcscReader("virtual pcd", probe_seconds=0.1)) as watcher:
        until(lambda: watcher.reader.attached)
        yield watcher


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end, "it did not come about within 10 s"
        time.sleep(0.01)


class TestBadgeReaderKeepsTheContract(ReaderContract):
    """Through a real pcscd, like every other reader."""

    @pytest.fixture
    def bench(self, virtual_reader: VirtualReader) -> ReaderBench:
        def insert(identifier: bytes) -> None:
            virtual_reader.tap(identifier)
            time.sleep(DWELL)

        reader = PcscReader(GATE, probe_seconds=0.1)
        return ReaderBench(reader=reader, insert=insert, unplug=virtual_reader.vanish, plug=virtual_reader.return_)


@pytest.mark.parametrize("uid", [A, LONG], ids=["4 bytes", "7 bytes"])
def test_a_tap_is_one_card_with_its_number_and_moment(virtual_reader: VirtualReader, watch: Watch, uid: bytes) -> None:
    """One tap gives one card: whole identifier, technology, and the boot time at which it was laid down."""
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    virtual_reader.tap(uid)
    card = watch.next()
    assert isinstance(card, Card)
    assert (card.kind, card.identifier, card.technology) == ("uid", uid, "mifare-classic-1k")
    assert before < card.boot_ns < time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert watch.nothing()


def test_a_card_that_wants_the_exact_length_is_read(virtual_reader: VirtualReader, watch: Watch) -> None:
    """The answer 6C 07 leads to the identifier, as if nothing had been."""
    virtual_reader.tap(LONG, strict=True)
    assert watch.card() == LONG


@pytest.mark.parametrize(
    ("uid", "traits", "why"),
    [
        (A, Traits(mute=True), "no answer from the card"),
        (A, Traits(answer=b"\x90"), "the card's answer was cut short"),
        (b"", Traits(), "the card's number has an impossible length"),
        (bytes(range(30)), Traits(), "the card's number has an impossible length"),
        (A, Traits(atr=CONTACT_CHIP, answer=b"\x6d\x00"), "this reader reads badges by radio"),
    ],
    ids=["mute", "garbled", "no uid", "30 bytes", "contact chip"],
)
def test_a_card_without_a_number_is_unreadable_once(
    virtual_reader: VirtualReader, watch: Watch, uid: bytes, traits: Traits, why: str
) -> None:
    """However long it lies there, its holder gets one reason, and the next badge is read."""
    virtual_reader.insert(uid, **traits)
    assert watch.why().startswith(why)
    time.sleep(0.3)
    virtual_reader.remove()
    time.sleep(DWELL)
    virtual_reader.tap(B)
    assert watch.card() == B
    assert watch.nothing()


def test_a_slow_card_is_read_and_holds_nobody_up(virtual_reader: VirtualReader, watch: Watch) -> None:
    """A card that takes 2 s is one sighting dated at its laying down, while other threads go on."""
    card = virtual_reader.insert(A, delay=2)
    assert card.asked.wait(5)
    began = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    turns = 0
    while watch.quiet() and turns < 1000:
        turns += 1
        time.sleep(0.01)
    assert turns > 50
    seen = watch.next()
    assert isinstance(seen, Card)
    assert seen.boot_ns < began
    virtual_reader.remove()
    assert watch.nothing(0.3)


def test_a_card_swapped_within_20_ms_is_seen(virtual_reader: VirtualReader, watch: Watch) -> None:
    """Badge B laid down 20 ms after A was lifted is B's tap, and never taken for A's."""
    virtual_reader.insert(A)
    assert watch.card() == A
    virtual_reader.remove()
    time.sleep(0.02)
    virtual_reader.insert(B)
    assert watch.card() == B
    assert watch.nothing(0.5)


def test_a_swap_without_any_event_is_found_by_reading_again(virtual_reader: VirtualReader, watch: Watch) -> None:
    """Where another program's command hides the exchange from the service, only the re-read can see badge B, and does."""
    virtual_reader.insert(A)
    with another_program(SHARED) as other:
        assert watch.card() == A
        virtual_reader.remove()
        virtual_reader.insert(B)
        scard.SCardTransmit(other, scard.SCARD_PROTOCOL_T1, list(GET_UID))
        assert watch.card() == B
        assert watch.nothing(DWELL)


def test_a_card_left_lying_is_one_tap(virtual_reader: VirtualReader) -> None:
    """Hundreds of re-reads and another program's grip on the card between them make no second tap."""
    with Watch(PcscReader(GATE, probe_seconds=0.01)) as watch:
        virtual_reader.insert(A)
        assert watch.card() == A
        for disposition in (scard.SCARD_LEAVE_CARD, RESET_CARD, UNPOWER_CARD):
            with another_program() as other:
                time.sleep(0.3)
                scard.SCardDisconnect(other, disposition)
                assert watch.nothing(0.5)


@contextmanager
def another_program(share: int = EXCLUSIVE) -> Iterator[int]:
    """Hold the card on the first reader as soon as it is there, for oneself if not told otherwise."""
    _result, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
    end, result, card = time.monotonic() + 5, -1, 0
    while result != 0 and time.monotonic() < end:
        result, card, _protocol = scard.SCardConnect(context, GATE, share, scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1)
    assert result == 0
    yield card
    scard.SCardReleaseContext(context)


def test_a_card_held_by_another_program_is_read_when_it_lets_go(virtual_reader: VirtualReader) -> None:
    """Its holder first hears why it can't be read; the tap is not lost."""
    virtual_reader.insert(A)
    with another_program() as other, Watch(PcscReader(GATE)) as watch:
        assert watch.why() == "another program is using the reader"
        assert watch.nothing(0.3)
        scard.SCardDisconnect(other, scard.SCARD_LEAVE_CARD)
        assert watch.card() == A


def test_a_card_taken_away_too_soon_is_told_so(virtual_reader: VirtualReader, watch: Watch) -> None:
    """A tap too short to be read is a reason on the screen, not silence; the next one counts."""
    card = virtual_reader.insert(A, delay=5)
    assert card.asked.wait(5)
    virtual_reader.remove()
    assert watch.why() == TOO_SOON
    time.sleep(DWELL)
    virtual_reader.tap(A)
    assert watch.card() == A
    assert watch.nothing()


def test_a_shortest_reliable_tap_is_read(virtual_reader: VirtualReader, watch: Watch) -> None:
    """Three taps of 0.45 s by the same person, 0.45 s apart, are three cards."""
    for _tap in range(3):
        virtual_reader.tap(LONG, DWELL)
    assert [watch.card() for _ in range(3)] == [LONG] * 3
    assert watch.nothing()


def test_a_removal_while_nobody_looked_is_a_new_tap(virtual_reader: VirtualReader) -> None:
    """The caller was busy with a sighting while the card was lifted and laid down again: two taps."""
    reader, stop = PcscReader(GATE), threading.Event()
    virtual_reader.insert(A)
    sightings = reader.sightings(stop)
    assert isinstance(next(sightings), Card)
    virtual_reader.remove()
    time.sleep(DWELL)
    virtual_reader.insert(A)
    time.sleep(DWELL)
    assert isinstance(next(sightings), Card)
    stop.set()
    assert list(sightings) == []


def test_no_tap_is_lost_when_pcscd_is_killed_between_taps(virtual_reader: VirtualReader, watch: Watch) -> None:
    """Each tap after a crash and restart of the service is seen, each once."""
    for number in range(3):
        virtual_reader.tap(bytes((4, 1, 2, number)))
        assert watch.card() == bytes((4, 1, 2, number))
        virtual_reader.kill_pcscd()
        until(lambda: not watch.reader.attached)
        virtual_reader.start_pcscd()
        until(lambda: watch.reader.attached)
    assert watch.nothing()


def test_a_card_laid_down_while_pcscd_was_dead_is_seen(virtual_reader: VirtualReader, watch: Watch) -> None:
    """A tap into the restart counts, as long as the card is held until the service is back."""
    virtual_reader.kill_pcscd()
    virtual_reader.insert(A)
    time.sleep(0.2)
    virtual_reader.start_pcscd()
    assert watch.card() == A


def test_a_card_lying_through_a_restart_is_one_tap(virtual_reader: VirtualReader, watch: Watch) -> None:
    """What lay there before the crash and lies there after it is no new tap; lifted and laid again it is."""
    virtual_reader.insert(A)
    assert watch.card() == A
    virtual_reader.kill_pcscd()
    until(lambda: not watch.reader.attached)
    virtual_reader.start_pcscd()
    until(lambda: watch.reader.attached)
    assert watch.nothing(0.7)
    virtual_reader.remove()
    time.sleep(DWELL)
    virtual_reader.tap(A)
    assert watch.card() == A


def test_a_reader_that_vanishes_and_returns_is_used_again(virtual_reader: VirtualReader, watch: Watch) -> None:
    """Pulled, it is shown as not attached; plugged in again, it reads the next tap, by itself."""
    virtual_reader.vanish()
    until(lambda: not watch.reader.attached)
    assert watch.nothing(0.6)
    assert not watch.reader.attached
    virtual_reader.return_()
    until(lambda: watch.reader.attached)
    virtual_reader.tap(A)
    assert watch.card() == A


def test_a_reader_about_to_go_has_no_card() -> None:
    """While a reader is being unplugged nothing is read from it; a card that lies there when it is back is no news."""
    slot, present, going = pcsc._Slot(), 0x00010020, 0x0000000C
    assert slot.noted(present, 1) is None
    assert slot.presence.read(Identified(A, "desfire"), began_ns=2, now_ns=3) is not None
    assert slot.noted(going, 4) is None
    assert (slot.presence.present, slot.state) == (False, going)
    assert slot.noted(present, 5) is None
    assert slot.presence.present
    assert slot.presence.read(Identified(A, "desfire"), began_ns=10**9, now_ns=10**9) is None


def test_stop_ends_a_blocked_wait_at_once(watch: Watch) -> None:
    """A reader that waits for a card ends well within a second."""
    time.sleep(0.1)
    assert watch.end() < 0.5


def test_stop_is_honoured_even_if_the_wake_is_lost(virtual_reader: VirtualReader) -> None:
    """A wake that came just before the wait began costs a second at most; waking early or late does no harm."""
    reader = PcscReader()
    reader.wake()
    with Watch(reader) as watch:
        until(lambda: reader.attached)
        began = time.monotonic()
        watch.stop.set()
        watch.ended()
        assert time.monotonic() - began < 1.5
    reader.wake()


def test_stop_ends_the_wait_for_a_dead_service(virtual_reader: VirtualReader) -> None:
    """Also where no service answers, stop is honoured within a second."""
    virtual_reader.kill_pcscd()
    with Watch(PcscReader()) as watch:
        time.sleep(0.7)
        assert watch.end() < 0.5
        assert not watch.reader.attached


def test_many_wakes_end_nothing_but_the_wait(virtual_reader: VirtualReader, watch: Watch) -> None:
    """Being woken without stop is harmless: the reader goes on."""
    for _wake in range(20):
        watch.reader.wake()
    virtual_reader.tap(A)
    assert watch.card() == A


def test_all_matching_readers_are_read(virtual_reader: VirtualReader, watch: Watch) -> None:
    """Two readers whose names match are one source of cards, each with its own memory."""
    virtual_reader.insert(A, slot=0)
    virtual_reader.insert(A, slot=1)
    assert [watch.card(), watch.card()] == [A, A]
    assert watch.nothing(0.3)


def test_only_matching_readers_are_read(virtual_reader: VirtualReader) -> None:
    """A reader whose name does not match belongs to somebody else."""
    with Watch(PcscReader(SIDE)) as watch:
        until(lambda: watch.reader.attached)
        virtual_reader.tap(A, slot=0)
        assert watch.nothing()
        virtual_reader.tap(B, slot=1)
        assert watch.card() == B


def test_a_reader_that_matches_nothing_is_not_attached(virtual_reader: VirtualReader, caplog: pytest.LogCaptureFixture) -> None:
    """A mistyped name in the configuration shows as a missing reader, and is named in the log."""
    with caplog.at_level(logging.INFO, "hardware.pcsc"), Watch(PcscReader("ACR 122")) as watch:
        until(lambda: bool(caplog.messages))
        assert not watch.reader.attached
    assert caplog.messages == ["no badge reader is plugged in whose name contains 'ACR 122'"]


def test_an_idle_reader_sleeps(virtual_reader: VirtualReader) -> None:
    """While nobody taps, the loop goes round about once a second and asks the clock a few times."""
    asked = 0

    def boot_ns() -> int:
        nonlocal asked
        asked += 1
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    with Watch(PcscReader(boot_ns=boot_ns)) as watch:
        until(lambda: watch.reader.attached)
        time.sleep(1.5)
        assert asked < 15
        assert time.clock_gettime_ns(time.CLOCK_BOOTTIME) - watch.reader.turned_ns < 2e9


def test_the_log_tells_each_change_once_and_no_number(
    virtual_reader: VirtualReader, watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    """A service that stays away for several attempts is two lines at most, its return one; no badge is ever named."""
    with caplog.at_level(logging.DEBUG):
        virtual_reader.tap(LONG)
        watch.card()
        virtual_reader.kill_pcscd()
        time.sleep(1.3)
        virtual_reader.start_pcscd()
        until(lambda: watch.reader.attached)
    lost = [record for record in caplog.records if "does not answer" in record.message]
    assert 1 <= len(lost) <= 2
    assert all(record.name == "hardware.pcsc" and "pcscd.socket" in record.message for record in lost)
    assert caplog.messages.count(f"ready: {GATE}, {SIDE}") == 1
    written = caplog.text.upper()
    assert LONG.hex().upper() not in written.replace(" ", "").replace(":", "")


def test_listing_names_the_readers(virtual_reader: VirtualReader) -> None:
    """What `check` shows is what is plugged in now, also when that is nothing."""
    assert listing() == (GATE, SIDE)
    virtual_reader.vanish()
    assert listing() == ()


def test_listing_without_a_service_says_the_repair(virtual_reader: VirtualReader) -> None:
    """Where pcscd does not run, the message names the command that starts it."""
    virtual_reader.kill_pcscd()
    with pytest.raises(ReaderLost, match=r"does not answer .*systemctl enable --now pcscd\.socket"):
        listing()


def test_a_missing_library_says_the_repair(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PC/SC is not installed, the message names what to install."""
    monkeypatch.delitem(sys.modules, "hardware.winscard", raising=False)
    monkeypatch.setitem(sys.modules, "smartcard", None)
    with pytest.raises(ReaderLost, match="apt install pcscd libpcsclite1"):
        listing()


def test_a_refused_user_is_told_of_the_polkit_rule(virtual_reader: VirtualReader, caplog: pytest.LogCaptureFixture) -> None:
    """Debian 13's pcscd refuses a service user: the log names the rule with both its actions, once, and the reader is not there."""
    with Porter(virtual_reader.socket, refuse=ESTABLISH):
        with pytest.raises(ReaderLost, match=r"refuses this user.*polkit.*access_pcsc.*access_card"):
            listing()
        with Watch(PcscReader()) as watch:
            until(lambda: bool(caplog.records))
            assert not watch.reader.attached
            assert watch.end() < 0.5
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "50-kiosk-pcsc.rules" in caplog.text


def test_a_user_who_may_list_but_not_read_is_told_at_the_first_card(
    virtual_reader: VirtualReader, caplog: pytest.LogCaptureFixture
) -> None:
    """With half of the polkit rule the readers are listed: the first badge shows the fault, to its holder too."""
    with Porter(virtual_reader.socket, refuse=CONNECT) as porter, Watch(PcscReader(GATE)) as watch:
        until(lambda: watch.reader.attached)
        virtual_reader.insert(A)
        assert watch.why() == "this box is not allowed to use its reader"
        assert not watch.reader.attached
        assert watch.nothing(0.5)
        porter.refuse = 0
        assert watch.card() == A
        until(lambda: watch.reader.attached)
    assert [record.levelno for record in caplog.records if record.levelno >= logging.WARNING] == [logging.ERROR]


def test_readers_that_are_listed_but_refused_are_told_apart(virtual_reader: VirtualReader) -> None:
    """Polkit lets a user list readers and refuses him their cards: only a connection shows it, with or without a card."""
    assert refusing(listing()) == ()
    virtual_reader.insert(A)
    assert refusing(listing()) == ()
    with Porter(virtual_reader.socket, refuse=CONNECT):
        names = listing()
        assert names
        assert refusing(names) == names


def test_one_refusal_alone_is_taken_for_a_crash(virtual_reader: VirtualReader, caplog: pytest.LogCaptureFixture) -> None:
    """Libpcsclite says "refused" also when pcscd was killed at a bad moment: the reader comes back, polkit is not blamed."""
    with Porter(virtual_reader.socket, refuse=ESTABLISH) as porter, Watch(PcscReader(GATE)) as watch:
        until(lambda: porter.refused > 0)
        porter.refuse = 0
        until(lambda: watch.reader.attached)
        virtual_reader.tap(A)
        assert watch.card() == A
    assert "polkit" not in caplog.text


class Porter:
    """Stands at pcscd's door and refuses one kind of request, as pcscd does when polkit says no; lets the rest through.

    A request of pcsc-lite's protocol is its length, its command and a body whose last word becomes the result.
    """

    def __init__(self, door: Path, *, refuse: int) -> None:
        self.refuse = refuse
        self.refused = 0
        self._door, self._inner = door, door.with_suffix(".inner")
        self._ends: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._door.rename(self._inner)
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(self._door))
        self._server.listen()
        threading.Thread(target=self._welcome).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for end in (self._server, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._inner.rename(self._door)

    def _welcome(self) -> None:
        with suppress(OSError), self._server:
            while True:
                client, _address = self._server.accept()
                pcscd = socket.socket(socket.AF_UNIX)
                pcscd.connect(str(self._inner))
                self._ends += [client, pcscd]
                threading.Thread(target=self._requests, args=(client, pcscd)).start()
                threading.Thread(target=self._answers, args=(client, pcscd)).start()

    def _requests(self, client: socket.socket, pcscd: socket.socket) -> None:
        with suppress(OSError, struct.error), client:
            while True:
                head = client.recv(8, socket.MSG_WAITALL)
                size, command = struct.unpack("=II", head)
                body = client.recv(size, socket.MSG_WAITALL) if size else b""
                if command == TRANSMIT:  # the card's command follows the body; its length is the fourth word
                    body += client.recv(struct.unpack_from("=I", body, 12)[0], socket.MSG_WAITALL)
                if command == self.refuse:
                    self.refused += 1
                    client.sendall(body[:-4] + struct.pack("=I", 0x8010006A))
                else:
                    pcscd.sendall(head + body)
        with suppress(OSError):
            pcscd.shutdown(socket.SHUT_RDWR)

    def _answers(self, client: socket.socket, pcscd: socket.socket) -> None:
        with suppress(OSError), pcscd:
            while answer := pcscd.recv(65536):
                client.sendall(answer)


def test_importing_the_reader_does_not_load_pyscard() -> None:
    """The kiosk starts without paying for a library that only this driver needs."""
    script = "import sys, hardware.pcsc; print('smartcard' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True, text=True).stdout == "False\n"
    assert pcsc.__name__ in sys.modules


AS_NOBODY = """
import sys, threading
sys.path[:0] = sys.argv[1:]
from hardware.cards import GET_UID, Identified
from hardware.pcsc import PcscReader
stop = threading.Event()
print("ready", flush=True)
for card in PcscReader("Virtual PCD").sightings(stop):
    print(card, flush=True)
    stop.set()
"""


def test_an_ordinary_user_reads_badges() -> None:
    """Neither the service nor the reader needs root."""
    with as_nobody("unshare", "-rm", "true") as namespaces:
        _out, error = namespaces.communicate()
    if namespaces.returncode != 0:
        pytest.skip(f"this kernel gives ordinary users no namespaces: {error.strip()}")
    python = next((path for path in (sys.executable, "/usr/bin/python3") if loads_pyscard(path)), None)
    if python is None:
        pytest.skip("an ordinary user may execute no Python here that loads pyscard")
    with (
        VirtualReader(user=NOBODY if ROOT_USER else None) as readers,
        as_nobody(python, "-c", AS_NOBODY, *PATHS, **readers.env) as client,
    ):
        assert client.stdout is not None
        assert client.stdout.readline() == "ready\n"
        readers.tap(A, 1)
        out, error = client.communicate(timeout=10)
    assert (out, error, client.returncode) == ("Card(uid, 4 bytes, mifare-classic-1k)\n", "", 0)


def as_nobody(*command: str, **env: str) -> subprocess.Popen[str]:
    nobody = NOBODY if ROOT_USER else None
    return subprocess.Popen(
        command,
        cwd="/",
        env={"PATH": os.environ["PATH"], **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        user=nobody,
        group=nobody,
        extra_groups=() if ROOT_USER else None,
    )


def loads_pyscard(python: str) -> bool:
    try:
        with as_nobody(python, "-c", "import sys; sys.path[:0] = sys.argv[1:]; import hardware.winscard", *PATHS) as client:
            client.communicate()
    except OSError:
        return False
    return client.returncode == 0
