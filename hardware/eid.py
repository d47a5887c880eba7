"""The Belgian identity card by its contact chip, without PIN: which files are asked for, and what of them is kept. Pure.

Of everything on the card a registration needs the national number, until when the card is valid and what kind of card it
is. Applet 1.8 gives out single fields, and where no signature is to be checked only those three are asked for. Applet 1.7,
and every signature, covers the identity file as a whole: it is read, looked through, and dropped. Photo and address are
never selected.

Files, fields and ATRs are those of the issuer's documents (Public Belpic Applet V1.8, reference manual, 6.6 to 6.8; ID and
address file contents 5.0; facts, rsz-service, section 7). No card of flesh and blood was at hand: so a path is tried with
and without the master file, a card that gives no single fields is read whole, and what is not known is said in words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import date
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Final

from hardware.apdu import NOT_FOUND, OK, PAST_THE_END, Exchange, Manner, complete, read_binary, select_path
from hardware.cards import Document, Failed, Reading, by_radio

#: Judges an identity file by the issuer's signature and the certificate that stands beside it.
Proof = Callable[[bytes, bytes, bytes], bool]

IDENTITY: Final = bytes.fromhex("DF014031")
SIGNATURE: Final = bytes.fromhex("DF014032")
ISSUER: Final = bytes.fromhex("DF00503C")
_MASTER: Final = bytes.fromhex("3F00")

#: Fields of the identity file, by their tags.
VALID_FROM, VALID_UNTIL, NUMBER, KIND = 0x03, 0x04, 0x06, 0x0F
#: READ RECORD's first and last field, in pairs (reference manual, 6.8: CLA 80, and Le 00 for the whole of it).
_FIELDS: Final = ((VALID_FROM, VALID_UNTIL), (NUMBER, NUMBER), (KIND, KIND))

#: The largest block that middlewares ask for; Le 00 (256) is allowed, and less often tried.
_BLOCK: Final = 0xFF
#: No file read here is longer: a certificate is some 1.5 kB, and a card without an end is not read for ever.
_LONGEST: Final = 4096
#: A certificate begins 30 82 and two bytes of length.
_DER_HEAD: Final = 4

NOT_BELGIAN: Final = "this is no Belgian identity card, or it lies the wrong way round; the chip goes in first"
BY_RADIO: Final = "this reader needs the chip of an identity card; insert the card, or use your badge at the other reader"
UNLIKE_ITSELF: Final = "the identity card gave something else than an identity; take it out and insert it again"
DAMAGED: Final = "the identity card can't be read whole; take it out and insert it again"
NOT_GENUINE: Final = "the issuer's signature on this identity card is not right; use your badge"


class Applet(StrEnum):
    """What runs on the chip."""

    RSA = "beid-1.7"
    EC = "beid-1.8"


#: The older cards differ in bytes that tell versions and speeds (the mask of commons-eid's BeIDCardManager).
_RSA: Final = re.compile(rb"\x3B\x98.\x40....\x01\x01\xAD\x13[\x10-\x1F]", re.DOTALL)
_EC: Final = bytes.fromhex("3B7F96000080318065B085040120120FFF829000")
_DATE: Final = re.compile(rb"(\d\d)\.(\d\d)\.(\d{4})")


def applet(atr: bytes) -> Applet | None:
    """Tell which applet answers with this ATR; None: not a Belgian identity card's chip."""
    if _RSA.fullmatch(atr):
        return Applet.RSA
    return Applet.EC if atr == _EC else None


def manner(proof: Proof | None) -> Manner:
    """How a reader speaks to identity cards.

    Args:
        proof: Says whether this signature (third argument: the issuer's certificate) fits this identity file; None: no
            roots are installed, so that no signature can be judged, and the fewest bytes are read.
    """
    return Manner(converse=partial(converse, proof=proof), alone=True)


def proof_by(roots: Sequence[Path], fingerprints: Sequence[str]) -> Proof | None:
    """Judge by these roots, or not at all where there are none; raises ``ReaderLost``: one of them can't be used."""
    if not roots:
        return None
    from hardware.eid_proof import load_roots  # noqa: PLC0415  a box without roots needs no certificates

    return load_roots(roots, fingerprints).proves


def converse(atr: bytes, *, proof: Proof | None) -> Exchange[Reading]:
    """Speak to the card of this ATR; see ``manner``."""
    chip = applet(atr)
    if chip is None:
        return Failed(BY_RADIO if by_radio(atr) else NOT_BELGIAN)
    if (refused := (yield from _select(IDENTITY))) is not None:
        return refused
    if proof is None and chip is Applet.EC:
        fields = yield from _fields()
        if fields is not None:
            return judged(fields, chip, proven=False)
    file = yield from _read()
    if isinstance(file, Failed):
        return file
    fields = parse(file)
    if fields is None:
        return Failed(UNLIKE_ITSELF)
    if proof is None:
        return judged(fields, chip, proven=False)
    return (yield from _proven(judged(fields, chip, proven=True), file, proof))


