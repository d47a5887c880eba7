"""kiosk.verification names every entry of a chain that was changed, removed or moved, and clears those that were not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from kiosk.evidence import BEGINNING, Entry, Kept, link, opened, prepare
from kiosk.signing import Signature, Signer
from kiosk.verification import Finding, Walk, in_order
from tests.stores import VAULT

SIGNER = Signer(Ed25519PrivateKey.generate())
AT_MS = 1_793_602_800_000
LENGTH = 12


def chain(length: int = LENGTH) -> list[Kept]:
    """Entries as the kiosk writes them."""
    entries: list[Kept] = []
    previous = BEGINNING
    for number in range(1, length + 1):
        each = prepare(VAULT, Entry.VERDICT, f"registration:{number}", facts={"state": "accepted", "number": number})
        previous = hashed(previous, number, each.kind, each.subject, each.commitment)
        entries.append(Kept(number, each.uid, AT_MS, each.kind, each.subject, each.sealed, each.commitment, previous))
    return entries


def hashed(previous: bytes, number: int, kind: str, subject: str, commitment: bytes) -> bytes:
    return link(previous, number=number, at_ms=AT_MS, kind=kind, subject=subject, commitment=commitment)


GOOD = chain()


def matches(entry: Kept) -> bool:
    try:
        return opened(VAULT, entry.uid, entry.sealed or b"").commitment == entry.commitment
    except Exception:  # noqa: BLE001  whatever keeps it from opening
        return False


def signed(entries: Sequence[Kept], number: int) -> Signature:
    return SIGNER.sign(entry=number, at_ms=AT_MS, digest=entries[number - 1].hash or b"")


def judged(entries: Sequence[Kept], *signatures: Signature) -> list[Finding]:
    walk = Walk(signatures=signatures, matches=matches)
    for entry in entries:
        walk.take(entry)
    return walk.findings()


def named(findings: Sequence[Finding]) -> str:
    return "; ".join(each.told for each in findings)


def test_a_chain_as_it_was_written_is_whole() -> None:
    """Nothing is found, and it is told how far it is signed and that nothing was erased."""
    walk = Walk(signatures=[signed(GOOD, 5)], matches=matches)
    for entry in GOOD:
        walk.take(entry)
    assert walk.findings() == []
    assert (walk.entries, walk.before_chain, walk.erased, walk.signed_until) == (LENGTH, 0, 0, 5)
    assert judged([]) == []


@given(st.integers(1, LENGTH), st.sampled_from(["at_ms", "kind", "subject", "commitment", "hash", "sealed"]))
def test_any_entry_that_was_changed_is_named(number: int, what: str) -> None:
    """By its number and what it is about, whichever part of it was changed."""
    changes: dict[str, object] = {
        "at_ms": 1, "kind": "tap", "subject": "registration:99", "commitment": bytes(range(64)), "hash": bytes(32), "sealed": b"x",
    }  # fmt: skip
    changed = replace(GOOD[number - 1], **{what: changes[what]})  # type: ignore[arg-type]  # fields of an entry, by name
    findings = judged([*GOOD[: number - 1], changed, *GOOD[number:]])
    assert f"{changed.name} was changed" in named(findings)
    assert {each.first for each in findings} == {number}


@given(st.integers(1, LENGTH - 1), st.integers(1, LENGTH - 1))
def test_any_entries_that_were_removed_are_named(first: int, length: int) -> None:
    """By their numbers; what stands after the gap is not blamed."""
    last = min(first + length - 1, LENGTH - 1)
    findings = judged([*GOOD[: first - 1], *GOOD[last:]])
    assert [(each.first, each.last) for each in findings] == [(first, last)]
    assert "missing" in findings[0].told


@given(st.integers(1, LENGTH - 1))
def test_neighbours_that_changed_places_are_named(number: int) -> None:
    """Both stand out of order, also where their numbers were changed to fit; nobody else is blamed."""
    one, other = GOOD[number - 1], GOOD[number]
    findings = judged([*GOOD[: number - 1], replace(other, id=number), replace(one, id=number + 1), *GOOD[number + 1 :]])
    assert [each.first for each in findings] == [number, number + 1]
    assert all("out of order" in each.told for each in findings)


@given(st.integers(1, LENGTH - 1))
def test_an_entry_hashed_anew_breaks_the_next_link(number: int) -> None:
    """Whoever changes an entry and its hash, but not all that follow, is told by the next one, which names both."""
    old = GOOD[number - 1]
    before = BEGINNING if number == 1 else GOOD[number - 2].hash or b""
    forged = replace(old, subject="registration:99")
    forged = replace(forged, hash=hashed(before, number, forged.kind, forged.subject, forged.commitment or b""))
    (finding,) = judged([*GOOD[: number - 1], forged, *GOOD[number:]])
    assert (finding.first, f"entry {number} before it" in finding.told) == (number + 1, True)


@given(st.integers(1, LENGTH))
def test_a_chain_made_anew_without_the_key_is_found_by_its_signature(number: int) -> None:
    """Whoever hashes everything again from the changed entry on can't sign it."""
    entries, previous = list(GOOD[: number - 1]), BEGINNING if number == 1 else GOOD[number - 2].hash or b""
    for old in GOOD[number - 1 :]:
        at_ms = AT_MS + 1 if old.id == number else AT_MS
        previous = link(previous, number=old.id, at_ms=at_ms, kind=old.kind, subject=old.subject, commitment=old.commitment or b"")
        entries.append(replace(old, at_ms=at_ms, hash=previous))
    assert judged(entries) == []
    assert "than was signed" in named(judged(entries, signed(GOOD, LENGTH)))
    stranger = Signer(Ed25519PrivateKey.generate()).sign(entry=LENGTH, at_ms=AT_MS, digest=entries[-1].hash or b"")
    assert "did not make" in named(judged(entries, replace(stranger, key_id=SIGNER.public)))


