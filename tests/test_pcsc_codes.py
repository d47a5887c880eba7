from __future__ import annotations

import pytest

from hardware.pcsc_codes import Kind, meaning


@pytest.mark.parametrize(
    ("result", "name", "kind"),
    [
        (0, "SCARD_S_SUCCESS", Kind.DONE),
        (0x80100013, "SCARD_F_COMM_ERROR", Kind.OUTAGE),
        (0x8010001D, "SCARD_E_NO_SERVICE", Kind.OUTAGE),
        (0x8010002E, "SCARD_E_NO_READERS_AVAILABLE", Kind.NO_READER),
        (0x80100009, "SCARD_E_UNKNOWN_READER", Kind.OUTAGE),
        (0x8010000C, "SCARD_E_NO_SMARTCARD", Kind.ABSENT),
        (0x80100069, "SCARD_W_REMOVED_CARD", Kind.ABSENT),
        (0x80100066, "SCARD_W_UNRESPONSIVE_CARD", Kind.CARD),
        (0x80100016, "SCARD_E_NOT_TRANSACTED", Kind.CARD),
        (0x8010000B, "SCARD_E_SHARING_VIOLATION", Kind.CARD),
        (0x8010006A, "SCARD_W_SECURITY_VIOLATION", Kind.DENIED),
        (0x80100002, "SCARD_E_CANCELLED", Kind.WAITED),
    ],
)
def test_signed_and_unsigned_results_mean_the_same(result: int, name: str, kind: Kind) -> None:
    """A code has one meaning, whichever way the library hands the word over."""
    signed = result - (1 << 32) if result & 0x80000000 else result
    for word in (result, signed):
        code = meaning(word)
        assert (code.name, code.kind) == (name, kind)


def test_an_unknown_code_is_named_in_hex() -> None:
    """What is not in the table can still be looked up by its figure."""
    code = meaning(-0x7FEFFF01)
    assert code.name == "0x801000FF"
    assert code.kind is Kind.CARD
    assert "0x801000FF" in code.why


def test_whatever_is_blamed_on_the_card_has_words_for_the_worker() -> None:
    """No code leaves somebody at the reader without a reason."""
    for word in range(0x80100000, 0x80100080):
        code = meaning(word)
        assert (code.kind in {Kind.CARD, Kind.DENIED}) == bool(code.why)
