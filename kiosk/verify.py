"""A short verifier for an evidence export, independent of the kiosk: python3 verify.py [FOLDER] [PUBLIC KEY].

Needs Python 3.9 or newer and, for signatures, the package "cryptography". Names every entry of the chain that was removed, changed
or moved, and every file that was. Exit code 0: all is as it was written; 1: something is not; 2: this is no export; 3: no signature
was checked, only that the hashes follow from each other. Give the public key that you were told before, on another way.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    Ed25519PublicKey = None  # type: ignore[assignment,misc]  # where it is missing the hashes are verified all the same


def half(entry: dict[str, Any], name: str) -> str:
    """The half of the commitment that the shown content comes to."""
    content = json.dumps(entry[name], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return hashlib.sha256(bytes.fromhex(entry[name + "_salt"]) + content).hexdigest()


def digest(entry: dict[str, Any], previous: str) -> str:
    """The hash of an entry: it covers everything that the line tells of it, and the hash of the entry before."""
    data = b"ciao-kiosk/evidence/1\n" + bytes.fromhex(previous)
    data += entry["id"].to_bytes(8, "big") + entry["at_ms"].to_bytes(8, "big", signed=True)
    for text in (entry["kind"].encode(), entry["subject"].encode()):
        data += len(text).to_bytes(2, "big") + text
    return hashlib.sha256(data + bytes.fromhex(entry["commitment"])).hexdigest()


def chain(entries: list[dict[str, Any]], wrong: list[str]) -> dict[int, str]:
    """Walk through the chain; returns the hash of each entry by its number."""
    hashes: dict[int, str] = {}
    before, previous = 0, "00" * 32
    for entry in entries:
        number, name = entry["id"], "entry {id} ({kind} of {subject})".format(**entry)
        if number <= before:
            wrong.append(name + " stands out of order or twice")
            continue
        if number > before + 1:
            wrong.append(f"entries {before + 1} to {number - 1} are missing")
        elif entry["hash"] is not None and digest(entry, previous) != entry["hash"]:
            wrong.append(name + " was changed or moved, or the one before it was")
        for part, place in (("facts", slice(64)), ("person", slice(64, None))):
            if part in entry and half(entry, part) != entry["commitment"][place]:
                wrong.append(f"{name} was changed: its {part} are not what it commits to")
        if entry["hash"] is None and hashes:
            wrong.append(name + " was changed: it has no hash")
        hashes.update({} if entry["hash"] is None else {number: entry["hash"]})
        before, previous = number, entry["hash"] or previous
    return hashes


def is_good(key: str, signature: str, message: bytes) -> bool:
    """Whether the key made the signature (Ed25519, RFC 8032)."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def signatures(papers: dict[str, Any], hashes: dict[int, str], key: str | None, wrong: list[str]) -> int:
    """Check every signature of the chain and that of the list of files; returns the last entry that a good one covers."""
    until = 0
    for each in (each for each in papers["signatures"] if key in (None, each["key"])):
        entry, signed = each["entry"], b"ciao-kiosk/evidence-signature/1\n" + each["entry"].to_bytes(8, "big")
        signed += each["at_ms"].to_bytes(8, "big", signed=True) + bytes.fromhex(each["hash"])
        if not is_good(each["key"], each["signature"], signed):
            wrong.append(f"the signature of entry {entry} was not made by its key")
        elif hashes.get(entry) != each["hash"]:
            wrong.append(f"entries {until + 1} to {entry}: one was changed or removed, another hash was signed at entry {entry}")
        else:
            until = max(until, entry)
    vouched, listed = papers["files_signature"], json.dumps(papers["files"], sort_keys=True, separators=(",", ":")).encode()
    listed = b"ciao-kiosk/evidence-files/1\n" + papers["export"].to_bytes(8, "big") + listed
    if vouched is not None and not is_good(vouched["key"], vouched["signature"], listed):
        wrong.append("the list of files has a signature that its key did not make")
    if key is not None and (not until or vouched is None or vouched["key"] != key):
        wrong.append("the chain or the list of files was not signed by the key that you named")
    return until


def main(arguments: list[str]) -> int:
    """Verify one export and say what was found; returns the exit code."""
    folder, key = Path(arguments[0] if arguments else "."), arguments[1].lower() if len(arguments) > 1 else None
    wrong: list[str] = []
    try:
        papers = json.loads((folder / "signatures.json").read_bytes())
        hashes = chain([json.loads(line) for line in (folder / "chain.jsonl").read_bytes().splitlines()], wrong)
        if (last := max(hashes, default=0)) != papers["export"]:
            wrong.append(f"entries after {last} are missing: the export was made at entry {papers['export']}")
        until = 0 if Ed25519PublicKey is None else signatures(papers, hashes, key, wrong)
        for name in sorted({*papers["files"], "report.html", "report.json"}):
            path = folder / Path(name).name
            if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != papers["files"].get(name):
                wrong.append(f"{name} was changed or removed after the export")
        keys = ", ".join(sorted({each["key"] for each in papers["signatures"]})) or "nobody"
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        print(f"not an export, or one that was damaged: {type(error).__name__}: {error}")  # noqa: T201  what it is for
        return 2
    told = [*wrong, f"{len(hashes)} entries, signed up to entry {until} by {keys}, {len(wrong)} findings"]
    told += ['no signature was checked: the package "cryptography" is missing'] if Ed25519PublicKey is None else []
    told += ["Not to be found here: entries cut off at the end with their signatures (compare the last number with another"]
    told += ["export), and a chain forged as a whole with another key (compare the key with one that you were told before)."]
    print(*told, sep="\n")  # noqa: T201  what it is for
    return 1 if wrong else 0 if until else 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