@given(st.sets(st.integers(1, LENGTH)))
def test_an_erased_chain_still_verifies(numbers: set[int]) -> None:
    """Content that was let go breaks nothing, and is counted."""
    walk = Walk(signatures=[signed(GOOD, LENGTH)], matches=matches)
    for entry in GOOD:
        walk.take(replace(entry, sealed=None) if entry.id in numbers else entry)
    assert (walk.findings(), walk.erased) == ([], len(numbers))


def test_an_end_that_was_cut_off_is_known_by_its_signature() -> None:
    """Without a signature over what is gone nothing inside the chain can tell."""
    assert judged(GOOD[:8]) == []
    (finding,) = judged(GOOD[:8], signed(GOOD, 11))
    assert (finding.first, finding.last, "missing" in finding.told) == (9, 11, True)
    (one,) = judged(GOOD[:8], signed(GOOD, 9))
    assert one.told.startswith("entry 9 is missing")


def test_what_is_older_than_the_chain_proves_nothing() -> None:
    """Entries of an older store are counted; one that lost its hash inside the chain was changed."""
    old = Kept(1, b"", AT_MS, "verdict", "registration:1", None, None, None)
    first = hashed(BEGINNING, 2, "tap", "tap:1", bytes(64))
    walk = Walk(signatures=(), matches=matches)
    for entry in (old, Kept(2, b"", AT_MS, "tap", "tap:1", None, bytes(64), first)):
        walk.take(entry)
    assert (walk.findings(), walk.before_chain) == ([], 1)
    walk.take(replace(old, id=3))
    assert "no hash" in named(walk.findings())


def test_lines_of_a_file_that_changed_places_are_named() -> None:
    """A file may be in any order: what stands out of it, or twice, is told, and the rest is judged in its order."""
    one, two, three = GOOD[:3]
    ordered, found = in_order([one, three, two, two])
    assert ordered == [one, two, three]
    assert [each.told for each in found] == [f"{two.name} stands out of order", f"{two.name} stands there twice"]
    assert two.name == "entry 2 (verdict of registration 2)"


@pytest.mark.parametrize("number", [1, LENGTH])
def test_many_broken_entries_are_told_as_changed(number: int) -> None:
    """Where nearly everything is broken nobody is said to have only moved."""
    findings = judged([replace(each, subject=f"registration:{number + 100}") for each in GOOD])
    assert len(findings) == LENGTH
    assert all("was changed" in each.told for each in findings)