def _proven(found: Reading, file: bytes, proof: Proof) -> Exchange[Reading]:
    """Ask for signature and issuer's certificate too, where there is something to prove."""
    if isinstance(found, Failed):
        return found
    if (yield from _select(SIGNATURE)) is not None:
        return Failed(DAMAGED)
    signature = yield from _read()
    if isinstance(signature, Failed) or (yield from _select(ISSUER)) is not None:
        return Failed(DAMAGED)
    issuer = yield from _read(_is_whole_certificate)
    if isinstance(issuer, Failed):
        return issuer
    return found if proof(file, signature, issuer) else Failed(NOT_GENUINE)


def judged(fields: Mapping[int, bytes], chip: Applet, *, proven: bool) -> Document | Failed:
    """Take from the fields of an identity file what is kept, or say that it is not one.

    Args:
        fields: By tag; others than those that are kept are not looked at.
        chip: Whose fields.
        proven: Whether their signature is or will be checked.
    """
    number, kind, until = fields.get(NUMBER, b""), fields.get(KIND, b"").strip(), _day(fields.get(VALID_UNTIL, b""))
    if not re.fullmatch(rb"\d{11}", number) or not re.fullmatch(rb"\d{1,2}", kind) or until is None:
        return Failed(UNLIKE_ITSELF)
    return Document(
        number=number.decode(),
        valid_from=_day(fields.get(VALID_FROM, b"")),
        valid_until=until,
        kind=int(kind),
        proven=proven,
        technology=chip.value,
    )


def parse(file: bytes) -> dict[int, bytes] | None:
    """Take an identity file apart: a byte of tag, the length, the value, tags rising; zeros after them fill the file.

    Returns:
        Each value by its tag, or None where the file is cut short or is not of this kind.
    """
    fields: dict[int, bytes] = {}
    at, last = 0, -1
    while at < len(file) and (file[at] > last or any(file[at:])):
        tag = file[at]
        count, at = _length(file, at + 1)
        if tag <= last or at + count > len(file):
            return None
        fields[tag], last = file[at : at + count], tag
        at += count
    return fields


def _length(file: bytes, at: int) -> tuple[int, int]:
    """Read a length and say where the value begins: seven bits a byte, the high bit says that another follows."""
    count = 0
    for place in range(at, len(file)):
        count = (count << 7) + (file[place] & 0x7F)
        if not file[place] & 0x80:
            return count, place + 1
    return len(file), len(file) + 1


def _day(text: bytes) -> date | None:
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    day, month, year = (int(part) for part in found.groups())
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _select(path: bytes) -> Exchange[Failed | None]:
    """Select a file. The manual leaves the master file out of a path; middlewares in the field write it."""
    for whole in (_MASTER + path, path):
        answer = yield select_path(whole)
        if answer == OK:
            return None
        if answer not in NOT_FOUND:
            return Failed(DAMAGED)
    return Failed(NOT_BELGIAN)


def _fields() -> Generator[bytes, bytes, dict[int, bytes] | None]:
    """Ask for single fields; None where the card does not give them out as the manual says."""
    found: dict[int, bytes] = {}
    for first, last in _FIELDS:
        answer = yield from complete(bytes((0x80, 0xB2, first, last, 0x00)))
        fields = parse(answer[:-2]) if answer.endswith(OK) else None
        if fields is None or not fields.keys() <= set(range(first, last + 1)):
            return None
        found |= fields
    return found


def _is_whole_certificate(file: bytes) -> bool:
    """Whether the file holds a DER structure with a length of two bytes; more than a thousand zeros follow it on the card."""
    return len(file) >= _DER_HEAD and len(file) >= _DER_HEAD + int.from_bytes(file[2:_DER_HEAD], "big")


def _read(is_enough: Callable[[bytes], bool] = lambda _file: False) -> Exchange[bytes | Failed]:
    """Read the selected file until it is enough, or to its end: a short block, or the answer that nothing is there."""
    file = b""
    while len(file) < _LONGEST:
        answer = yield from complete(read_binary(len(file), _BLOCK))
        block, status = answer[:-2], answer[-2:]
        if status == PAST_THE_END and file:
            return file
        if status != OK or not block:
            return Failed(DAMAGED)
        file += block
        if len(block) < _BLOCK or is_enough(file):
            return file
    return Failed(DAMAGED)
