"""The chain of evidence as it is handed out: each entry a line of JSON, and an export judged by the rules that judge the store.

A line always has the number, time, kind, subject, commitment and hash of its entry. Its ``facts`` and its ``person`` stand there
with their salts where they are shown; where they are not, the commitment stands for them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kiosk import signing
from kiosk.errors import UsageError
from kiosk.evidence import BEGINNING, NOTHING, Kept, Opened, leaf, link
from kiosk.signing import Signature
from kiosk.verification import Finding, Walk, in_order, summary

CHAIN: Final = "chain.jsonl"
SIGNATURES: Final = "signatures.json"
REPORTS: Final = ("report.html", "report.json")
_HALF: Final = len(NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Papers:
    """What ``signatures.json`` says: the entry of the export, the signatures, each file's SHA-256, and the key's word for them."""

    export: int
    signatures: tuple[Signature, ...]
    files: Mapping[str, str]
    vouched: tuple[bytes, bytes] | None


def line(entry: Kept, content: Opened | None, *, facts: bool, person: bool) -> dict[str, object]:
    """Write an entry as a line of an export.

    Args:
        entry: As it lies on disk.
        content: What it holds, opened; None where it holds nothing or does not open.
        facts: Whether what is not personal is shown.
        person: Whether what is personal is.
    """
    told: dict[str, object] = {
        "id": entry.id,
        "at_ms": entry.at_ms,
        "kind": entry.kind,
        "subject": entry.subject,
        "commitment": None if entry.commitment is None else entry.commitment.hex(),
        "hash": None if entry.hash is None else entry.hash.hex(),
    }
    if entry.sealed is None and entry.commitment not in (None, NOTHING + NOTHING):
        told["erased"] = True
    if content is not None and facts and content.facts is not None:
        told |= {"facts": content.facts, "facts_salt": content.facts_salt}
    if content is not None and person and content.person is not None:
        told |= {"person": content.person, "person_salt": content.person_salt}
    return told


def signature_fields(signature: Signature) -> dict[str, object]:
    """Write a signature for an export; bytes are hexadecimal."""
    return {
        "entry": signature.entry,
        "hash": signature.hash.hex(),
        "at_ms": signature.at_ms,
        "key": signature.key_id.hex(),
        "signature": signature.signature.hex(),
    }


def examine(path: Path, *, key: str | None = None) -> dict[str, object]:
    """Verify an export by what lies in it alone.

    Args:
        path: Its folder, or a chain by itself.
        key: The public key that must have signed, hexadecimal, small letters; left out, whichever is named there counts.

    Returns:
        What ``evidence verify`` tells of a store, but for the book.

    Raises:
        UsageError: There is no export, or it can't be read at all.
    """
    folder = path if path.is_dir() else path.parent
    chain = path / CHAIN if path.is_dir() else path
    papers = _papers(folder / SIGNATURES, key) if path.is_dir() else None
    entries, found = in_order(_entries(chain))
    walk = Walk(signatures=() if papers is None else papers.signatures, matches=_matches)
    for entry in entries:
        walk.take(entry)
    found += walk.findings()
    if papers is not None:
        told = _judge(papers, folder, entries, key)
        found += [Finding(first=papers.export, last=papers.export, told=each) for each in told]
    return summary(walk, found)


def _entries(path: Path) -> Iterator[Kept]:
    """The lines in the order of the file; what a line shows of its content stands in the place of what is sealed."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, text in enumerate(file, 1):
                try:
                    yield _entry(text)
                except (ValueError, KeyError, TypeError, OverflowError):
                    raise UsageError(
                        f"{path}: line {number} is no entry of an export", repair="take the export again, or another copy of it"
                    ) from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"{path}: {why}", repair="name the folder that `kiosk evidence export` made") from None


def _entry(text: str) -> Kept:
    read = json.loads(text)
    number, at_ms, kind, subject = (read[name] for name in ("id", "at_ms", "kind", "subject"))
    if not (type(number) is type(at_ms) is int and type(kind) is type(subject) is str):
        raise TypeError
    commitment = _bytes(read["commitment"])
    # Raises where a number or a text is none that could ever have been hashed.
    link(BEGINNING, number=number, at_ms=at_ms, kind=kind, subject=subject, commitment=commitment or b"")
    sealed = None if read.get("erased") is True else text.encode()
    return Kept(number, b"", at_ms, kind, subject, sealed, commitment, _bytes(read["hash"]))


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes.fromhex(value)


def _matches(entry: Kept) -> bool:
    """Whether what a line shows is what its entry commits to; what it does not show proves nothing and contradicts nothing."""
    read = json.loads(entry.sealed or b"{}")
    try:
        return all(
            name not in read or leaf(bytes.fromhex(read[f"{name}_salt"]), read[name]) == half
            for name, half in zip(("facts", "person"), _halves(entry.commitment or b""), strict=True)
        )
    except (ValueError, KeyError, TypeError):
        return False


def _halves(commitment: bytes) -> tuple[bytes, bytes]:
    return commitment[:_HALF], commitment[_HALF:]


def _papers(path: Path, key: str | None) -> _Papers:
    """Read them; where a key is named the signatures of others count for nothing."""
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        vouched = read["files_signature"]
        export = int(read["export"])
        signing.files_message(entry=export, files={})  # raises where it is no number of an entry
        return _Papers(
            export=export,
            signatures=tuple(_signature(each) for each in read["signatures"] if key in (None, each["key"])),
            files={str(name): str(digest) for name, digest in read["files"].items()},
            vouched=None if vouched is None else (bytes.fromhex(vouched["key"]), bytes.fromhex(vouched["signature"])),
        )
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", repair="an export that was cut off has none: take it again") from None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        raise UsageError(f"{path}: holds no signatures of an export", repair="take the export again, or another copy") from None


def _signature(read: Mapping[str, Any]) -> Signature:
    digest, key, made = (bytes.fromhex(read[name]) for name in ("hash", "key", "signature"))
    entry, at_ms = int(read["entry"]), int(read["at_ms"])
    signing.message(entry=entry, at_ms=at_ms, digest=digest)  # raises where a number is none that could ever have been signed
    return Signature(entry, digest, at_ms, key, made)


def _judge(papers: _Papers, folder: Path, entries: list[Kept], key: str | None) -> Iterator[str]:
    """Whatever is wrong beside the chain: its end, the other files, whose key it is."""
    last = entries[-1].id if entries else 0
    if last != papers.export:
        yield f"the export was made at entry {papers.export}, and its chain ends at {last}"
    for name in sorted({*papers.files, *REPORTS}):
        try:
            found = hashlib.sha256((folder / Path(name).name).read_bytes()).hexdigest()
        except OSError:
            found = None
        if found != papers.files.get(name):
            yield f"{name} is missing" if found is None else f"{name} was changed after the export"
    if papers.vouched is not None and not signing.is_made_by(
        *papers.vouched, signing.files_message(entry=papers.export, files=papers.files)
    ):
        yield "the list of files has a signature that its key did not make"
    if key is not None and (papers.vouched is None or papers.vouched[0].hex() != key):
        yield "the list of files was not signed by the key that was named"
    if key is not None and not papers.signatures:
        yield "no entry was signed by the key that was named"
