"""kiosk.vault seals a field for one row and one name, and indexes nothing that could be guessed without the key."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.errors import SealBroken
from kiosk.records import card_bytes
from kiosk.vault import KEY_BYTES, Field, Index, Vault, new_uid
from tests.people import CANARY_CARD, CANARY_INSZ, invented_insz
from tests.stores import KEY, VAULT

UID = bytes(range(16))
PLAIN = CANARY_INSZ.digits.encode()


@given(st.binary(max_size=200), st.sampled_from(Field), st.binary(min_size=16, max_size=16))
def test_what_was_sealed_opens_for_its_field_and_row(plain: bytes, field: Field, uid: bytes) -> None:
    """Every value, also an empty one, opens again with the same key, by another process's vault too."""
    assert Vault(KEY).open(field, uid, VAULT.seal(field, uid, plain)) == plain


def test_a_sealed_value_shows_nothing() -> None:
    """The plain value is not in the sealed one, and the same value is never sealed the same twice."""
    first, second = VAULT.seal(Field.BADGE, UID, PLAIN), VAULT.seal(Field.BADGE, UID, PLAIN)
    assert PLAIN not in first
    assert first != second
    assert len(first) == len(PLAIN) + 1 + 12 + 16


@pytest.mark.parametrize("field", Field)
def test_a_value_moved_to_another_field_does_not_open(field: Field) -> None:
    """A value copied into another field of the same row is refused: a name can't be made a number."""
    for other in set(Field) - {field}:
        with pytest.raises(SealBroken):
            VAULT.open(other, UID, VAULT.seal(field, UID, PLAIN))


def test_a_value_moved_to_another_row_does_not_open() -> None:
    """A value copied into somebody else's row is refused: no registration can be given another person."""
    sealed = VAULT.seal(Field.REGISTRATION, UID, PLAIN)
    for place in range(16):
        other = bytearray(UID)
        other[place] ^= 1
        with pytest.raises(SealBroken):
            VAULT.open(Field.REGISTRATION, bytes(other), sealed)


def test_another_key_opens_nothing() -> None:
    """With a key that differs by one bit nothing opens."""
    sealed = VAULT.seal(Field.BADGE, UID, PLAIN)
    for place in (0, 15, 31):
        key = bytearray(KEY)
        key[place] ^= 1
        with pytest.raises(SealBroken):
            Vault(bytes(key)).open(Field.BADGE, UID, sealed)


def test_every_damaged_bit_is_noticed() -> None:
    """Whatever single bit of a sealed value flips, it no longer opens."""
    sealed = VAULT.seal(Field.TAP, UID, b"short")
    for bit in range(8 * len(sealed)):
        damaged = bytearray(sealed)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SealBroken):
            VAULT.open(Field.TAP, UID, bytes(damaged))


def test_every_truncation_is_noticed() -> None:
    """A value that lost its end, or all of it, or gained something, no longer opens."""
    sealed = VAULT.seal(Field.TAP, UID, b"short")
    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            VAULT.open(Field.TAP, UID, sealed[:length])
    with pytest.raises(SealBroken):
        VAULT.open(Field.TAP, UID, sealed + b"\0")


def test_a_refusal_tells_the_field_and_no_value() -> None:
    """What does not open is named by its field; neither value nor key is in the words or behind them."""
    sealed = VAULT.seal(Field.BADGE, UID, PLAIN)
    with pytest.raises(SealBroken, match="a sealed profile does not open") as refused:
        VAULT.open(Field.PROFILE, UID, sealed)
    assert refused.value.__cause__ is None
    with pytest.raises(SealBroken, match="a sealed badge is damaged"):
        VAULT.open(Field.BADGE, UID, b"")


def test_thirty_thousand_nonces_are_all_different() -> None:
    """A nonce is never used again: with GCM one repetition would give the seal away."""
    nonces = {VAULT.seal(Field.TAP, UID, b"")[1:13] for _ in range(30_000)}
    assert len(nonces) == 30_000


def test_uids_are_random_and_sixteen_bytes() -> None:
    """A row's uid is chosen before the row exists, so it can't be its number."""
    uids = {new_uid() for _ in range(1000)}
    assert len(uids) == 1000
    assert {len(uid) for uid in uids} == {16}


def test_an_index_finds_the_same_value_again() -> None:
    """The same value has the same index in every process with this key, sixteen bytes long."""
    index = VAULT.index(Index.INSZ, PLAIN)
    assert index == Vault(KEY).index(Index.INSZ, PLAIN)
    assert len(index) == 16


def test_each_index_has_its_own_key() -> None:
    """The same bytes as a card, a number and a group have three unlike indexes: nobody learns that they are the same."""
    assert len({VAULT.index(index, PLAIN) for index in Index}) == len(Index)


def test_an_index_can_not_be_guessed_without_the_key() -> None:
    """The index of another store differs, and no plain hash of the number gives it: there are few numbers, all could be tried."""
    index = VAULT.index(Index.INSZ, PLAIN)
    assert index != Vault(bytes(32)).index(Index.INSZ, PLAIN)
    for name in ("md5", "sha1", "sha256", "sha3_256", "blake2b"):
        assert not hashlib.new(name, PLAIN).digest().startswith(index[:8])


def test_different_people_and_cards_have_different_indexes() -> None:
    """Ten thousand people have ten thousand indexes, and four, seven and ten bytes of one card never meet."""
    assert len({VAULT.index(Index.INSZ, invented_insz(number).digits.encode()) for number in range(10_000)}) == 10_000
    assert VAULT.index(Index.CARD, card_bytes(CANARY_CARD)) != VAULT.index(Index.CARD, CANARY_CARD.identifier)


def test_seal_and_index_never_share_a_key() -> None:
    """What seals and what indexes are derived apart, and none of them is the store key itself."""
    keys = set(VAULT._index_keys.values())
    assert len(keys) == len(Index)
    assert KEY not in keys
    assert {len(key) for key in keys} == {32}


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_store_key_has_thirty_two_bytes(length: int) -> None:
    """A key of any other length is no key, and is not repeated."""
    assert KEY_BYTES == 32
    with pytest.raises(ValueError, match="32 bytes") as refused:
        Vault(bytes(length))
    assert repr(bytes(length)) not in str(refused.value)


def test_the_names_of_sealed_fields_never_change() -> None:
    """The words that are authenticated with every value on disk stay as they were shipped: a renamed one would lock it all."""
    shipped = {"check", "badge", "profile", "tap", "registration", "remarks", "evidence"}
    assert shipped <= {field.value for field in Field}
    assert {"card", "insz", "group"} <= {index.value for index in Index}


def test_what_an_earlier_version_sealed_still_opens() -> None:
    """A value sealed by the first version opens, and its indexes are found: format, derivation and context are unchanged."""
    sealed = bytes.fromhex("01c6bd664ae285282200fadf0a3c162ab1505416166fdc4a2f6cd29d39efce63891b9dfd38")
    assert VAULT.open(Field.PROFILE, UID, sealed) == b"invented"
    assert VAULT.index(Index.CARD, b"invented").hex() == "3d7a1b34dc083a71f259b9486f3e373d"
