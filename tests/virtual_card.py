"""A private, real pcscd with virtual readers, and cards that a test lays on them; no part of it is a mock.

The reader driver (vpcd) waits on a TCP port; a card is a client of it. Each message is a big-endian u16 length
and that many bytes: one byte 00 power off, 01 power on, 02 reset (none answered), 04 "your ATR?"; everything else
is a command, answered by the card. Hanging up is lifting the card (facts, hardware, section 1.3).

Install what it needs with: apt-get install --no-install-recommends pcscd vsmartcard-vpcd
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TypedDict, Unpack

APT = "apt-get install --no-install-recommends pcscd vsmartcard-vpcd"
DRIVER = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
#: The name that the readers carry, followed by " 00 00" and " 00 01".
READER_NAME = "Virtual PCD"

#: A MIFARE Classic 1K as contactless readers present it (PC/SC part 3); T=1.
MIFARE_1K = bytes.fromhex("3B8F8001804F0CA000000306030001000000006A")
#: A contact chip that speaks T=0, shaped like a Belgian eID's.
CONTACT_CHIP = bytes.fromhex("3B9813400AA503010101AD1311")

#: Longer than any card's: the driver can't pass it on, so that pcscd reports a card that is there and does not answer.
_NO_ATR = bytes(40)

#: pcscd looks every 0.4 s whether a card is there, so each state must last longer to be seen for certain.
DWELL = 0.45


class Traits(TypedDict, total=False):
    """How a card differs from a well-behaved MIFARE badge.

    Attributes:
        atr: What it says when powered.
        answer: Sent, as it is, in answer to every command, instead of the identifier.
        strict: Whether it answers 6C xx to any but the exact length.
        delay: Seconds it takes for each answer; lifting it ends the wait.
        mute: Whether it is there and can't be powered up.
    """

    atr: bytes
    answer: bytes
    strict: bool
    delay: float
    mute: bool


class VirtualCard:
    """A card lying on a virtual reader, until ``lift``; it stays there when pcscd dies and comes back."""

    def __init__(self, port: int, uid: bytes, **traits: Unpack[Traits]) -> None:
        self.powered = threading.Event()
        self.asked = threading.Event()
        self._port = port
        self._uid = uid
        self._traits = traits
        self._lifted = threading.Event()
        self._socket: socket.socket | None = None
        self._guard = threading.Lock()
        self._thread = threading.Thread(target=self._lie, name="virtual-card", daemon=True)
        self._thread.start()

    def lift(self) -> None:
        """Take the card away: at once, however busy it is."""
        with self._guard:
            self._lifted.set()
            if self._socket is not None:
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)

    def _lie(self) -> None:
        while not self._lifted.is_set():
            try:
                # The driver takes one caller at a time: where the line is full, ask again rather than wait a second.
                with socket.create_connection(("127.0.0.1", self._port), timeout=0.1) as link:
                    self._serve(link)
            except OSError:
                self._lifted.wait(0.02)

    def _serve(self, link: socket.socket) -> None:
        link.settimeout(None)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._guard:
            if self._lifted.is_set():
                return
            self._socket = link
        try:
            while (message := _receive(link)) is not None:
                reply = self._answer(message)
                if reply is not None:
                    link.sendall(struct.pack(">H", len(reply)) + reply)
        finally:
            with self._guard:
                self._socket = None

    def _answer(self, message: bytes) -> bytes | None:
        if len(message) > 1:
            self.asked.set()
            self._lifted.wait(self._traits.get("delay", 0))
            return self._reply(message)
        if message != b"\x04":
            return None
        self.powered.set()
        return _NO_ATR if self._traits.get("mute") else self._traits.get("atr", MIFARE_1K)

    def _reply(self, command: bytes) -> bytes:
        if "answer" in self._traits:
            return self._traits["answer"]
        if command[:4] != b"\xff\xca\x00\x00":
            return b"\x6d\x00"
        if self._traits.get("strict") and command[4:] != bytes((len(self._uid),)):
            return bytes((0x6C, len(self._uid)))
        return self._uid + b"\x90\x00"


def _receive(link: socket.socket) -> bytes | None:
    """Read one message; None when the reader hung up."""
    head = _exactly(link, 2)
    return None if head is None else _exactly(link, struct.unpack(">H", head)[0])


def _exactly(link: socket.socket, count: int) -> bytes | None:
    parts = b""
    while len(parts) < count:
        # vpcd sends head and body apart; without this, Nagle and the delayed ACK cost 44 ms each time. Not sticky.
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        part = link.recv(count - len(parts))
        if not part:
            return None
        parts += part
    return parts


@dataclass
class VirtualReader:
    """A private pcscd with two virtual readers, as a context manager; everything is gone at its end.

    pcscd also dies with the thread that started it, so that a test run that is killed leaves nothing behind.

    Attributes:
        directory: Where its socket, configuration and log lie; a new one of its own if left out.
        user: The uid that pcscd runs as; the caller's if left out. An ordinary user needs user namespaces.
    """

    directory: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="pcsc-")))
    user: int | None = None
    _port: int = 0
    _plugged: str = ""
    _empty_since: float = 0.0
    _pcscd: subprocess.Popen[bytes] | None = None
    _cards: dict[int, VirtualCard] = field(default_factory=dict)

    @property
    def socket(self) -> Path:
        """Where clients reach this pcscd."""
        return self.directory / "run" / "pcscd" / "pcscd.comm"

    @property
    def env(self) -> dict[str, str]:
        """What a client needs in its environment before it loads libpcsclite."""
        return {"PCSCLITE_CSOCK_NAME": str(self.socket)}

    @property
    def pid(self) -> int | None:
        """The process id of pcscd, None while it is dead."""
        return None if self._pcscd is None else self._pcscd.pid

    @property
    def log(self) -> str:
        """What pcscd has said so far."""
        return (self.directory / "pcscd.log").read_text(errors="replace")

    def __enter__(self) -> Self:
        if shutil.which("pcscd", path=f"{os.environ['PATH']}:/usr/sbin") is None or not DRIVER.exists():
            raise RuntimeError(f"these tests run a real pcscd with a virtual reader; install both: {APT}")
        for name in ("run/pcscd", "readers", "none"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        if self.user is not None:
            for path in (self.directory, *self.directory.rglob("*")):
                os.chown(path, self.user, self.user)
        try:
            self._settle()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Lift the cards, end pcscd, remove its directory; may be called twice."""
        for slot in tuple(self._cards):
            self.remove(slot)
        self.kill_pcscd()
        shutil.rmtree(self.directory, ignore_errors=True)

    def insert(self, uid: bytes, *, slot: int = 0, **traits: Unpack[Traits]) -> VirtualCard:
        """Lay a card on reader ``slot`` (0 or 1). pcscd sees it within 0.4 s."""
        self.remove(slot)
        card = self._cards[slot] = VirtualCard(self._port + slot, uid, **traits)
        return card

    def remove(self, slot: int = 0) -> None:
        """Lift the card from reader ``slot``, if there is one. pcscd sees it within 0.4 s."""
        card = self._cards.pop(slot, None)
        if card is not None:
            card.lift()
            self._empty_since = time.monotonic()

    def tap(self, uid: bytes, seconds: float = 0.5, *, slot: int = 0, **traits: Unpack[Traits]) -> None:
        """Lay a card for at least ``seconds`` and until pcscd has seen it, lift it, and leave the reader empty for a while."""
        card = self.insert(uid, slot=slot, **traits)
        began = time.monotonic()
        if not card.powered.wait(5):
            raise RuntimeError(f"pcscd did not look at the card within 5 s; its log:\n{self.log}")
        time.sleep(max(0.1, seconds - (time.monotonic() - began)))
        self.remove(slot)
        time.sleep(DWELL)

    def kill_pcscd(self) -> None:
        """End pcscd as a crash does: no goodbye, and its socket stays behind."""
        if self._pcscd is not None:
            self._pcscd.kill()
            self._pcscd.wait(10)
            self._pcscd = None

    def start_pcscd(self) -> None:
        """Start pcscd with its readers; cards that lie there are found again."""
        self._start("readers")

    def reset(self) -> None:
        """Leave pcscd running with both readers plugged in and empty, whatever a test did to it."""
        for slot in tuple(self._cards):
            self.remove(slot)
        time.sleep(max(0.0, self._empty_since + DWELL - time.monotonic()))
        if self._plugged != "readers" or self._pcscd is None or self._pcscd.poll() is not None:
            self.return_()

    def vanish(self) -> None:
        """Pull the readers' plug: pcscd comes back with none."""
        self.kill_pcscd()
        self._start("none")

    def return_(self) -> None:
        """Put the plug back."""
        self.kill_pcscd()
        self._start("readers")

    def _settle(self) -> None:
        """Find a pair of ports that nobody else takes, and start."""
        for _attempt in range(20):
            self._port = _free_ports()
            (self.directory / "readers" / "vpcd").write_text(
                f'FRIENDLYNAME "{READER_NAME}"\nLIBPATH {DRIVER}\n'
                f"DEVICENAME /dev/null:{self._port:#06x}\nCHANNELID {self._port:#06x}\n"
            )
            self.start_pcscd()
            if "init failed" not in self.log:
                return
            self.kill_pcscd()
        raise RuntimeError(f"no free port for the virtual reader was found; pcscd's log:\n{self.log}")

    def _start(self, readers: str) -> None:
        # /run is replaced for this process alone, so that no other pcscd is touched.
        # Debian 13's pcscd would ask polkit, which a private one can't reach, and Debian 12's does not know the option.
        script = (
            'mount --bind "$0/run" /run && exec setpriv --pdeathsig KILL pcscd --foreground --info '
            '$(pcscd --help | grep -oe --disable-polkit) --config "$0/$1"'
        )
        self._plugged = readers
        root = self.user is None and os.geteuid() == 0
        with (self.directory / "pcscd.log").open("wb") as log:
            self._pcscd = subprocess.Popen(
                ["unshare", "-m" if root else "-rm", "sh", "-c", script, str(self.directory), readers],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
                user=self.user,
                group=self.user,
                extra_groups=None if self.user is None else [],
            )
        self._await()

    def _await(self) -> None:
        """Wait until pcscd takes clients."""
        end = time.monotonic() + 10
        while time.monotonic() < end and self._pcscd is not None and self._pcscd.poll() is None:
            with socket.socket(socket.AF_UNIX) as client:
                if client.connect_ex(str(self.socket)) == 0:
                    return
            time.sleep(0.01)
        raise RuntimeError(f"pcscd did not start; its log:\n{self.log}")


def _free_ports() -> int:
    """Find two adjacent free ports below the range that the kernel hands out by itself."""
    dice = random.SystemRandom()
    while True:
        port = dice.randrange(20_000, 32_000, 2)
        try:
            for number in (port, port + 1):
                with socket.socket() as probe:
                    probe.bind(("0.0.0.0", number))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            continue
        return port
