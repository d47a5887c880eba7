"""What the service may answer, as values: for tests of everything that reads an answer."""

from __future__ import annotations

import json
from typing import Any

from kiosk.contract import PROBLEM_JSON
from kiosk.exchange import Reply
from kiosk.model import Direction, Registration
from tests.people import CANARY_INSZ, DECLARATION, EMPLOYER, PLACE, invented_insz

WALL_MS = 1_795_330_865_000


def registrations(count: int = 2) -> list[Registration]:
    """Make what is sent; the first is the canary's."""
    return [
        Registration(
            ssin=CANARY_INSZ if number == 0 else invented_insz(number),
            direction=Direction.IN,
            at_ms=WALL_MS,
            employer=EMPLOYER,
            place=PLACE,
            declaration=DECLARATION,
        )
        for number in range(count)
    ]


def served(number: int, **changes: object) -> dict[str, Any]:
    """Make a registration as the service shows it: the canary's, one of ``registrations``."""
    return {
        "id": number,
        "ssin": CANARY_INSZ.digits,
        "type": "in",
        "registrationDate": "2026-11-22T07:01:05Z",
        "employer": {"enterpriseNumber": "0206731645"},
        "contractualRelationshipReference": "1Y1003SQ5VSSZ",
        "validity": "pending",
        "remarks": [],
    } | changes


def said(status: int, value: object = b"", *, kind: str = "application/json", **headers: str) -> Reply:
    """Make an answer; what is not bytes is written as JSON."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Reply(status=status, headers={"content-type": kind} | headers, body=data)


def trouble(status: int, name: str, **extras: object) -> Reply:
    """Make a Belgif problem."""
    return said(status, {"type": f"urn:problem-type:belgif:{name}", "status": status, **extras}, kind=PROBLEM_JSON)
