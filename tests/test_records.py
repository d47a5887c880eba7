"""kiosk.records writes values small and for good, and refuses whatever it did not write."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.cards import UID_LENGTHS
from kiosk.errors import SealBroken
from kiosk.identifiers import CardId, DeclarationNumber, EnterpriseNumber, ForeignVatNumber
from kiosk.model import Coordinates, Direction, Draft, Located, Profile
from kiosk.records import (
    card_bytes,
    employer_text,
    group_bytes,
    pack_card,
    pack_draft,
    pack_profile,
    pack_remarks,
    unpack_card,
    unpack_draft,
    unpack_located,
    unpack_profile,
    unpack_remarks,
)
from tests.people import (
    CANARY,
    CANARY_CARD,
    CANARY_INSZ,
    DECLARATION,
    EMPLOYER,
    OTHER_DECLARATION,
    OTHER_EMPLOYER,
    PLACE,
    invented_insz,
)

FOREIGN = ForeignVatNumber("IE1234567+W")
PEOPLE = st.builds(invented_insz, st.integers(0, 299_999))
EMPLOYERS = st.sampled_from([None, EMPLOYER, OTHER_EMPLOYER, FOREIGN])
DECLARATIONS = st.sampled_from([None, DECLARATION, OTHER_DECLARATION])
PLACES = st.builds(Coordinates, st.floats(-90, 90), st.floats(-180, 180))
DRAFTS = st.builds(
    Draft,
    ssin=PEOPLE,
    direction=st.sampled_from(Direction),
    at_ms=st.integers(0, 2**52),
    employer=EMPLOYERS,
    place=PLACES,
    declaration=DECLARATIONS,
)
#: Text as a keyboard, a card or an import brings it: any character but half of a surrogate pair.
WORDS = st.text(st.characters(exclude_categories=["Cs"]))
PROFILES = st.builds(
    Profile,
    insz=PEOPLE,
    name=WORDS,
    language=st.none() | WORDS,
    employer=EMPLOYERS,
    declaration=DECLARATIONS,
    personnel_number=st.none() | WORDS,
)
CARDS = st.sampled_from(sorted(UID_LENGTHS)).flatmap(
    lambda size: st.builds(CardId, st.just("uid"), st.binary(min_size=size, max_size=size))
)

LOCATED = st.none() | st.builds(
    Located,
    place=st.builds(Coordinates, st.floats(-90, 90), st.floats(-180, 180)),
    error_meters=st.floats(0, 10_000),
    age_ms=st.integers(0, 3_600_000),
)


@given(DRAFTS)
def test_a_draft_written_is_the_draft_read(draft: Draft) -> None:
    """Person, direction, millisecond, employer, place and declaration come back exactly, or lack as they lacked."""
    assert unpack_draft(pack_draft(draft)) == draft


@given(PROFILES)
def test_a_profile_written_is_the_profile_read(profile: Profile) -> None:
    """A person comes back as typed, in whatever script."""
    assert unpack_profile(pack_profile(profile)) == profile


@given(st.lists(WORDS).map(tuple))
def test_remarks_written_are_the_remarks_read(remarks: tuple[str, ...]) -> None:
    """What the service remarked comes back word for word."""
    assert unpack_remarks(pack_remarks(remarks)) == remarks


@given(CARDS)
def test_a_card_written_is_the_card_read(card: CardId) -> None:
    """Kind and every byte of an identifier come back."""
    assert unpack_card(pack_card(card)) == card


@given(CARDS, LOCATED)
def test_where_the_box_was_is_kept_with_a_card(card: CardId, located: Located | None) -> None:
    """Beside it, so that whoever reads the card alone need not know."""
    packed = pack_card(card, located)
    assert (unpack_card(packed), unpack_located(packed)) == (card, located)


@pytest.mark.parametrize("packed", [b"uid:04a1b2c3@", b"uid:04a1b2c3@[1]", b"uid:04a1b2c3@x", b"uid:04a1b2c3@[1,2,3,4"])
def test_a_place_that_is_none_is_no_place(packed: bytes) -> None:
    """Nothing behind the mark is no place; anything else that is none is damage."""
    assert unpack_card(packed) == CardId.parse("04a1b2c3")
    if packed.endswith(b"@"):
        assert unpack_located(packed) is None
    else:
        with pytest.raises(SealBroken, match="a sealed place has an unknown shape"):
            unpack_located(packed)


def test_what_an_earlier_version_wrote_is_still_read() -> None:
    """The order of the fields on every box's disk means for good what it meant when it was shipped."""
    draft = b'["85073003328","in",1793602800000,"e:0206731645",50.8466,4.367,"1Y1003SQ5VSSZ"]'
    assert unpack_draft(draft) == Draft(
        ssin=CANARY_INSZ, direction=Direction.IN, at_ms=1_793_602_800_000, employer=EMPLOYER, place=PLACE, declaration=DECLARATION
    )
    held = b'["85073003328","out",1,null,50.8466,4.367,null]'
    assert unpack_draft(held) == Draft(
        ssin=CANARY_INSZ, direction=Direction.OUT, at_ms=1, employer=None, place=PLACE, declaration=None
    )
    profile = '["85073003328","Zéphyrine Kanarievogel","fr","v:IE1234567+W","1Y1003SQ5VSSZ","P-1"]'.encode()
    assert unpack_profile(profile) == replace(CANARY.profile, employer=FOREIGN, declaration=DECLARATION, personnel_number="P-1")
    assert unpack_card(b"uid:04c0ffeedead80") == CANARY_CARD
    assert unpack_remarks(b'["late"]') == ("late",)


