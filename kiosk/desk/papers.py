"""What is done to the box's own keys, written into the record: by the running daemon, or on a store that none holds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from kiosk import evidence
from kiosk.desk import Call, Desk, params
from kiosk.errors import UsageError
from kiosk.evidence import Entry

_ENTRIES: Final = frozenset({Entry.KEY_PREPARED, Entry.KEY_SWITCHED, Entry.KEY_RETIRED, Entry.SECRETS_SEALED})
_LONGEST: Final = 200


def provision_note(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Write one step of ``provision`` down: ``{"entry", "about"}``; ``about`` names a file or a fingerprint, never a secret.

    Raises:
        UsageError: It is no step of that kind.
    """
    params.only(asked, ("entry", "about"))
    entry, about = params.text(asked, "entry"), params.text(asked, "about")[:_LONGEST]
    if entry not in _ENTRIES:
        raise UsageError(f"entry must be one of {', '.join(sorted(_ENTRIES))}")
    at_ms = desk.clock().wall_ms
    note = partial(evidence.record, vault=desk.vault, entry=Entry(entry), subject="box", at_ms=at_ms, facts={"about": about})
    desk.database.write(note)
    return {"entry": entry}


#: By the verb's own words.
CALLS: Final[dict[str, Call]] = {"provision note": provision_note}
