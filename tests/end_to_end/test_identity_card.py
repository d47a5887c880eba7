"""An identity card in a slot behind a real pcscd becomes one registration of its holder, and its number is nowhere in clear."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hardware.virtual_reader import READER_NAME, VirtualReader
from kiosk.simulator.simulator import Simulator
from tests.box import Box
from tests.end_to_end.test_nothing_leaks import TALKATIVE, leaks
from tests.idcards import EC_ATR, FORBIDDEN, RSA_ATR, ec_chip, ec_issuer, identity_file, rsa_chip, rsa_issuer
from tests.people import CANARY, CANARY_INSZ, invented_insz
from tests.sites import book, until

CARDS = f"""\
[[reader]]
name = "cards"
driver = "eid"
match = "{READER_NAME}"

[eid]
purpose = "Aanwezigheidsregistratie"
roots = ["rsa.crt", "ec.crt"]
fingerprints = ["{{rsa}}", "{{ec}}"]
"""


@pytest.fixture
def box(tmp_path: Path, simulator: Simulator, virtual_reader: VirtualReader) -> Iterator[Box]:
    """A running box whose only reader takes identity cards; it knows one person by her badge, and logs all it can."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(TALKATIVE, encoding="utf-8")
    folder = tmp_path / "box"
    folder.mkdir()
    (folder / "rsa.crt").write_bytes(rsa_issuer().root_pem)
    (folder / "ec.crt").write_bytes(ec_issuer().root_pem)
    readers = CARDS.format(rsa=rsa_issuer().fingerprint, ec=ec_issuer().fingerprint)
    environ = {**virtual_reader.env, "PYTHONPATH": str(tmp_path / "site")}
    with Box(folder, simulator, readers=readers, environ=environ) as running:
        running.provision().start().enrol([CANARY])
        until(lambda: running.status()["readers"][0]["state"] == "ready", "the reader is not ready")
        yield running


def taps(box: Box) -> int:
    return box.log.read_text().count('"event": "tap"')


def test_identity_cards_register_whom_the_roster_knows_and_leak_nobody(
    box: Box, simulator: Simulator, virtual_reader: VirtualReader
) -> None:
    """In by an older card, out by a newer one; a stranger is held and a forged card refused; no number in any file or word."""
    stranger = invented_insz(42)
    chips = [rsa_chip(), ec_chip(), ec_chip(identity_file(stranger.digits, name="Vreemdeling")), ec_chip()]
    forged = chips[-1]
    forged.files = {**forged.files, "DF014031": identity_file(invented_insz(43).digits)}
    for count, (chip, atr) in enumerate(zip(chips, (RSA_ATR, EC_ATR, EC_ATR, EC_ATR), strict=True), 1):
        virtual_reader.insert(b"", atr=atr, program=chip)
        until(lambda count=count: taps(box) == count, f"card {count} was not seen")  # type: ignore[misc]  # a default binds the loop's value
        virtual_reader.remove()
        time.sleep(1.1)  # so that the reader sees it gone, and longer than the debounce of this box
    box.settle()
    assert [(row.item["ssin"], row.item["type"]) for row in simulator.ledger.rows()] == [
        (CANARY_INSZ.digits, "in"),
        (CANARY_INSZ.digits, "out"),
    ]
    assert [row["trust"] for row in (box.json("outbox", "show", str(each["id"])) for each in book(box))] == ["eid", "eid"]
    assert {path for chip in chips for path in chip.selected}.isdisjoint(FORBIDDEN)
    log = box.log.read_text()
    assert log.count('"signal": "held"') == log.count('"signal": "unreadable"') == 1
    told = [box.verb(*words.split()) for words in ("status", "outbox list", "tasks", "present", "check", "badge unknown")]
    assert [each.code for each in told] == [0] * len(told)
    assert "identity card of somebody who is not on the roster" in told[2].out
    assert box.stop() == 0
    files = {path.name: path.read_bytes() for path in box.folder.rglob("*") if path.is_file() and not path.is_socket()}
    said = "\n".join(each.out + each.err for each in told).encode()
    # `present` may name her to whoever asks; nothing may name a number.
    assert {name: leaks(content) for name, content in files.items() if leaks(content)} == {}
    assert leaks(said, name_allowed=True) == []
    for secret in (stranger.digits.encode(), b"Vreemdeling"):
        assert not [name for name, content in {**files, "said": said}.items() if secret in content]
