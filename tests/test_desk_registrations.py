from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kiosk import roster
from kiosk.desk import Desk
from kiosk.desk.registrations import CALLS
from kiosk.errors import Declined, UsageError
from kiosk.identifiers import ForeignVatNumber
from kiosk.model import Direction, Profile, State
from kiosk.verdicts import SearchFailed, SearchUnavailable
from tests.desks import MORNING_MS, Clock, add_row, draft, open_desk, put
from tests.people import CANARY, CANARY_INSZ, DECLARATION, EMPLOYER, OTHER_EMPLOYER, invented_insz
from tests.worlds import LedgerService, Time

_DAY = "2026-11-02"


@pytest.fixture
def service() -> LedgerService:
    time = Time()
    time.wall_ms = MORNING_MS
    return LedgerService(time)


@pytest.fixture
def desk(tmp_path: Path, service: LedgerService) -> Iterator[Desk]:
    """A desk whose roster knows the canary as holder 1, and whose service holds one registration of his."""
    with open_desk(tmp_path, Clock()) as opened:
        opened.database.write(lambda c: roster.enrol(c, opened.vault, CANARY, at_ms=MORNING_MS))
        row = add_row(opened, 1, draft(), State.ACCEPTED)
        number = service.store(_owed()).registration_id
        put(opened, row, registration_id=number, confirmed_ms=MORNING_MS - 7_200_000, validity="pending")
        yield replace(opened, service=lambda: service)


def _owed(**changes: object) -> Any:
    return draft(**changes).complete()  # type: ignore[arg-type]  # the fields of a Draft


def _call(desk: Desk, verb: str, /, **asked: object) -> Any:
    return CALLS[verb](desk, {key.strip("_"): value for key, value in asked.items()})


def test_a_person_is_found_under_every_number_he_had(desk: Desk, service: LedgerService) -> None:
    """The old number's registrations are his too; nobody else's are shown."""
    profile = Profile(insz=invented_insz(7))
    desk.database.write(lambda c: roster.change_profile(c, desk.vault, 1, profile, at_ms=MORNING_MS))
    service.store(_owed(direction=Direction.OUT, at_ms=MORNING_MS + 5000, ssin=invented_insz(7)))
    service.store(_owed(ssin=invented_insz(8)))
    for asked in ({"holder": 1}, {"insz": CANARY_INSZ.digits}, {"insz": f" {invented_insz(7).digits}\n"}):
        told = _call(desk, "registrations search", **asked)["items"]
        assert [(item["id"], item["holder"], item["direction"]) for item in told] == [(17_000, 1, "in"), (17_001, 1, "out")]
    (other,) = _call(desk, "registrations search", insz=invented_insz(8).digits)["items"]
    assert (other["holder"], other["registration"]) == (None, None)


def test_a_search_is_narrowed_by_day_employer_and_declaration(desk: Desk, service: LedgerService) -> None:
    """Days are the site's, both included; without any it is today."""
    vat = ForeignVatNumber.parse("NL123456789B01")
    service.store(_owed(employer=vat))
    service.store(_owed(at_ms=MORNING_MS - 24 * 3_600_000))

    def ids(**asked: object) -> list[int]:
        return [item["id"] for item in _call(desk, "registrations search", **asked)["items"]]

    assert ids() == [17_000, 17_001]
    assert ids(from_="2026-11-01") == [17_000, 17_001, 17_002]
    assert ids(to="2026-11-01") == [17_002]
    assert ids(employer=vat.value) == [17_001]
    assert ids(employer=EMPLOYER.value, declaration=DECLARATION.value) == [17_000]
    assert ids(employer=OTHER_EMPLOYER.value) == []


@pytest.mark.parametrize(
    "asked",
    [
        {"from_": "2026-11-03"},
        {"from_": "2026-10-01"},
        {"to": "tomorrow"},
        {"employer": "123"},
        {"employer": "?"},
        {"declaration": "O"},
        {"insz": "85073003329"},
        {"insz": CANARY_INSZ.digits, "holder": 1},
        {"holder": "x"},
        {"lang": "xx"},
        {"name": "x"},
    ],
)
def test_a_wrong_search_is_wrong_usage_and_repeats_no_number(desk: Desk, asked: dict[str, object]) -> None:
    """It names the parameter, never its value."""
    with pytest.raises(UsageError) as caught:
        _call(desk, "registrations search", **asked)
    assert "8507300332" not in str(caught.value)


