"""The code of a declaration of works, scanned before a tap: it chooses that declaration, as a button does."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from typing import Final

from kiosk.identifiers import DeclarationNumber
from kiosk.model import Press
from kiosk.presses import Pending, Presses, Wish
from kiosk.settings import Declaration

_log = logging.getLogger(__name__)

#: A scanner types, and of a typed character only the key is known: what stands above a key on a US keyboard is that key.
_KEYS: Final = str.maketrans('!@#$%^&*()_+{}|:"<>?~', "1234567890-=[]\\;',./`")
#: A number within an address, and not within a longer word.
_WORD: Final = "(?<![A-Z0-9]){}(?![A-Z0-9])"


def meant(text: str, declarations: Sequence[Declaration]) -> DeclarationNumber | None:
    """Which declaration a scanned code stands for: its number, its link, or an address that has its number in it.

    What the service writes into its QR codes is not known (facts, rsz-service, section 4.1): so whatever names exactly one of the
    configured declarations counts.

    Args:
        text: As it was scanned or typed, in any case, with or without shift.
        declarations: The configured ones.

    Returns:
        Its number; None where none is meant, or several.
    """
    plain = _plain(text)
    found = {
        each.number
        for each in declarations
        if (each.url is not None and _plain(each.url) == plain) or re.search(_WORD.format(each.number.value.upper()), plain)
    }
    return found.pop() if len(found) == 1 else None


def claimer(
    declarations: Sequence[Declaration], presses: Presses, shown: Callable[[Press | None], None]
) -> Callable[[str, int], bool]:
    """Make what is asked of a code before it is taken for a badge: whether it was a declaration's, which then waits for its tap.

    The tap may be at any reader: the scanner is none that badges are laid on.

    Args:
        declarations: The configured ones.
        presses: Where it waits.
        shown: Told that a declaration was chosen (None), as by a button.
    """

    def claim(text: str, boot_ns: int) -> bool:
        number = meant(text, declarations)
        if number is None:
            return False
        presses.note(Pending(wish=Wish(declaration=number), reader=None, boot_ns=boot_ns))
        shown(None)
        _log.info("declaration scanned", extra={"declaration": number.value})
        return True

    return claim


def _plain(text: str) -> str:
    return text.strip().upper().translate(_KEYS)
