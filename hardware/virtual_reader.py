"""A private, real pcscd with two virtual readers, for tests and the demonstration; the machine's own is not touched.

Install what it needs with: apt-get install --no-install-recommends pcscd vsmartcard-vpcd
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self, Unpack

from hardware.virtual_card import Traits, VirtualCard

APT: Final = "apt-get install --no-install-recommends pcscd vsmartcard-vpcd"
DRIVER: Final = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
#: The name that the readers carry, followed by " 00 00" and " 00 01".
READER_NAME: Final = "Virtual PCD"
#: pcscd looks every 0.4 s whether a card is there, so each state must last longer to be seen for certain.
DWELL: Final = 0.45
#: Seconds within which pcscd must have seen a card that is tapped; a stalled machine needs some.
PATIENCE: Final = 10.0


def missing() -> str | None:
    """What a private pcscd lacks on this machine and how to get it, or None."""
    if shutil.which("pcscd", path=f"{os.environ['PATH']}:/usr/sbin") is None or not DRIVER.exists():
        return f"a virtual reader is not installed: {APT}"
    return None


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
        if (lack := missing()) is not None:
            raise RuntimeError(lack)
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
        if not card.powered.wait(PATIENCE):
            raise RuntimeError(f"pcscd did not look at the card within {PATIENCE} s; its log:\n{self.log}")
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
                    probe.bind(("0.0.0.0", number))  # noqa: S104  vpcd itself binds so: only such a pair is free for it
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            continue
        return port