def test_a_draft_is_small() -> None:
    """A row of the book stays small: an fsync is paid by the page."""
    packed = pack_draft(
        Draft(
            ssin=CANARY_INSZ,
            direction=Direction.IN,
            at_ms=1_793_602_800_000,
            employer=EMPLOYER,
            place=PLACE,
            declaration=DECLARATION,
        )
    )
    assert len(packed) < 130


STRANGE = [b"", b"{", b"null", b"5", b'"text"', b"[]", b"{}", b"\xff\xfe", b'["85073003328"]']


@pytest.mark.parametrize("packed", STRANGE)
def test_a_strange_draft_is_refused(packed: bytes) -> None:
    """What is no draft is refused as a broken seal, so its row is parked and the others flow; nothing of it is repeated."""
    with pytest.raises(SealBroken, match="registration") as refused:
        unpack_draft(packed)
    assert "85073003328" not in str(refused.value)
    assert refused.value.__suppress_context__


@pytest.mark.parametrize(
    "fields",
    [
        '"sideways",1,null,50.0,4.0,null',
        '"in",1,"x:0206731645",50.0,4.0,null',
        '"in",1,5,50.0,4.0,null',
        '"in",1,null,50.0,4.0',
        '"in",1,null,50.0,4.0,null,null',
    ],
)
def test_a_draft_with_strange_fields_is_refused(fields: str) -> None:
    """An unknown direction or kind of employer, or a field too few or too many, is not guessed."""
    with pytest.raises(SealBroken):
        unpack_draft(b'["85073003328",%s]' % fields.encode())


@pytest.mark.parametrize("packed", STRANGE)
def test_a_strange_profile_is_refused(packed: bytes) -> None:
    """What is no profile is refused as a broken seal."""
    with pytest.raises(SealBroken, match="profile"):
        unpack_profile(packed)


@pytest.mark.parametrize("packed", [b"", b"{", b"null", b"5", b'"text"', b"{}", b"\xff"])
def test_strange_remarks_are_refused(packed: bytes) -> None:
    """What is no list of remarks is refused as a broken seal: a text is not taken letter by letter."""
    with pytest.raises(SealBroken, match="remarks"):
        unpack_remarks(packed)


@pytest.mark.parametrize("packed", [b"", b"uid", b"uid:0", b"uid:0g", b"uid:04:c0", b"\xff:04", b"uid:\xff"])
def test_a_strange_card_is_refused(packed: bytes) -> None:
    """What is no card is refused as a broken seal."""
    with pytest.raises(SealBroken, match="card"):
        unpack_card(packed)


def test_an_employer_is_written_with_its_kind() -> None:
    """A foreign number can never be taken for an enterprise number."""
    assert employer_text(EnterpriseNumber("0206731645")) == "e:0206731645"
    assert employer_text(FOREIGN) == "v:IE1234567+W"


def test_a_group_is_one_employer_and_one_declaration() -> None:
    """Only the same employer and the same declaration share a call."""
    groups = {
        group_bytes(employer, declaration)
        for employer in (EMPLOYER, OTHER_EMPLOYER, FOREIGN)
        for declaration in (DECLARATION, OTHER_DECLARATION)
    }
    assert len(groups) == 6
    assert group_bytes(EMPLOYER, DeclarationNumber("1Y1003SQ5VSSZ")) == b"e:0206731645|1Y1003SQ5VSSZ"


def test_cards_are_told_apart_by_kind_and_bytes() -> None:
    """A short identifier is not the beginning of a long one, and the chip's make is no part of it."""
    assert card_bytes(CardId("uid", b"\x04\xa1\xb2\xc3")) == b"uid|\x04\xa1\xb2\xc3"
    assert card_bytes(CardId("uid", b"\x04\xa1\xb2\xc3")) != card_bytes(CardId("uid", b"\x04\xa1\xb2\xc3\0\0\0"))
