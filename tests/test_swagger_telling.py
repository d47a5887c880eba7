from __future__ import annotations

import json

from kiosk.contract import OPERATIONS, Paths
from kiosk.regimes import REGIMES
from kiosk.swagger.comparison import Expected
from kiosk.swagger.description import Description
from kiosk.swagger.differences import Difference, Setting, Severity
from kiosk.swagger.telling import contract, differences

TITLE = Description(title="presenceRegistration 1.2.0", bases=(), operations=(), schemes=())


def test_the_contract_is_told_whole() -> None:
    """Every operation, its members with how well each is known, the limits, the token and the sectors; all of it JSON."""
    told = json.loads(json.dumps(contract(Expected(paths=Paths(health="/up"), batch=50, page_size=20))))
    assert [item["method"] for item in told["items"]] == [operation.method for operation in OPERATIONS]
    assert told["items"][-1]["path"] == "/up"
    assert told["limits"] == {"batch": 50, "page_size": 20, "evidence": "assumed"}
    assert told["authorisation"]["scopes"] is None
    assert [regime["regime"] for regime in told["regimes"]] == [regime.sector for regime in REGIMES]
    register = {row["member"]: row for row in told["items"][0]["members"]}
    assert register["request items"] == {
        "member": "request items",
        "kind": "list, at most 50",
        "needed": "yes",
        "evidence": "known",
    }
    assert register["request items[].employer.foreignVatNumber"]["needed"] == "one of them"
    assert register["request items[].placeOfWork.address.boxNumber"]["needed"] == "no"
    assert register["request items[].type"]["kind"] == "in or out"


def test_what_hangs_on_an_assumption_is_no_better_known() -> None:
    """A member that is known from registering is assumed where the operation itself is."""
    told = contract(Expected())["items"]
    assert {row["evidence"] for item in told if item["evidence"] == "assumed" for row in item["members"]} == {"assumed"}
    register = {row["member"]: row["evidence"] for row in told[0]["members"]}
    assert register["answer items[].createdPresenceRegistration.id"] == "known"
    assert register["answer items[].notCreatedPresenceRegistration.issues"] == "assumed"


def test_differences_are_told_with_their_repair() -> None:
    """Each difference has its place, what both sides say, its consequence, its weight and the lines to write."""
    found = Difference(
        operation="register",
        where="request items",
        assumed="at most 200 items",
        described="at most 50",
        consequence="halved",
        severity=Severity.LIMITS,
        repair=Setting(section="service.limits", key="batch", value=50),
    )
    assert differences(TITLE, [found]) == {
        "document": "presenceRegistration 1.2.0",
        "matters": True,
        "items": [
            {
                "severity": "limits",
                "operation": "register",
                "where": "request items",
                "assumed": "at most 200 items",
                "described": "at most 50",
                "consequence": "halved",
                "repair": "[service.limits]\nbatch = 50",
            }
        ],
        "configuration": "[service.limits]\nbatch = 50",
    }
    assert differences(TITLE, []) == {"document": TITLE.title, "matters": False, "items": [], "configuration": None}
