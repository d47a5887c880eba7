"""What a box had promised at a moment of a record: told by its own marks, by its service, and by its answers to verbs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.faults.power_disk import Entry

#: Kinds of entries that say something; all others are what was asked of the disk.
SAYING = frozenset({"K", "A"})


@dataclass
class Promises:
    """What was promised up to a point of the record.

    Attributes:
        holds: What the store held at its last commit.
        coming: What it held at the next one: a commit that was under way may have come through.
        tapped: Direction and time of every acknowledged registration, by its number.
        newest: The newest number of those that were let go.
        gone: What is in no file any more, since the person was told to be forgotten.
        sent: Registrations that left in a call whose answer is not known.
        accepted: The service's number of each registration that it said to have accepted.
        times: When registrations were tapped, by their number, where the acknowledgement does not tell.
    """

    holds: str | None = None
    coming: str | None = None
    tapped: dict[int, tuple[str, int]] = field(default_factory=dict)
    newest: int = 0
    gone: frozenset[bytes] = frozenset()
    sent: frozenset[str] = frozenset()
    accepted: dict[str, int] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)

    def hear(self, said: dict[str, Any]) -> None:
        """Take in what one entry says."""
        for each in said.get("beginning", ()):
            self.hear(each)
        self.holds = said.get("holds", self.holds)
        self.times |= said.get("times", {})
        if "let_go" in said:  # from here on what the next commit leaves decides
            let_go = set(self.tapped if said["let_go"] is True else said["let_go"])
            self.newest = max(self.newest, *let_go)
            self.tapped = {number: told for number, told in self.tapped.items() if number not in let_go}
        self.gone |= set(map(bytes.fromhex, said.get("gone", ())))
        for number in said.get("tapped", ()):
            self.tapped[number] = (said["direction"], said.get("wall_ms") or self.times[str(number)])
        self.accepted |= said.get("accepted", {})
        if "sent" in said:
            self.sent = frozenset(said["sent"])
        elif "back" in said and said["back"] != "search":
            self.sent = frozenset()


def said_by(entry: Entry) -> dict[str, Any]:
    """What an entry says; nothing where it is none that does, or an answer that acknowledges no tap."""
    if entry.kind not in SAYING:
        return {}
    said: dict[str, Any] = json.loads(entry.data)
    if entry.kind == "K":
        return said
    answer = said.get("result", {})
    if answer.get("ids") and answer.get("direction"):
        return {"tapped": answer["ids"], "direction": answer["direction"]}
    return {}
