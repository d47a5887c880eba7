"""What a keyboard-wedge reader types, from the kernel's input events to whole lines. Pure: it is told bytes and times.

Key codes are positions, not characters (input-event-codes.h), so the console's keymap changes nothing. The reader's own
setting does: one set to AZERTY presses the key of a Q for an A, and digits with shift. Digits and hexadecimal letters
are therefore read from either setting; shift is not looked at, since no number needs it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

#: struct input_event: two longs of time, type, code and value; 24 bytes where a long has 64 bits, 16 where it has 32.
EVENT: Final = struct.Struct("@llHHi")

EV_SYN: Final = 0
EV_KEY: Final = 1
SYN_REPORT: Final = 0
SYN_DROPPED: Final = 3
#: Value of a key that goes down; 0 is up, 2 is the kernel's own repetition, which no reader means.
DOWN: Final = 1

_ROWS: Final = ((2, "1234567890-="), (16, "QWERTYUIOP[]"), (30, "ASDFGHJKL;'`"), (44, "ZXCVBNM,./"), (71, "789-456+1230."))
#: The character of each key as on a US keyboard; both rows of digits.
KEYS: Final = {first + place: character for first, row in _ROWS for place, character in enumerate(row)} | {
    55: "*",
    57: " ",
    98: "/",
}
#: Enter, Tab and the Enter of the number pad end a number.
_ENDS: Final = frozenset({28, 15, 96})
#: Shift, control, alt, caps and number lock, and the meta keys change no number.
_SILENT: Final = frozenset({29, 42, 54, 56, 58, 69, 97, 100, 125, 126})
#: What stands for itself on no keyboard: a key that is in no table spoils the line.
_STRANGE: Final = "\ufffd"
#: Where a reader set to AZERTY presses another key for what stands in a number.
AZERTY: Final = str.maketrans("QM", "A,")

#: A reader types a number in some 100 ms; whatever comes after so long a pause is another one.
IDLE_NS: Final = 400_000_000
#: Longest barcode that is a card, doubled; what is longer is a cat or a stuck key.
_LONGEST: Final = 128
#: A stamp that is so far from our own clock comes from another one.
_BELIEVED_NS: Final = 60_000_000_000

TOO_FAST: Final = "the reader typed faster than it was heard; lay the badge on it once more"
BROKEN_OFF: Final = "the reader stopped in the middle of a number; lay the badge on it once more"
TOO_LONG: Final = "what was typed is longer than any badge's number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One number as it was typed.

    Attributes:
        text: Its characters, capitals as on a US keyboard; empty where ``why`` says that it is none.
        began_ns: When its first key went down, boot time in nanoseconds.
        why: Why it can't be used, or None.
    """

    text: str
    began_ns: int
    why: str | None = None

    def __repr__(self) -> str:
        return f"Line({len(self.text)} characters, {self.why})"


class Typist:
    """Puts the events of one device together; half an event waits for its other half."""

    def __init__(self) -> None:
        self._rest = b""
        self._text = ""
        self._began_ns: int | None = None
        self._last_ns = 0
        self._dropping = False
        self._lost = False
        self._ends_lines = False

    @property
    def due_ns(self) -> int | None:
        """When ``idle`` has something to say unless another key comes before; None while nothing was typed."""
        return None if self._began_ns is None else self._last_ns + IDLE_NS

    def feed(self, data: bytes, now_ns: int) -> Iterator[Line]:
        """Take what was read from the device, any number of bytes; yield each line that it ends.

        Args:
            data: struct input_event after struct input_event.
            now_ns: Now, boot time in nanoseconds.
        """
        data = self._rest + data
        whole = len(data) - len(data) % EVENT.size
        self._rest = data[whole:]
        for seconds, micros, kind, code, value in EVENT.iter_unpack(data[:whole]):
            yield from self._event(kind, code, value, _moment(seconds, micros, now_ns))

    def idle(self, now_ns: int) -> Line | None:
        """Say what ends because nothing more came, if the pause is long enough by now."""
        if self._began_ns is None or now_ns - self._last_ns < IDLE_NS:
            return None
        # A reader that ends its lines and did not end this one was interrupted: half of a long number can be a short one.
        return self._line(BROKEN_OFF if self._ends_lines else None)

    def forget(self) -> None:
        """The device went away: what it had begun is nobody's."""
        self._rest, self._text, self._began_ns = b"", "", None
        self._dropping = self._lost = False

    def _event(self, kind: int, code: int, value: int, at_ns: int) -> Iterator[Line]:
        if kind == EV_SYN:
            self._sync(code, at_ns)
        elif kind == EV_KEY and value == DOWN and not self._dropping:
            before = self.idle(at_ns)
            if before is not None:
                yield before
            yield from self._key(code, at_ns)

    def _sync(self, code: int, at_ns: int) -> None:
        """The kernel's buffer ran over: what comes up to the next report is incomplete, and with it the whole number."""
        if code == SYN_DROPPED:
            self._dropping = self._lost = True
            self._began_ns = at_ns if self._began_ns is None else self._began_ns
            self._last_ns = at_ns
        elif code == SYN_REPORT:
            self._dropping = False

    def _key(self, code: int, at_ns: int) -> Iterator[Line]:
        if code in _SILENT:
            return
        if code in _ENDS:
            self._ends_lines = True
            if self._began_ns is not None:
                yield self._line(None)
            return
        self._began_ns = at_ns if self._began_ns is None else self._began_ns
        self._last_ns = at_ns
        if len(self._text) <= _LONGEST:
            self._text += KEYS.get(code, _STRANGE)

    def _line(self, why: str | None) -> Line:
        text, began = self._text, self._began_ns or 0
        if self._lost:
            why = TOO_FAST
        elif why is None and len(text) > _LONGEST:
            why = TOO_LONG
        self._text, self._began_ns, self._lost = "", None, False
        return Line(text="" if why else text, began_ns=began, why=why)


def _moment(seconds: int, micros: int, now_ns: int) -> int:
    """The kernel's own stamp, where it is of the boot clock and lies just before; else now."""
    at_ns = seconds * 1_000_000_000 + micros * 1000
    return at_ns if 0 <= now_ns - at_ns <= _BELIEVED_NS else now_ns
