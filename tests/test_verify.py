"""The verifier that goes with an export works by itself, in a process of its own, and names what was tampered with."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiosk import verify
from kiosk.testimony import examine
from tests.exported import LENGTH, Lines, export, hashed_anew, lines, rewritten, small_site
from tests.people import CANARY_INSZ
from tests.test_notary import SIGNER

WITHOUT_CRYPTOGRAPHY = """
import runpy, sys
sys.modules["cryptography"] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    with small_site(folder) as desk:
        export(desk, folder / "out")
    assert len(lines(folder / "out")) == LENGTH
    return folder / "out"


@pytest.fixture
def copy(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "copy"))


def run(folder: Path, *arguments: str, code: int, script: tuple[str, ...] = ()) -> str:
    """Run the export's own verifier as an inspector does: isolated from everything of ours."""
    command = [sys.executable, "-I", *script, str(folder / "verify.py"), str(folder), *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd="/")
    assert (ran.returncode, ran.stderr) == (code, ""), ran
    return ran.stdout


def told(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 1) -> str:
    """The same in this process, which is faster."""
    assert verify.main([str(folder), *arguments]) == code
    return capsys.readouterr().out


def test_it_is_short_and_needs_nothing_of_the_kiosk() -> None:
    """An inspector reads it in minutes; it imports the standard library and cryptography alone."""
    text = Path(verify.__file__).read_text()
    assert len(text.splitlines()) < 120
    assert "kiosk" not in text.replace("ciao-kiosk/", "").replace("the kiosk", "")


def test_a_good_export_is_good_in_a_process_of_its_own(copy: Path) -> None:
    """Exit code 0, the key is named, and what can't be found is said."""
    out = run(copy, SIGNER.public.hex().upper(), code=0)
    assert f"{LENGTH} entries, signed up to entry {LENGTH} by {SIGNER.public.hex()}, 0 findings" in out
    assert "Not to be found here" in out


def test_without_cryptography_the_hashes_alone_are_verified_and_it_says_so(copy: Path) -> None:
    """Exit code 3 tells a good chain from one that was proven; a bad one is found all the same."""
    assert 'no signature was checked: the package "cryptography" is missing' in run(
        copy, code=3, script=("-c", WITHOUT_CRYPTOGRAPHY)
    )
    rewritten(copy, lambda chain: [*chain[:4], *chain[5:]])
    assert "entries 5 to 5 are missing" in run(copy, code=1, script=("-c", WITHOUT_CRYPTOGRAPHY))


def swapped(chain: Lines) -> Lines:
    chain[3], chain[4] = chain[4], chain[3]
    return chain


def changed(chain: Lines) -> Lines:
    chain[4]["facts"]["direction"] = "out"
    return chain


def renumbered(chain: Lines) -> Lines:
    swapped(chain)
    chain[3]["id"], chain[4]["id"] = 4, 5
    return chain


def moved_in_time(chain: Lines) -> Lines:
    chain[4]["at_ms"] += 60_000
    return chain


def forged(chain: Lines) -> Lines:
    return hashed_anew(moved_in_time(chain), 4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (changed, "entry 5 (tap of registration:2) was changed: its facts are not what it commits to"),
        (moved_in_time, "entry 5 (tap of registration:2) was changed or moved"),
        (lambda chain: [*chain[:4], *chain[6:]], "entries 5 to 6 are missing"),
        (swapped, "entry 4 (tap of registration:1) stands out of order or twice"),
        (renumbered, "entry 4 (tap of registration:2) was changed or moved"),
        (forged, "another hash was signed at entry"),
        (lambda chain: chain[:-2], f"entries after {LENGTH - 2} are missing: the export was made at entry {LENGTH}"),
    ],
)
def test_every_tampering_is_named_by_both_verifiers(copy: Path, change: Callable[[Lines], Lines], words: str) -> None:
    """By the independent one in a process of its own, and by the kiosk's own; nobody's number is told."""
    rewritten(copy, change)
    out = run(copy, code=1)
    assert words in out
    result = examine(copy)
    assert not result["ok"]
    assert CANARY_INSZ.digits not in out + str(result)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    number=st.integers(1, LENGTH),
    what=st.sampled_from(["at_ms", "kind", "subject", "commitment", "hash", "removed", "twice", "rehashed"]),
)
def test_any_single_entry_that_is_tampered_with_is_found_by_both(
    good: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str], number: int, what: str
) -> None:
    """Whichever it is and whatever of it: what one verifier finds, the other finds too."""
    folder = Path(shutil.copytree(good, tmp_path_factory.mktemp("any") / "copy"))

    def change(chain: Lines) -> Lines:
        line = chain[number - 1]
        match what:
            case "removed":
                del chain[number - 1]
            case "twice":
                chain.insert(number, dict(line))
            case "rehashed":
                line["subject"] = "registration:99"
                hashed_anew(chain, number - 1)
            case "at_ms":
                line["at_ms"] += 1
            case "kind" | "subject":
                line[what] += "1"
            case _:
                line[what] = "00" * (len(line[what]) // 2)
        return chain

    rewritten(folder, change)
    told(folder, capsys)
    assert not examine(folder)["ok"]


def test_a_report_that_was_changed_is_named(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The key vouches for every file: whoever changes one and the list of them is found as well."""
    (copy / "report.html").write_text("<p>nobody was here</p>")
    assert "report.html was changed or removed" in told(copy, capsys)
    assert "report.html was changed" in str(examine(copy))
    papers = json.loads((copy / "signatures.json").read_text())
    del papers["files"]["report.html"]
    (copy / "signatures.json").write_text(json.dumps(papers))
    (copy / "report.json").unlink()
    for words in ("report.html was changed or removed", "report.json was changed or removed", "the list of files has a signature"):
        assert words in told(copy, capsys)
    assert "the list of files has a signature" in str(examine(copy))


def test_another_key_than_the_one_that_is_known_is_told(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A chain forged as a whole is signed by a key of the forger's: with the true one at hand it is found."""
    assert "not signed by the key that you named" in told(copy, capsys, "00" * 32)
    assert "signed by the key that was named" in str(examine(copy, key="00" * 32))
    assert examine(copy, key=SIGNER.public.hex())["ok"] is True


def test_a_signature_that_its_key_did_not_make_is_told(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever makes one up."""
    papers = json.loads((copy / "signatures.json").read_text())
    papers["signatures"][0]["signature"] = "00" * 64
    papers["signatures"][1]["key"] = "00"
    (copy / "signatures.json").write_text(json.dumps(papers))
    assert "was not made by its key" in told(copy, capsys)
    assert "its key did not make" in str(examine(copy))


def test_an_entry_that_lost_its_hash_is_told(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only what is older than the chain may have none."""
    rewritten(copy, lambda chain: [{**line, "hash": None} if line["id"] == 5 else line for line in chain])
    assert "entry 5 (tap of registration:2) was changed: it has no hash" in told(copy, capsys)
    assert "no hash" in str(examine(copy))


@pytest.mark.parametrize("name", ["chain.jsonl", "signatures.json"])
@pytest.mark.parametrize(
    "content", [None, b"", b"nonsense\n", b"[]\n", b"\xff", b'{"id": -1, "at_ms": 1, "kind": "a", "subject": ""}\n']
)
def test_what_is_no_export_is_told_in_words(
    copy: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes | None
) -> None:
    """A file that is missing or spoiled is no traceback."""
    if content is None:
        (copy / name).unlink()
    else:
        (copy / name).write_bytes(content)
    code = verify.main([str(copy)])
    assert code in (1, 2)
    assert capsys.readouterr().out
