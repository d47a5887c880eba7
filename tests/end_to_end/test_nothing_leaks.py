"""Nobody's INSZ, badge number or name is in clear anywhere that the box writes, says or sends, except where it must be."""

from __future__ import annotations

import base64
import json
import socket
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kiosk.simulator.ledger import Rule
from kiosk.simulator.messages import Delivery, Operation, Request, Response
from kiosk.simulator.problems import Issue, IssueType, bad_request
from kiosk.simulator.simulator import Simulator
from tests.box import Box
from tests.people import CANARY, CANARY_CARD, CANARY_INSZ, CANARY_NAME, invented_line
from tests.sites import until

#: Every library of the daemon logs everything: what a frightened admin would switch on.
TALKATIVE = "import logging\nlogging.Logger.setLevel = lambda self, level: None\nlogging.root.level = logging.DEBUG\n"


def spellings(secret: bytes) -> set[bytes]:
    """A secret as bytes and as text, forwards and backwards, in the encodings that programs leave behind."""
    plain = {secret, secret[::-1]}
    written = {secret.hex()[::-1]}
    for each in plain:
        written |= {each.hex(), each.hex(":"), each.hex(" ")}
        written |= {base64.b64encode(each).decode(), base64.urlsafe_b64encode(each).decode()}
    cased = {text for each in written for text in (each, each.upper(), each.lower())}
    return plain | {text.encode(code) for text in cased for code in ("utf-8", "utf-16-le")}


def number(text: str) -> set[bytes]:
    """A number as text in its usual spellings, and as an integer in bytes."""
    dotted = f"{text[:2]}.{text[2:4]}.{text[4:6]}-{text[6:9]}.{text[9:]}"
    as_integer = {int(text).to_bytes(8, order) for order in ("big", "little")}
    return as_integer | {spelling for each in (text, dotted) for spelling in spellings(each.encode())}


CARD_SPELLINGS = spellings(CANARY_CARD.identifier) | spellings(CANARY_CARD.identifier.hex().encode())
INSZ_SPELLINGS = number(CANARY_INSZ.digits)
NAME_SPELLINGS = {
    spelling
    for word in CANARY_NAME.split()
    for text in (word, word.encode("ascii", "backslashreplace").decode(), json.dumps(word)[1:-1])
    for spelling in spellings(text.encode()) | {text.upper().encode(), text.lower().encode(), text.encode("utf-16-le")}
}


def leaks(content: bytes, *, name_allowed: bool = False) -> list[bytes]:
    """What of the canary stands in this content."""
    wanted = CARD_SPELLINGS | INSZ_SPELLINGS | (set() if name_allowed else NAME_SPELLINGS)
    return sorted(spelling for spelling in wanted if spelling in content)


@pytest.mark.parametrize(
    "planted",
    [
        CANARY_INSZ.digits.encode(),
        CANARY_INSZ.digits[::-1].encode(),
        b"85.07.30-033.28",
        int(CANARY_INSZ.digits).to_bytes(8, "little"),
        CANARY_CARD.identifier,
        CANARY_CARD.identifier[::-1],
        CANARY_CARD.identifier.hex().encode(),
        CANARY_CARD.identifier.hex(":").upper().encode(),
        CANARY_CARD.identifier[::-1].hex().encode(),
        base64.b64encode(CANARY_INSZ.digits.encode()),
        CANARY_NAME.encode(),
        json.dumps(CANARY_NAME).encode(),
        CANARY_NAME.upper().encode(),
        "Kanarievogel".encode("utf-16-le"),
    ],
)
def test_the_search_finds_what_is_planted(tmp_path: Path, planted: bytes) -> None:
    """A canary written anywhere in a file, in any of these spellings, is found."""
    store = tmp_path / "some.db"
    with sqlite3.connect(store) as connection:
        connection.execute("CREATE TABLE t (x BLOB)")
        connection.execute("INSERT INTO t VALUES (?)", (b"before" + planted + b"after",))
    connection.close()
    assert leaks(store.read_bytes())
    assert not leaks(b"0123456789" * 100)


@dataclass
class Listener:
    """Hears everything that reaches the service's socket except bodies, where the number belongs."""

    simulator: Simulator
    heard: list[str] = field(default_factory=list)
    echo: bool = False

    def __post_init__(self) -> None:
        self._handle = self.simulator.exchange.handle
        self.simulator.exchange.handle = self.handle  # type: ignore[method-assign]  # a wire tap

    def handle(self, request: Request) -> Delivery:
        headers = {name: value for name, value in request.headers.items() if name != "authorization"}
        self.heard.append(f"{request.method} {request.path} {request.query} {headers}")
        if self.echo and self.simulator.exchange._operation(request) is Operation.REGISTER:
            items = Response(status=200, body=request.body or b"{}").json()["items"]
            issue = Issue(
                type=IssueType.REPLACED_SSIN,
                name=f"items[{len(items) - 1}].ssin",
                detail=f"{CANARY_INSZ.digits} of {CANARY_NAME} is replaced",
                value=items[-1]["ssin"],
            )
            return Delivery(response=bad_request([issue], detail=f"refused: {CANARY_INSZ.digits}").response())
        return self._handle(request)


