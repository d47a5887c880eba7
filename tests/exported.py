"""An evidence export of a small site on a real store, and ways to tamper with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from kiosk import exports, roster
from kiosk.advice import Language
from kiosk.calls import DESK_CALLS
from kiosk.desk import Desk
from kiosk.evidence import Entry, link, record
from kiosk.model import State
from kiosk.notary import Notary
from tests.desks import MORNING_MS, Clock, add_row, draft, open_desk
from tests.people import CANARY, invented_insz, invented_line
from tests.test_notary import SIGNER

#: How many entries the record of ``small_site`` has once it was exported.
LENGTH = 10
Lines = list[dict[str, Any]]
ASKER = {"uid": 1000, "user": "somebody"}
ZONE = ZoneInfo("Europe/Brussels")


@contextmanager
def small_site(folder: Path) -> Iterator[Desk]:
    """Two people, a row each, a call that was lost in an outage, and the answer to one of them; all in the record and signed."""
    with open_desk(folder, Clock()) as desk:
        for line in (CANARY, invented_line(1)):
            desk.database.write(lambda c, line=line: roster.enrol(c, desk.vault, line, at_ms=MORNING_MS))  # type: ignore[misc]  # a default binds the loop's value
        add_row(desk, 1, draft(), State.ACCEPTED)
        add_row(desk, 2, draft(ssin=invented_insz(1)))
        notary = Notary(database=desk.database, vault=desk.vault, signer=SIGNER, clock=desk.clock, configuration={})
        notary.begin()
        notary.close()
        note(desk, Entry.OUTAGE, "book:1", {"fault": "network", "state": "began", "why": "no route"})
        note(desk, Entry.ATTEMPT, "book:1", {"rows": [1, 2], "outcome": "not_sent", "why": "no route"})
        note(desk, Entry.OUTAGE, "book:1", {"fault": "network", "state": "ended", "began": 6})
        note(desk, Entry.VERDICT, "registration:1", {"state": "accepted", "registration_id": 71, "validity": "ok", "attempts": 2})
        yield replace(desk, signer=SIGNER)


def note(desk: Desk, entry: Entry, subject: str, facts: Mapping[str, object]) -> None:
    desk.database.write(lambda c: record(c, desk.vault, entry, subject, at_ms=MORNING_MS, facts=facts))


def export(desk: Desk, folder: Path, *, language: Language = Language.EN, **asked: object) -> dict[str, object]:
    """Export as the verb does, straight from the desk."""

    def ask(call: str, params: Mapping[str, object]) -> Mapping[str, Any]:
        return DESK_CALLS[call](desk, params)

    return exports.export_evidence(folder, ask, {**ASKER, **asked}, site="Wetstraat 16", zone=ZONE, language=language)


def lines(folder: Path) -> Lines:
    return [json.loads(line) for line in (folder / "chain.jsonl").read_text().splitlines()]


def rewritten(folder: Path, change: Callable[[Lines], Lines]) -> Path:
    """Change the chain of an export in place."""
    changed = change(lines(folder))
    (folder / "chain.jsonl").write_text("".join(json.dumps(line) + "\n" for line in changed))
    return folder


def hashed_anew(chain: Lines, first: int) -> Lines:
    """Give every line from this place on the hash that follows from the one before it."""
    previous = bytes.fromhex(chain[first - 1]["hash"]) if first else bytes(32)
    for line in chain[first:]:
        values = {name: line[name] for name in ("at_ms", "kind", "subject")}
        previous = link(previous, number=line["id"], commitment=bytes.fromhex(line["commitment"]), **values)
        line["hash"] = previous.hex()
    return chain
