"""hardware.eid asks a Belgian identity card for as little as it can, and takes nothing for an identity that is none."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware import eid
from hardware.cards import Absent, Document, Failed, Reading
from hardware.eid import Applet, Proof, applet, converse, judged, manner, parse
from hardware.eid_proof import Roots
from tests.idcards import (
    EC_ATR,
    FORBIDDEN,
    IDENTITY,
    ISSUER,
    RADIO_ATR,
    RSA_ATR,
    SIGNATURE,
    EidChip,
    ec_chip,
    ec_issuer,
    identity_file,
    rsa_chip,
    rsa_issuer,
)
from tests.people import CANARY_INSZ, CANARY_NAME

FILE = identity_file()
ROOTS = Roots([rsa_issuer().root, ec_issuer().root])
CHIPS = pytest.mark.parametrize(("make", "atr"), [(rsa_chip, RSA_ATR), (ec_chip, EC_ATR)], ids=["1.7", "1.8"])


def read(card: Callable[[bytes], bytes], atr: bytes, proof: Proof | None = ROOTS.proves) -> Reading:
    """Carry commands and answers between the conversation and a card, as the door to PC/SC does."""
    conversation = manner(proof).converse(atr)
    try:
        command = next(conversation)
        while True:
            command = conversation.send(card(command))
    except StopIteration as ended:
        outcome: Reading = ended.value
        return outcome


@CHIPS
@pytest.mark.parametrize("proven", [True, False])
def test_an_identity_card_gives_what_a_registration_needs(make: Callable[[], EidChip], atr: bytes, *, proven: bool) -> None:
    """Number, validity and kind; with installed roots, proven up to one of them."""
    found = read(make(), atr, ROOTS.proves if proven else None)
    assert found == Document(
        number=CANARY_INSZ.digits,
        valid_from=date(2020, 1, 1),
        valid_until=date(2035, 12, 31),
        kind=1,
        proven=proven,
        technology="beid-1.8" if atr == EC_ATR else "beid-1.7",
    )


@CHIPS
def test_photo_and_address_are_never_selected(make: Callable[[], EidChip], atr: bytes) -> None:
    """With roots the identity file, its signature and the issuer; without them the identity file alone."""
    chip = make()
    read(chip, atr)
    assert chip.selected == [IDENTITY, SIGNATURE, ISSUER]
    chip = make()
    read(chip, atr, None)
    assert chip.selected == [IDENTITY]
    assert not set(FORBIDDEN) & set(chip.selected)


def test_the_newer_cards_tell_single_fields_and_no_name() -> None:
    """Where no signature is to be checked, nothing leaves the chip but number, validity and kind."""
    chip = ec_chip()
    read(chip, EC_ATR, None)
    assert b"".join(chip.told) == b"\x03\x0a01.01.2020\x04\x0a31.12.2035\x06\x0b" + CANARY_INSZ.digits.encode() + b"\x0f\x011"


@CHIPS
def test_nothing_else_of_the_card_is_kept(make: Callable[[], EidChip], atr: bytes) -> None:
    """The name was read with the file, and is gone; and what is kept does not show itself."""
    found = read(make(), atr)
    assert isinstance(found, Document)
    kept = [getattr(found, name) for name in Document.__slots__]
    assert CANARY_NAME not in str(kept)
    assert CANARY_INSZ.digits not in repr(found)


def test_a_card_without_single_fields_is_read_whole() -> None:
    """The manual may be wrong about a card, or we about the manual."""
    chip = ec_chip()
    chip.records = False
    assert isinstance(read(chip, EC_ATR, None), Document)
    assert chip.selected == [IDENTITY]


def test_a_field_that_was_not_asked_for_is_not_believed() -> None:
    """A chip that answers with another record is read whole and told by its file."""
    chip = ec_chip()

    def card(command: bytes) -> bytes:
        return b"\x07\x03Abc\x90\x00" if command[:2] == b"\x80\xb2" else chip(command)

    found = read(card, EC_ATR, None)
    assert isinstance(found, Document)
    assert found.number == CANARY_INSZ.digits


@CHIPS
@pytest.mark.parametrize("master_first", [True, False])
def test_a_path_is_tried_with_and_without_the_master_file(make: Callable[[], EidChip], atr: bytes, *, master_first: bool) -> None:
    """The manual leaves it out, middlewares write it."""
    chip = make()
    chip.master_first = master_first
    assert isinstance(read(chip, atr), Document)


@CHIPS
def test_a_chip_that_gives_what_there_is_is_read_as_well(make: Callable[[], EidChip], atr: bytes) -> None:
    """Instead of 6C xx some answer with a short block."""
    chip = make()
    chip.strict = False
    assert isinstance(read(chip, atr), Document)


@pytest.mark.parametrize("size", [254, 255, 256, 509, 510, 511])
def test_a_file_that_ends_at_a_block_is_read_whole(size: int) -> None:
    """The last block may be full: then the answer 6B 00 says that nothing follows."""
    short = identity_file(name="")
    file = identity_file(name="x" * (size - len(short))) if size - len(short) < 128 else short + bytes(size - len(short))
    assert len(file) == size
    assert isinstance(read(rsa_chip(file), RSA_ATR), Document)


def test_the_zeros_behind_the_issuer_are_not_read() -> None:
    """A certificate says how long it is; on the card a thousand zeros follow, and each block takes time."""
    chip = ec_chip()
    read(chip, EC_ATR)
    certificate = len(ec_issuer().file) - 1100
    read_of_it = sum(len(block) for block in chip.told) - len(FILE) - len(ec_issuer().sign(FILE))
    assert certificate <= read_of_it <= certificate + 255


@pytest.mark.parametrize(
    ("atr", "is_one"),
    [
        ("3B9813400AA503010101AD1311", Applet.RSA),
        ("3B9894400AA503010101AD1310", Applet.RSA),
        ("3B989440FFA503010101AD1310", Applet.RSA),
        ("3B7F96000080318065B085040120120FFF829000", Applet.EC),
        ("3B7F96000080318065B085040120120FFF829001", None),
        ("3B9813400AA503010101AD1321", None),
        ("3B9813400AA503010101AD13", None),
        ("", None),
    ],
)
def test_the_applet_is_told_by_the_atr(atr: str, is_one: Applet | None) -> None:
    """The older cards by a mask, the newer by the whole."""
    assert applet(bytes.fromhex(atr)) is is_one


def test_another_card_is_told_what_is_wanted() -> None:
    """Nothing is sent to a chip that is no Belgian identity card, nor to a badge on a combined reader."""

    def silent(command: bytes) -> bytes:
        raise AssertionError(command)

    assert read(silent, bytes.fromhex("3B00")) == Failed(eid.NOT_BELGIAN)
    assert read(silent, RADIO_ATR) == Failed(eid.BY_RADIO)


def test_a_chip_of_the_same_make_is_no_identity_card() -> None:
    """The ATR of the newer cards is their chip's: other cards have it, and no such file."""
    assert read(EidChip({}), EC_ATR) == Failed(eid.NOT_BELGIAN)


