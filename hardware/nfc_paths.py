"""The paths by which nfcpy names a reader, and why one can't be opened, in words for people. Pure."""

from __future__ import annotations

import errno
import re
from typing import Final

#: The first USB reader that nfcpy knows: what stands for no path at all.
ANY_USB: Final = "usb"

#: As nfcpy reads them, but for the bare ``tty``, which would write to every serial line, be it a modem or a GPS receiver.
_PATH: Final = re.compile(
    r"usb(:[0-9A-Fa-f]{4}(:[0-9A-Fa-f]{4})?|:[0-9]{1,3}(:[0-9]{1,3})?)?"
    r"|tty:[A-Za-z0-9-]+:(pn532|arygon)"
    r"|udp(:[A-Za-z0-9.-]*(:[0-9]{1,5})?)?"
)

_UDEV: Final = "put hardware/udev/60-ciao-kiosk.rules into /etc/udev/rules.d and plug the reader in anew"
_KERNEL: Final = (
    "put hardware/modprobe/kiosk-nfc.conf into /etc/modprobe.d, restart the box, and don't let pcscd have the same reader"
)
_WIRES: Final = (
    "see that it has power and is switched to HSU (both switches 0), that its TX goes to RX, and that nobody else has the line: "
    "no console=serial0 in cmdline.txt, no ModemManager"
)


class Unusable(Exception):
    """A reader can't be opened or no longer answers; the words are for people and hold nothing that was read from it."""


def understood(path: str) -> bool:
    """Tell whether nfcpy can find a reader by this path, for instance ``usb``, ``usb:054c:06c3``, ``tty:AMA0:pn532``."""
    return _PATH.fullmatch(path) is not None


def over_network(path: str | None) -> bool:
    """Tell whether any program may lay cards on this reader over the network: nfcpy's UDP driver asks for no password."""
    return path is not None and path.startswith("udp")


def unopened(path: str, code: int | None) -> str:
    """Say why a reader can't be opened, and what to do.

    Args:
        path: As configured.
        code: The system's error number, where there is one; ENOENT where no such serial line exists.
    """
    if path.startswith(ANY_USB):
        return _usb(path, code)
    if path.startswith("tty"):
        return _tty(path, code)
    return f"the host in {path} can't be reached; repair: correct match in its [[reader]]"


def _usb(path: str, code: int | None) -> str:
    if code == errno.EACCES:
        return f"this user may not open the reader at {path}; repair: {_UDEV}"
    if code == errno.EBUSY:
        return f"the kernel or another program holds the reader at {path}; repair: {_KERNEL}"
    # For a path that fits several readers nfcpy goes on to the next after any failure, and tells none.
    return f"no reader at {path} that nfcpy knows and this user may use; repair: plug it in (see lsusb); {_UDEV}; {_KERNEL}"


def _tty(path: str, code: int | None) -> str:
    if code == errno.ENOENT:
        return f"there is no serial line for {path}; repair: plug it in, or enable it in config.txt (ls /dev/tty* shows them)"
    if code == errno.EACCES:
        return f"this user may not open the serial line of {path}; repair: usermod -aG dialout kiosk, then restart the daemon"
    return f"nothing answers at {path}; repair: {_WIRES}"


def unanswered(path: str, code: int | None, kind: str) -> str:
    """Say that a reader which had worked answers no more.

    Args:
        path: As configured.
        code: The system's error number, where there is one.
        kind: The error's name, where there is none.
    """
    return f"the reader at {path} no longer answers ({errno.errorcode.get(code or 0, kind)}); it is opened anew"