def send_line(box: Box, line: bytes) -> bytes:
    """Write a raw line to the control socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(box.folder / "kiosk.sock"))
        connection.sendall(line)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(1 << 20)


def wrong_verbs(box: Box) -> Iterator[str]:
    """Verbs that fail on the canary's data; all that each prints."""
    insz, card, name = CANARY_INSZ.digits, CANARY_CARD.identifier.hex(), CANARY_NAME
    wrong = insz[:-1] + str((int(insz[-1]) + 1) % 10)
    other = invented_line(7)
    tries: list[tuple[tuple[str, ...], str]] = [
        (("badge", "add"), json.dumps({"card": card, "insz": wrong, "name": name})),
        (("badge", "add"), f'{{"card": "{card}", "insz": "{insz}", "name": "{name}"'),
        (("badge", "add"), json.dumps({"card": card, "insz": insz, name: "x"})),
        (("badge", "add"), json.dumps({"card": insz, "insz": insz, "name": name})),
        (("badge", "add"), json.dumps({"card": card, "insz": other.profile.insz.digits, "name": name})),
        (("badge", "add"), json.dumps([card, insz, name])),
        (("badge", "import", "-"), f"card;insz;name\n{card};{insz};{name};{insz}\n"),
        (("badge", "import", "-"), f'card;insz;name\n"{card};{insz};{name}\n'),
        (("badge", "import", "-"), f"card;{insz};{name}\n{card};{insz};{name}\n"),
        (("badge", "import", "-", "--preview"), f"card,insz,language\n{card},{insz},{name}\n"),
        (("holder", "edit", "1"), json.dumps({"language": insz, name: card})),
        (("holder", "edit", "1"), f"{name} {insz}"),
        (("holder", "replace-insz", "1"), wrong),
        (("outbox", "cancel", "1", "--reason", f"wrong {insz}"), ""),
    ]
    for words, stdin in tries:
        ran = box.verb(*words, stdin=stdin)
        assert ran.code in (1, 2), (words, ran.code)
        assert "Traceback" not in ran.err, words
        yield ran.out + ran.err


#: Verbs that must name nobody.
QUIET = ("status", "status --json", "outbox list", "outbox list --json", "outbox show 1", "check", "doctor", "doctor --json")
#: Verbs that show the name, and never a number.
NAMED = ("badge list", "holder show 1", "holder show 1 --json", "present", "present --json")


def printed(box: Box, verbs: Sequence[str]) -> Iterator[str]:
    """What these verbs print; all of them succeed."""
    for words in verbs:
        ran = box.verb(*words.split())
        assert ran.code == 0, (words, ran)
        yield ran.out + ran.err


def test_the_canary_is_nowhere_in_clear(tmp_path: Path, simulator: Simulator) -> None:
    """After taps, refusals that echo the number, garbled input and failing verbs: no file, log, URL or message has it."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(TALKATIVE, encoding="utf-8")
    folder = tmp_path / "box"
    folder.mkdir()
    listener = Listener(simulator)
    simulator.stop()
    simulator.start()  # it hands requests to whoever stands there when it starts
    with Box(folder, simulator, environ={"PYTHONPATH": str(tmp_path / "site")}) as box:
        box.provision().start()
        box.enrol([CANARY])
        assert box.tap(CANARY_CARD)["signal"] == "in"
        box.settle()
        simulator.ledger.add_rule(Rule(ssin=CANARY_INSZ.digits, not_created=IssueType.REJECTED_INPUT, times=1))
        until(lambda: box.tap(CANARY_CARD)["signal"] == "out", "the debounce does not end")
        until(lambda: box.status()["refused"] == 1, "the item was not refused")
        listener.echo = True
        until(lambda: box.tap(CANARY_CARD)["signal"] == "in", "the debounce does not end")
        until(lambda: box.status()["refused"] == 2, "the call was not refused")
        insz, card = CANARY_INSZ.digits, CANARY_CARD.identifier.hex()
        garbled: list[object] = [
            {"call": "tap", "params": {"card": f"{card}zz", "reader": CANARY_NAME}},
            {"call": insz, "params": insz},
            {"call": "badge add", "params": {"lines": [[insz]], insz: CANARY_NAME}},
            {"call": "badge add", "params": {"lines": [{"card": card, "insz": insz, "language": CANARY_NAME}]}},
            {"call": "outbox show", "params": {"id": CANARY_NAME}},
        ]
        lines = [json.dumps(each).encode() for each in garbled]
        said = [send_line(box, line + b"\n") for line in (*lines, lines[0][:-4], insz.encode())]
        assert all(b'"error"' in each for each in said), said
        assert box.daemon is not None
        process = Path("/proc") / str(box.daemon.pid)
        outside = {
            "answers to garbled lines": b"\n".join(said),
            "command line": (process / "cmdline").read_bytes(),
            "environment": (process / "environ").read_bytes(),
            "wrong verbs": "\n".join(wrong_verbs(box)).encode(),
            "quiet verbs": "\n".join(printed(box, QUIET)).encode(),
            "requests without bodies": "\n".join(listener.heard).encode(),
        }
        files = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_socket()}
        named = list(printed(box, NAMED))
        assert box.stop() == 0
        outside["log"] = box.log.read_bytes()
    assert b"httpcore" in outside["log"], "the log was not at debug level"
    assert any(name.endswith("kiosk.db-wal") and content for name, content in files.items())
    later = {f"{path} after the stop": path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    found = {where: leaks(content) for where, content in (outside | files | later).items()}
    assert {where: what for where, what in found.items() if what} == {}
    assert all(CANARY_NAME in each for each in named)
    assert leaks("".join(named).encode(), name_allowed=True) == []
    assert listener.heard