@CHIPS
def test_a_forged_file_is_not_taken(make: Callable[[bytes], EidChip], atr: bytes) -> None:
    """A number changed after it was signed, or a signature or an issuer of somebody else: refused, with the reason."""
    good = make(FILE)
    other = (rsa_chip if atr == EC_ATR else ec_chip)().files
    forged = identity_file(CANARY_INSZ.digits[:-2] + "00")
    for changed in ({IDENTITY: forged}, {SIGNATURE: other[SIGNATURE]}, {ISSUER: other[ISSUER]}):
        assert read(EidChip({**good.files, **changed}), atr) == Failed(eid.NOT_GENUINE)


@CHIPS
@pytest.mark.parametrize("lacking", [SIGNATURE, ISSUER])
def test_a_card_without_its_proof_is_not_taken(make: Callable[[], EidChip], atr: bytes, lacking: str) -> None:
    """With roots installed, an identity without signature or issuer is none."""
    chip = make()
    del chip.files[lacking]
    assert read(chip, atr) == Failed(eid.DAMAGED)


@CHIPS
def test_a_truncated_file_is_no_identity(make: Callable[[bytes], EidChip], atr: bytes) -> None:
    """Wherever it was cut, in a field or between two: it says so, or the signature does."""
    for size in range(1, len(FILE)):
        found = read(EidChip({**make(FILE).files, IDENTITY: FILE[:size]}), atr)
        assert isinstance(found, Failed)


@CHIPS
@pytest.mark.parametrize("status", ["6982", "6D00", "6581", "9000", "90", ""])
def test_a_chip_that_refuses_to_be_read_is_damaged(make: Callable[[], EidChip], atr: bytes, status: str) -> None:
    """Any other answer than data ends the conversation with a reason."""
    chip = make()

    def card(command: bytes) -> bytes:
        return chip(command) if command[1] == 0xA4 else bytes.fromhex(status)

    assert read(card, atr) == Failed(eid.DAMAGED)
    assert isinstance(read(lambda _command: b"\x69\x85", atr), Failed)


