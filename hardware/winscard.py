"""The door to PC/SC: the one file that imports pyscard, by its lowest layer, with its result codes translated.

Importing it loads pyscard (some 15 ms); ``hardware.pcsc`` does so when it first needs a reader.
"""

from __future__ import annotations

from threading import Lock
from typing import Final

from smartcard import scard

from hardware.cards import GET_UID, Absent, Failed, Reading, corrected, reading
from hardware.pcsc_codes import Code, Denied, Kind, Outage, meaning

_ANY_PROTOCOL: Final = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
#: What may come of a card without the service being at fault; a refusal concerns this card's reader.
_NO_CARD: Final = (Kind.ABSENT, Kind.CARD, Kind.DENIED)


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

    def read(self, name: str) -> Reading:
        """Ask the card on reader ``name`` for its identifier, on a connection made for this and closed after.

        Raises:
            Outage: The service or the reader is gone.
        """
        result, card, protocol = scard.SCardConnect(self._context, name, scard.SCARD_SHARE_SHARED, _ANY_PROTOCOL)
        code = _expect(result, *_NO_CARD)
        if code.kind is not Kind.DONE:
            return _no_card(code)
        try:
            return _identify(card, protocol)
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


def _identify(card: int, protocol: int) -> Reading:
    result, _name, _state, _protocol, atr = scard.SCardStatus(card)
    code = _expect(result, *_NO_CARD)
    if code.kind is not Kind.DONE:
        return _no_card(code)
    answer = _transmit(card, protocol, GET_UID)
    again = corrected(answer) if isinstance(answer, bytes) else None
    if again is not None:
        answer = _transmit(card, protocol, again)
    return reading(answer, bytes(atr)) if isinstance(answer, bytes) else answer


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
