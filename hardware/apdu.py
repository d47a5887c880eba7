"""Commands and answers of chip cards (ISO 7816-4), as conversations that do no I/O: whoever holds the card passes both on.

A conversation is a generator: it yields a command, is sent the card's whole answer with its two status bytes, and
returns what came of it. So a card's whole behaviour can be tried without a reader, byte by byte.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Final, TypeVar

from hardware.cards import Reading

T = TypeVar("T")
Exchange = Generator[bytes, bytes, T]

OK: Final = b"\x90\x00"
#: "File or application not found", and what cards say of a path or a name that they do not understand.
NOT_FOUND: Final = frozenset({b"\x6a\x80", b"\x6a\x82", b"\x6a\x86", b"\x6a\x87"})
#: "Offset outside the file": reading has come to its end.
PAST_THE_END: Final = b"\x6b\x00"

_WRONG_LENGTH: Final = 0x6C
_MORE: Final = 0x61
_STATUS_BYTES: Final = 2
#: Answers to one command: none that is meant here comes in more than two; a card that always has more is not waited for.
_LONGEST_ANSWER: Final = 8


@dataclass(frozen=True, slots=True)
class Manner:
    """How a kind of reader speaks to what lies on it.

    Attributes:
        converse: Begins a conversation with the card of this ATR.
        alone: Whether nobody else may speak to the card meanwhile (a file that is selected must stay selected), and a card
            that was read is left in peace until it is taken out.
    """

    converse: Callable[[bytes], Exchange[Reading]]
    alone: bool = False


def complete(command: bytes) -> Exchange[bytes]:
    """Send a command that ends with its Le, and follow 6C xx ("there are xx bytes") and 61 xx ("xx more wait").

    Returns:
        The data of all answers together, then the status of the last one; possibly cut short.
    """
    answer = yield command
    if len(answer) == _STATUS_BYTES and answer[0] == _WRONG_LENGTH:
        answer = yield command[:-1] + answer[1:]
    whole = b""
    for _ in range(_LONGEST_ANSWER):
        if len(answer) < _STATUS_BYTES or answer[-2] != _MORE:
            break
        whole += answer[:-2]
        answer = yield bytes((0x00, 0xC0, 0x00, 0x00, answer[-1]))
    return whole + answer


def select_path(path: bytes) -> bytes:
    """SELECT by absolute path, no answer data wanted."""
    return bytes((0x00, 0xA4, 0x08, 0x0C, len(path))) + path


def read_binary(offset: int, count: int) -> bytes:
    """READ BINARY: up to ``count`` bytes, 1 to 255, of the selected file from ``offset`` on, 0 to 32767."""
    return bytes((0x00, 0xB0, offset >> 8, offset & 0xFF, count))