def test_a_file_without_end_is_left() -> None:
    """A chip that always gives full blocks does not keep the reader."""
    asked = 0

    def card(command: bytes) -> bytes:
        nonlocal asked
        asked += 1
        return b"\x90\x00" if command[1] == 0xA4 else bytes(255) + b"\x90\x00"

    assert read(card, RSA_ATR) == Failed(eid.DAMAGED)
    assert asked < 30


@pytest.mark.parametrize(
    "changes",
    [
        {"number": "8507300332"},
        {"number": "8507300332X"},
        {"until": ""},
        {"until": "31.02.2030"},
        {"until": "2030-12-31"},
        {"kind": ""},
        {"kind": "X"},
        {"kind": "123"},
    ],
)
def test_a_file_that_lacks_what_is_needed_is_no_identity(changes: dict[str, str]) -> None:
    """Number, last day and kind are mandatory on every card; one that says otherwise is not guessed at."""
    assert read(ec_chip(identity_file(**changes)), EC_ATR) == Failed(eid.UNLIKE_ITSELF)
    assert read(ec_chip(identity_file(**changes)), EC_ATR, None) == Failed(eid.UNLIKE_ITSELF)


def test_a_card_that_does_not_say_since_when_is_taken() -> None:
    """Its first day is of no use but to refuse a card that is not valid yet."""
    found = read(ec_chip(identity_file(begin="")), EC_ATR)
    assert isinstance(found, Document)
    assert found.valid_from is None


def test_a_document_of_another_kind_is_told_by_its_number() -> None:
    """Which kinds count is not decided here."""
    found = read(rsa_chip(identity_file(kind="36")), RSA_ATR)
    assert isinstance(found, Document)
    assert found.kind == 36


def test_fields_are_taken_apart() -> None:
    """Tags rise; a length of more than 127 has more than one byte; zeros behind the last field fill the file up."""
    assert parse(FILE)[eid.NUMBER] == CANARY_INSZ.digits.encode()  # type: ignore[index]  # it is no None
    assert parse(b"\x01\x01A\x07\x81\x00" + b"x" * 128 + bytes(9)) == {1: b"A", 7: b"x" * 128}
    assert parse(b"") == {}
    for broken in (b"\x01", b"\x01\x80", b"\x01\x05ABCD", b"\x02\x01A\x01\x01B", b"\x01\x01A\x01\x01B", b"\x01\x01A\x00\x00\x01"):
        assert parse(broken) is None


def damage(dice: random.Random) -> bytes:
    """An identity file after bad luck: bytes changed, cut out, doubled; or bytes that never were one."""
    if dice.random() < 0.2:
        return dice.randbytes(dice.randrange(300))
    file = bytearray(FILE)
    for _ in range(dice.randrange(1, 6)):
        at = dice.randrange(len(file) + 1)
        match dice.randrange(3):
            case 0:
                file[at : at + 1] = dice.randbytes(1)
            case 1:
                del file[at : at + dice.randrange(1, 40)]
            case _:
                file[at:at] = file[: dice.randrange(40)]
    return bytes(file)


def fuzz(count: int, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311  it only makes bytes
    for _ in range(count):
        fields = parse(damage(dice))
        if fields is not None:
            found = judged(fields, Applet.EC, proven=True)
            assert isinstance(found, Document | Failed)
            if isinstance(found, Document):
                assert found.number.isdigit()
                assert len(found.number) == 11


def test_no_identity_file_breaks_it() -> None:
    """A hundred thousand damaged files end as an identity or as a reason."""
    fuzz(100_000, seed=1)


@pytest.mark.long
def test_no_identity_file_breaks_it_for_long() -> None:
    """Nor does a million."""
    fuzz(1_000_000, seed=2)


@given(st.lists(st.binary(max_size=300), max_size=60), st.sampled_from([RSA_ATR, EC_ATR]), st.booleans())
def test_no_answers_break_the_conversation(answers: list[bytes], atr: bytes, roots: bool) -> None:  # noqa: FBT001  hypothesis gives it
    """Whatever a chip answers, in whatever order: an outcome, and never an exception."""
    script = iter(answers)
    outcome = read(lambda _command: next(script, b"\x90\x00"), atr, ROOTS.proves if roots else None)
    assert isinstance(outcome, Document | Failed)
    assert not isinstance(outcome, Absent)


def test_a_conversation_is_a_generator_that_only_speaks() -> None:
    """It holds no card, no clock and no file, and can be left at any point."""
    conversation: Generator[bytes, bytes, Reading] = converse(EC_ATR, proof=None)
    next(conversation)
    conversation.close()
