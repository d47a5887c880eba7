"""The door to PC/SC: the one file that imports pyscard, by its lowest layer, with its result codes translated.

Importing it loads pyscard (some 15 ms); ``hardware.pcsc`` does so when it first needs a reader.
"""

from __future__ import annotations

import time
from threading import Lock
from typing import Final

from smartcard import scard

from hardware import badge
from hardware.apdu import Exchange, Manner
from hardware.cards import Absent, Failed, Reading
from hardware.pcsc_codes import Code, Denied, Kind, Outage, meaning

_ANY_PROTOCOL: Final = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
#: What may come of a card without the service being at fault; a refusal concerns this card's reader.
_NO_CARD: Final = (Kind.ABSENT, Kind.CARD, Kind.DENIED)
#: No further command is sent to a card after so long; an answer can take some seconds, and is waited for.
_BUDGET_SECONDS: Final = 30.0
TOO_SLOW: Final = "the card answers too slowly; take it out and try again, or use another"


class Session:
    """One PC/SC context, thrown away at the first sign that it is dead.

    All methods but ``cancel`` belong to the one thread that made it.

    Raises:
        Outage: No PC/SC service answers.
        Denied: It refuses this user.
    """

    def __init__(self) -> None:
        self._guard = Lock()
        self._open = False
        result, self._context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
        _expect(result)
        self._open = True

    def readers(self) -> tuple[str, ...]:
        """Name the readers plugged in now; raises ``Outage`` or ``Denied``."""
        result, names = scard.SCardListReaders(self._context, [])
        code = _expect(result, Kind.NO_READER)
        return tuple(names) if code.kind is Kind.DONE else ()

    def changes(self, known: dict[str, int], timeout_ms: int) -> dict[str, int]:
        """Wait until a reader's state differs from the one known, or the time is over.

        Args:
            known: The state last told, by reader; 0 where none is.
            timeout_ms: How long at most, milliseconds.

        Returns:
            The states now, by reader; empty when nothing changed or ``cancel`` was called.

        Raises:
            Outage: The service or one of the readers is gone.
            Denied: The service refuses this user.
        """
        result, states = scard.SCardGetStatusChange(self._context, timeout_ms, list(known.items()))
        if _expect(result, Kind.WAITED).kind is Kind.WAITED:
            return {}
        return {name: state for name, state, _atr in states}

    def read(self, name: str, manner: Manner = badge.MANNER) -> Reading:
        """Speak to the card on reader ``name``, on a connection made for this and closed after.

        Raises:
            Outage: The service or the reader is gone.
        """
        share = scard.SCARD_SHARE_EXCLUSIVE if manner.alone else scard.SCARD_SHARE_SHARED
        result, card, protocol = scard.SCardConnect(self._context, name, share, _ANY_PROTOCOL)
        code = _expect(result, *_NO_CARD)
        if code.kind is not Kind.DONE:
            return _no_card(code)
        try:
            return _speak(card, protocol, manner)
        finally:
            # The card stays powered: some draw a new random number each time they are woken.
            scard.SCardDisconnect(card, scard.SCARD_LEAVE_CARD)

    def cancel(self) -> None:
        """End a wait in ``changes`` at once; from any thread. A wait that has not begun yet is not ended."""
        with self._guard:
            if self._open:
                scard.SCardCancel(self._context)

    def close(self) -> None:
        """Let the context go; its errors say nothing new."""
        with self._guard:
            self._open = False
            scard.SCardReleaseContext(self._context)


def _speak(card: int, protocol: int, manner: Manner) -> Reading:
    result, _name, _state, _protocol, atr = scard.SCardStatus(card)
    code = _expect(result, *_NO_CARD)
    if code.kind is not Kind.DONE:
        return _no_card(code)
    return _pass_on(card, protocol, manner.converse(bytes(atr)))


def _pass_on(card: int, protocol: int, conversation: Exchange[Reading]) -> Reading:
    """Carry commands to the card and answers back until the conversation ends, or the card does not answer."""
    end = time.monotonic() + _BUDGET_SECONDS
    try:
        command = next(conversation)
        while time.monotonic() < end:
            answer = _transmit(card, protocol, command)
            if not isinstance(answer, bytes):
                return answer
            command = conversation.send(answer)
    except StopIteration as ended:
        outcome: Reading = ended.value
        return outcome
    return Failed(TOO_SLOW)


def _transmit(card: int, protocol: int, command: bytes) -> bytes | Absent | Failed:
    result, answer = scard.SCardTransmit(card, protocol, list(command))
    code = _expect(result, *_NO_CARD)
    return bytes(answer) if code.kind is Kind.DONE else _no_card(code)


def _no_card(code: Code) -> Absent | Failed:
    return Absent() if code.kind is Kind.ABSENT else Failed(code.why)


def _expect(result: int, *kinds: Kind) -> Code:
    code = meaning(result)
    if code.kind is Kind.DONE or code.kind in kinds:
        return code
    raise (Denied if code.kind is Kind.DENIED else Outage)(code.name)