def test_a_holder_who_is_not_there_is_told(desk: Desk) -> None:
    """Nobody is searched for instead of him."""
    with pytest.raises(Declined, match="no holder 9"):
        _call(desk, "registrations search", holder=9)
    desk.database.write(lambda c: c.execute("UPDATE profiles SET sealed = x'00'"))
    with pytest.raises(Declined, match="no holder 1"):
        _call(desk, "registrations search", holder=1)


def test_one_registration_is_shown_with_advice(desk: Desk, service: LedgerService) -> None:
    """By the service's id, under the credential of our row's employer; else of the one that is named."""
    service.rows[0].change(validity="invalid", remarks=("replacedSsin",))
    told = _call(desk, "registrations show", id=17_000, lang="fr")
    assert (told["registration"], told["insz"], told["history"]) == (1, CANARY_INSZ.masked, [])
    assert told["advice"][0].startswith("Ce NISS a été remplacé.")
    assert service.looks == [(17_000, EMPLOYER)]
    with pytest.raises(Declined, match="no registration 5"):
        _call(desk, "registrations show", id=5, employer=OTHER_EMPLOYER.value)
    assert service.looks[-1] == (5, OTHER_EMPLOYER)


@pytest.mark.parametrize("verdict", [SearchFailed(why="timeout"), SearchUnavailable(why="404 resourceNotFound")])
def test_a_service_that_cannot_be_asked_is_told(desk: Desk, service: LedgerService, verdict: Any) -> None:
    """With its reason; each of the three verbs exits 1."""
    service.search_always = lambda _: verdict
    service.look_plan.append(verdict)
    for name, asked in (("registrations search", {}), ("registrations show", {"id": 1}), ("outbox reconcile", {"day": _DAY})):
        with pytest.raises(Declined, match=f"could not be asked: {verdict.why}"):
            _call(desk, name, **asked)
    with pytest.raises(Declined, match="no way to the service"):
        _call(replace(desk, service=None), "registrations search")


def test_a_day_of_which_rows_were_purged_is_not_compared(desk: Desk, service: LedgerService) -> None:
    """What the retention let go of would look as if somebody else had registered it: nothing is asked, and it is said."""
    desk.database.write(lambda c: c.execute("INSERT INTO meta (name, value) VALUES ('purged_ms', ?)", (MORNING_MS,)))
    with pytest.raises(Declined, match="not whole any more"):
        _call(desk, "outbox reconcile", day=_DAY)
    assert service.searches == []


def test_a_day_is_compared_and_told(desk: Desk, service: LedgerService) -> None:
    """Counts, what explains the rest, and each unexplained one without a person's number."""
    service.store(_owed(at_ms=MORNING_MS + 60_000))
    told = _call(desk, "outbox reconcile", day=_DAY)
    assert {name: told[name] for name in ("day", "equal", "only_there", "only_here", "explained", "asked")} == {
        "day": _DAY,
        "equal": 1,
        "only_there": 1,
        "only_here": 0,
        "explained": {},
        "asked": 4,
    }
    assert told["items"] == [
        {
            "kind": "only_there",
            "registration": None,
            "registration_id": 17_001,
            "holder": 1,
            "direction": "in",
            "registration_date": "2026-11-02T07:01:00Z",
            "what": [],
        }
    ]
    for day in ("2026-11-03", "nonsense", None):
        with pytest.raises(UsageError, match="day"):
            _call(desk, "outbox reconcile", day=day)


def test_what_is_too_much_for_one_answer_is_counted(desk: Desk, service: LedgerService, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search is to be narrowed; nothing is left out without a word."""
    monkeypatch.setattr("kiosk.desk.registrations._MOST", 2)
    for _ in range(3):
        service.store(_owed())
    told = _call(desk, "registrations search")
    assert ([item["id"] for item in told["items"]], told["left_out"]) == ([17_000, 17_001], 2)
