"""The door to nfcpy: the one file that imports it, with its many errors translated into one.

Only ``sense`` is used, which hands over what a card said at the first call. ``connect`` would beep before anything is
recorded, swallow a dead reader as False and an interrupt with it, and go on talking to the card.

Importing this loads nfcpy; ``hardware.contactless`` does so when it first needs a reader.
"""

from __future__ import annotations

import errno
import logging
import time
import warnings
from contextlib import suppress
from typing import Final

import nfc
from nfc.clf import RemoteTarget, UnsupportedTargetError, pn532, transport

from hardware.cards import OTHER_EACH_TIME, Failed, Identified
from hardware.nfc_paths import Unusable, unanswered, unopened
from hardware.presence import TOO_SOON
from hardware.targets import Technology, type_a, type_b, type_f

#: It writes an error for each retry, and at DEBUG the numbers of cards.
logging.getLogger("nfc").setLevel(logging.CRITICAL)

#: Without power for so long a card has forgotten what it was called (5.1 ms by the Digital Protocol, 4.6.1).
_RESET_SECONDS: Final = 0.01
#: What nfcpy speeds a PN532 up to; it asks the next time at 115200 again.
_FAST_BAUD: Final = (921600, 460800, 230400)
_BAUD: Final = 115200


class Frontend:
    """One reader, open; thrown away when it fails. All of it belongs to the one thread that made it.

    Args:
        path: As nfcpy names it.

    Raises:
        Unusable: It can't be opened.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._mute = set[Technology]()
        # nfcpy leaves the serial line that it tries out to the collector.
        warnings.filterwarnings("ignore", "unclosed file", ResourceWarning, "nfc.clf.transport")
        try:
            self._clf = _opened(path)
        except Exception as error:  # noqa: BLE001  a chip that answers nonsense shows as IndexError, TypeError, termios.error ...
            raise Unusable(unopened(path, _code(path, error))) from None

    def __str__(self) -> str:
        return str(self._clf.device)

    def sense(self, technology: Technology) -> Identified | Failed | None:
        """Call for a card once; None where none answers or the reader can't call for this technology.

        Raises:
            Unusable: The reader does not answer.
        """
        if technology in self._mute:
            return None
        try:
            return self._sensed(technology)
        except (UnsupportedTargetError, ValueError):  # the latter by the chips of the PN53x family
            self._mute.add(technology)
            return None
        except Exception as error:  # noqa: BLE001  as above
            raise Unusable(unanswered(self._path, getattr(error, "errno", None), type(error).__name__)) from None

    def _sensed(self, technology: Technology) -> Identified | Failed | None:
        found = self._called(technology)
        if technology is not Technology.B or not isinstance(found, Identified):
            return found
        # Some cards draw their PUPI afresh whenever they are powered, and nothing in it tells which (ISO 14443-3, 7.9.2).
        time.sleep(_RESET_SECONDS)
        again = self._called(technology)
        if not isinstance(again, Identified):
            return Failed(TOO_SOON)
        return found if again == found else Failed(OTHER_EACH_TIME)

    def _called(self, technology: Technology) -> Identified | Failed | None:
        target = self._clf.sense(RemoteTarget(technology.value))
        if target is None:
            return None
        self._clf.sense()  # switches the field off: the next call finds a card that starts anew
        match technology:
            case Technology.A:
                return type_a(bytes(target.sens_res or b""), bytes(target.sel_res or b""), bytes(target.sdd_res or b""))
            case Technology.B:
                return type_b(bytes(target.sensb_res or b""))
            case Technology.F:
                return type_f(bytes(target.sensf_res or b""))

    def close(self) -> None:
        """Let the reader go; whatever it says to that."""
        try:
            self._clf.close()
        except Exception as error:  # noqa: BLE001  a pulled plug raises termios.error here, no OSError; the file goes with its object
            logging.getLogger("hardware.contactless").debug("the reader did not say goodbye: %s", type(error).__name__)


def _opened(path: str) -> nfc.ContactlessFrontend:
    try:
        return nfc.ContactlessFrontend(path)
    except OSError:
        if not _slowed(path):
            raise
    return nfc.ContactlessFrontend(path)


def _slowed(path: str) -> bool:
    """Bring a PN532 back whose program was killed: it goes on at the high speed, and nfcpy would ask slowly for ever."""
    found = transport.TTY.find(path) if path.endswith(":pn532") else None
    return found is not None and any(_slow(port, baud) for port in found[0] for baud in _FAST_BAUD)


def _slow(port: str, baud: int) -> bool:
    line = transport.TTY(port)
    try:
        line.open(port, baud)
        pn532.Chipset(line, logging.getLogger("nfc")).set_serial_baudrate(_BAUD)
    except Exception:  # noqa: BLE001  nothing is there, or it speaks at another speed, which reads as anything
        return False
    finally:
        line.close()
    return True


def _code(path: str, error: Exception) -> int | None:
    code = getattr(error, "errno", None)
    if code == errno.ENODEV and path.startswith("tty"):
        with suppress(OSError):  # it may come and go at this very moment
            return code if transport.TTY.find(path) else errno.ENOENT
    return code
