"""The support bundle holds nothing of a person, a badge, a key or a token, wherever they were left to be picked up."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

from kiosk.simulator.ledger import Rule
from kiosk.simulator.oauth import Authority
from kiosk.simulator.problems import IssueType
from kiosk.simulator.simulator import Simulator
from tests.box import Box
from tests.end_to_end.test_nothing_leaks import TALKATIVE, leaks, spellings
from tests.people import CANARY, CANARY_CARD, CANARY_INSZ, CANARY_NAME
from tests.sites import until

INSZ, CARD = CANARY_INSZ.digits, CANARY_CARD.identifier.hex()


def plant(box: Box, token: str) -> None:
    """Leave the canary, a key and a token in the daemon's log, in its own lines and in others."""
    key = (box.folder / "client.key.pem").read_text(encoding="ascii")
    usual = {"time": "2026-11-22T12:00:00.123Z", "level": "info", "room": "kiosk.daemon", "event": "tap"}
    with box.log.open("a", encoding="utf-8") as log:
        for secret in (INSZ, CARD, CANARY_NAME, token, key, int(INSZ)):
            for change in (
                {"event": secret},
                {"why": secret},
                {"ids": secret},
                {"ids": [secret]},
                {"signal": secret},
                {"room": secret},
            ):
                log.write(json.dumps(usual | change, ensure_ascii=False) + "\n")
            log.write(f"{secret}\n")


def keys(box: Box) -> set[bytes]:
    """The store key in every spelling, and each line of the client key."""
    pem = (box.folder / "client.key.pem").read_bytes().splitlines()
    return spellings((box.folder / "store.key").read_bytes()) | {line for line in pem if not line.startswith(b"-----")}


def test_the_bundle_has_no_canary(tmp_path: Path, simulator: Simulator) -> None:
    """Planted in roster, book, log at debug level, configuration and environment: found on the box, not in the bundle."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(TALKATIVE, encoding="utf-8")
    folder = tmp_path / "box"
    folder.mkdir()
    environ = {"PYTHONPATH": str(tmp_path / "site"), "KIOSK_NOTE": f"{INSZ} {CARD}"}
    with Box(folder, simulator, environ=environ) as box:
        box.provision()
        text = box.config.read_text(encoding="utf-8").replace('name = "Wetstraat 16"', f'name = "{CANARY_NAME}"  # {INSZ} {CARD}')
        named = text.replace("[service]", f'name = "{CANARY_NAME}"\nurl = "https://www.example.org/{INSZ}"\n\n[service]')
        box.config.write_text(named, encoding="utf-8")
        box.start().enrol([CANARY])
        assert box.tap(CANARY_CARD)["signal"] == "in"
        box.settle()
        simulator.ledger.add_rule(Rule(ssin=INSZ, not_created=IssueType.REJECTED_INPUT, times=1))
        until(lambda: box.tap(CANARY_CARD)["signal"] == "out", "the debounce does not end")
        until(lambda: box.status()["refused"] == 1, "the item was not refused")
        token = issued(simulator.authority)
        plant(box, token)
        path = tmp_path / "bundle.tar.gz"
        ran = box.verb("doctor", "--bundle", str(path), "--log", str(box.log))
        assert ran.code == 0, ran
        with tarfile.open(path) as archive:
            files = {each.name: archive.extractfile(each) for each in archive.getmembers()}
            content = b"\n".join(name.encode() + file.read() for name, file in files.items() if file is not None)
        secrets = {*keys(box), token.encode()}
    assert leaks(content) == []
    assert [secret for secret in secrets if secret in content] == []
    assert b'"event": "tap"' in content, "the log is in it"
    assert leaks(box.log.read_bytes()), "nothing was planted"


def issued(authority: Authority) -> str:
    """A token that the double has given out."""
    return next(iter(authority._grants))
