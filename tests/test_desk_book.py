"""Which outbox verb may do what from which state: the table of the book, row by row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from kiosk import amendments, groups, lookups, settling, taps, tasks
from kiosk.advice import Language
from kiosk.desk import Desk, people
from kiosk.desk.book import CALLS
from kiosk.errors import Declined, UsageError
from kiosk.evidence import Entry, opened
from kiosk.identifiers import EnterpriseNumber
from kiosk.model import Direction, Reason, State, TaskKind
from kiosk.outbox import Outbox
from kiosk.records import unpack_draft
from kiosk.rules import DeclarationTerm
from kiosk.task_advice import ON_REASONS
from kiosk.verdicts import Created
from tests.desks import MORNING_MS, Clock, add_row, draft, holds, open_desk, put
from tests.people import (
    CANARY_CARD,
    CANARY_INSZ,
    CANARY_NAME,
    DECLARATION,
    EMPLOYER,
    OTHER_EMPLOYER,
    PLACE,
    invented_insz,
)

HOUR_MS = 3_600_000


@dataclass
class Messenger:
    """A delivery that notes what it was asked."""

    nudges: int = 0
    searched: list[int] = field(default_factory=list)

    def nudge(self) -> None:
        self.nudges += 1

    def search_now(self, row: int) -> str:
        self.searched.append(row)
        return "not found yet"


@pytest.fixture
def clock() -> Clock:
    return Clock(MORNING_MS + 8 * HOUR_MS)


@pytest.fixture
def messenger() -> Messenger:
    return Messenger()


@pytest.fixture
def desk(tmp_path: Path, clock: Clock, messenger: Messenger) -> Iterator[Desk]:
    """A desk with one holder, the canary, without own employer or declaration."""
    with open_desk(tmp_path, clock) as desk:
        line = {"card": CANARY_CARD.identifier.hex(), "insz": CANARY_INSZ.digits, "name": CANARY_NAME}
        people.badge_add(desk, {"lines": [line]})
        yield replace(desk, delivery=messenger)


def call(desk: Desk, name: str, /, **asked: object) -> dict[str, Any]:
    """Make a call as the control socket would: JSON in, JSON out."""
    answer: dict[str, Any] = json.loads(json.dumps(CALLS[name](desk, json.loads(json.dumps(asked)))))
    return answer


def last_entry(desk: Desk) -> tuple[str, str, dict[str, Any]]:
    uid, kind, subject, sealed = desk.database.read(
        lambda connection: connection.execute("SELECT uid, kind, subject, sealed FROM evidence ORDER BY id DESC").fetchone()
    )
    content = opened(desk.vault, uid, sealed)
    return kind, subject, {**(content.facts or {}), **(content.person or {})}


def open_task(desk: Desk, kind: TaskKind, row: int) -> None:
    desk.database.write(lambda connection: tasks.open_task(connection, kind, book=desk.book, at_ms=1, registration=row))


def kinds(desk: Desk) -> list[TaskKind]:
    return [task.kind for task in desk.database.read(lambda connection: tasks.open_tasks(connection, desk.book))]


def direction(desk: Desk) -> Direction | None:
    """Where the canary stands."""
    newest = desk.database.read(lambda connection: taps.newest_tap(connection, book=desk.book, holder=1))
    return None if newest is None else newest.last.direction


def pause(desk: Desk) -> None:
    outbox = Outbox(desk.database, desk.vault, desk.book)
    group = groups.group_named(outbox, EMPLOYER, DECLARATION)
    desk.database.write(lambda connection: groups.pause(connection, outbox, group, "badRequest", at_ms=1))


# Seeing


def test_every_field_of_the_interface_is_told(desk: Desk) -> None:
    """A listed row has every promised field, times in UTC, the INSZ masked, absent as null."""
    row = add_row(desk, 1, draft())
    put(desk, row, state="accepted", registration_id=17001, confirmed_ms=MORNING_MS + 2500, validity="valid", attempts=1)
    (item,) = call(desk, "outbox list")["items"]
    assert item == {
        "id": row,
        "state": "accepted",
        "direction": "in",
        "tapped_at": "2026-11-02T07:00:00Z",
        "registration_date": "2026-11-02T07:00:00Z",
        "registration_id": 17001,
        "confirmed_at": "2026-11-02T07:00:02Z",
        "validity": "valid",
        "remarks": [],
        "reason": None,
        "attempts": 1,
        "insz": CANARY_INSZ.masked,
        "cancel_requested": False,
    }
    shown = call(desk, "outbox show", id=row)
    assert item.items() <= shown.items()
    assert (shown["holder"], shown["reader"], shown["enterprise_number"]) == (1, "gate", EMPLOYER.value)
    assert (shown["technology"], shown["trust"]) == ("test", "uid")
    assert (shown["declaration"], shown["latitude"], shown["clock_trusted"]) == (DECLARATION.value, PLACE.latitude, True)


def test_the_list_ascends_and_filters(desk: Desk) -> None:
    """Rows come by ascending id, those of one state on demand, and no others' INSZ or name stands anywhere."""
    for number, state in enumerate((State.QUEUED, State.HELD, State.QUEUED)):
        add_row(desk, 1, draft(at_ms=MORNING_MS + number), state)
    assert [item["id"] for item in call(desk, "outbox list")["items"]] == [1, 2, 3]
    assert [item["id"] for item in call(desk, "outbox list", state="held")["items"]] == [2]
    assert call(desk, "outbox list", state="refused") == {"items": [], "next": None}
    told = json.dumps([call(desk, "outbox list"), call(desk, "outbox show", id=1)], ensure_ascii=False)
    assert CANARY_INSZ.digits not in told
    assert CANARY_NAME not in told


def test_a_long_book_is_told_in_parts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts follow each other without gap or repetition, however the windows of the store fall."""
    monkeypatch.setattr(amendments, "WINDOW", 2)
    for number in range(7):
        add_row(desk, 1, draft(at_ms=MORNING_MS + number), State.HELD if number % 3 == 0 else State.QUEUED)
    for state, ids in ((None, [1, 2, 3, 4, 5, 6, 7]), ("held", [1, 4, 7])):
        for limit in (1, 2, 3, 7, 8):
            seen: list[int] = []
            after: int | None = 0
            while after is not None:
                part = call(desk, "outbox list", state=state, limit=limit, **({"after": after} if after else {}))
                assert len(part["items"]) <= limit
                seen += [item["id"] for item in part["items"]]
                after = part["next"]
            assert seen == ids


def test_another_book_is_never_told(desk: Desk) -> None:
    """Rows of another environment's book are neither listed nor found by id."""
    row = add_row(desk, 1, draft(), State.HELD)
    other = replace(desk, book=desk.book + 1)
    assert call(other, "outbox list")["items"] == []
    for name in ("outbox show", "outbox retry", "outbox release"):
        with pytest.raises(Declined, match="no such registration"):
            call(other, name, id=row)


def test_a_damaged_row_hides_no_other(desk: Desk) -> None:
    """A row whose seals do not open is listed without its content."""
    row = add_row(desk, 1, draft())
    put(desk, row, sealed=bytes(40), remarks=bytes(40))
    add_row(desk, 1, draft(Direction.OUT))
    items = call(desk, "outbox list")["items"]
    assert [item["insz"] for item in items] == [None, CANARY_INSZ.masked]
    assert call(desk, "outbox show", id=row)["damaged"] is True


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("outbox list", {"state": "lost"}),
        ("outbox list", {"state": 1}),
        ("outbox list", {"limit": 0}),
        ("outbox list", {"stat": "held"}),
        ("outbox show", {}),
        ("outbox show", {"id": "1"}),
        ("outbox retry", {"id": 1, "time": "now"}),
        ("outbox release", {"id": 1, "group": 1}),
        ("outbox cancel", {"id": 1}),
        ("outbox cancel", {"id": 1, "reason": " "}),
        ("outbox cancel", {"id": 1, "reason": "x" * 201}),
        ("outbox cancel", {"id": 1, "reason": "two\nlines"}),
        ("outbox resolve", {"id": 1}),
        ("outbox resolve", {"id": 1, "found": 2, "absent": True}),
        ("outbox resolve", {"id": 1, "absent": False}),
        ("outbox resolve", {"id": 1, "found": 0}),
    ],
)
def test_a_wrong_call_is_wrong_usage(desk: Desk, name: str, asked: Mapping[str, object]) -> None:
    """Missing, wrong and unknown parameters are wrong usage, before anything is looked at."""
    with pytest.raises(UsageError):
        call(desk, name, **asked)


#: Everything else is done below.
FORBIDDEN = [
    *(("outbox retry", state) for state in (State.QUEUED, State.IN_FLIGHT, State.ACCEPTED, State.HELD, State.CANCELLED)),
    *(("outbox release", state) for state in State if state is not State.HELD),
    *(("outbox cancel", state) for state in (State.IN_FLIGHT, State.UNKNOWN, State.CANCELLED)),
    *(("outbox resolve", state) for state in State if state is not State.UNKNOWN),
]


@pytest.mark.parametrize(("name", "state"), FORBIDDEN)
def test_other_states_are_declined(desk: Desk, messenger: Messenger, name: str, state: State) -> None:
    """From any other state a verb is declined with a sentence, and changes nothing."""
    row = add_row(desk, 1, draft(), state)
    before = call(desk, "outbox show", id=row)
    more: dict[str, dict[str, object]] = {"outbox cancel": {"reason": "twice"}, "outbox resolve": {"found": 17}}
    with pytest.raises(Declined) as declined:
        call(desk, name, id=row, **more.get(name, {}))
    assert ("in flight; try again" in declined.value.message) == (state is State.IN_FLIGHT)
    assert call(desk, "outbox show", id=row) == before
    assert messenger.nudges == 0
    assert last_entry(desk)[0] == Entry.BADGE_ADDED


# Retry


def test_a_refused_row_is_built_again_from_the_corrected_roster(desk: Desk, messenger: Messenger) -> None:
    """Retry takes the holder's present number, employer and declaration, keeps the tap's moment and place, and queues."""
    elsewhere = replace(PLACE, latitude=51.0)
    row = add_row(desk, 1, draft(place=elsewhere), State.REFUSED)
    put(desk, row, reason="invalidStructure", attempts=1, called_ms=MORNING_MS + 500, split=row)
    open_task(desk, TaskKind.REFUSED, row)
    people.holder_edit(desk, {"holder": 1, "enterprise_number": OTHER_EMPLOYER.value})
    people.holder_replace_insz(desk, {"holder": 1, "insz": invented_insz(7).digits})
    shown = call(desk, "outbox retry", id=row)
    assert (shown["state"], shown["reason"], shown["attempts"]) == ("queued", None, 1)
    assert holds(desk, row) == draft(ssin=invented_insz(7), employer=OTHER_EMPLOYER, place=elsewhere)
    assert messenger.nudges == 1
    assert kinds(desk) == []
    kind, subject, details = last_entry(desk)
    assert (kind, subject, details["reason"]) == ("retried", f"registration:{row}", "invalidStructure")
    assert unpack_draft(details["before"].encode()) == draft(place=elsewhere)


def test_the_new_version_goes_to_its_own_group(desk: Desk) -> None:
    """A rebuilt row is sent with its new employer, and waits where that one is paused."""
    rows = [add_row(desk, 1, draft(employer=OTHER_EMPLOYER, at_ms=MORNING_MS + n), State.REFUSED) for n in range(2)]
    indexes = desk.database.read(lambda connection: connection.execute("SELECT group_index FROM registrations").fetchall())
    call(desk, "outbox retry", id=rows[0])
    changed = desk.database.read(lambda connection: connection.execute("SELECT group_index FROM registrations").fetchall())
    assert changed[0] != indexes[0]
    assert changed[1] == indexes[1]
    pause(desk)
    assert call(desk, "outbox retry", id=rows[1])["reason"] == "group"


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.GROUP])
def test_a_held_row_says_what_to_do_about_its_reason(desk: Desk, reason: Reason) -> None:
    """In the language that was asked for, with the verb that ends it; so does its task."""
    row = add_row(desk, 1, draft(), State.HELD, reason)
    shown = call(desk, "outbox show", id=row, lang="fr")
    assert shown["advice"] == [ON_REASONS[reason][Language.FR]]


def test_an_unknown_row_is_looked_up_now(desk: Desk, messenger: Messenger) -> None:
    """Retry of an unknown row asks the running delivery and tells what came of it; nothing is sent blindly."""
    row = add_row(desk, 1, draft(), State.UNKNOWN)
    shown = call(desk, "outbox retry", id=row)
    assert (shown["outcome"], shown["state"], messenger.searched) == ("not found yet", "unknown", [row])
    assert last_entry(desk) == ("retried", f"registration:{row}", {"state": "unknown", "outcome": "not found yet"})
    with pytest.raises(Declined, match="no daemon runs"):
        call(replace(desk, delivery=None), "outbox retry", id=row)


# Release


@pytest.mark.parametrize("reason", [Reason.LATE, Reason.CHANNEL, Reason.FENCE])
def test_what_may_be_waived_is_sent_as_it_is(desk: Desk, messenger: Messenger, reason: Reason) -> None:
    """A row held for being late, its channel or its place is queued unchanged, and not judged late again."""
    row = add_row(desk, 1, draft(employer=OTHER_EMPLOYER), State.HELD, reason)
    open_task(desk, TaskKind.HELD, row)
    shown = call(desk, "outbox release", id=row)
    assert (shown["state"], shown["reason"], messenger.nudges, kinds(desk)) == ("queued", None, 1, [])
    assert holds(desk, row) == draft(employer=OTHER_EMPLOYER)
    assert last_entry(desk)[:2] == ("released", f"registration:{row}")
    released = desk.database.read(lambda connection: connection.execute("SELECT released FROM registrations").fetchone())
    assert released == (1,)


def test_a_missing_declaration_is_chosen_once_it_can_be(desk: Desk) -> None:
    """Held for its declaration: declined while none was valid on the tap's local day, queued once one is."""
    row = add_row(desk, 1, draft(declaration=None), State.HELD, Reason.DECLARATION)
    none = replace(desk, declarations=(DeclarationTerm(number=DECLARATION, valid_until=date(2026, 11, 1)),))
    with pytest.raises(Declined, match="valid on the day of the tap"):
        call(none, "outbox release", id=row)
    assert call(desk, "outbox show", id=row)["state"] == "held"
    assert call(desk, "outbox release", id=row)["declaration"] == DECLARATION.value


def test_a_missing_employer_comes_from_the_roster(desk: Desk) -> None:
    """Held for its employer: declined while nobody knows it, queued once the holder has one."""
    row = add_row(desk, 1, draft(employer=None), State.HELD, Reason.EMPLOYER)
    nobody = replace(desk, employer=None)
    with pytest.raises(Declined, match="no employer is known"):
        call(nobody, "outbox release", id=row)
    people.holder_edit(nobody, {"holder": 1, "enterprise_number": OTHER_EMPLOYER.value})
    assert call(nobody, "outbox release", id=row)["enterprise_number"] == OTHER_EMPLOYER.value


@pytest.mark.parametrize(
    "healed",
    [
        {"healed_ms": None},
        {"latest_ms": MORNING_MS},
        {"healed_ms": MORNING_MS, "earliest_ms": MORNING_MS - 60_002, "latest_ms": MORNING_MS + 60_002},
    ],
)
def test_nothing_lifts_a_time_hold(desk: Desk, healed: dict[str, int | None]) -> None:
    """A row held for its clock is not released by anybody: not healed, lost with its boot, or with too wide a bound."""
    row = add_row(desk, 1, draft(), State.HELD, Reason.CLOCK, trusted=False)
    put(desk, row, **healed)
    with pytest.raises(Declined, match="nothing lifts a time hold but a healed time"):
        call(desk, "outbox release", id=row)


def test_a_tap_of_a_lost_boot_is_released_for_no_other_reason_either(desk: Desk) -> None:
    """What was held for its declaration as well is not sent under a time that nobody knows."""
    row = add_row(desk, 1, draft(declaration=None), State.HELD, Reason.DECLARATION, trusted=False)
    put(desk, row, latest_ms=MORNING_MS)
    with pytest.raises(Declined, match="nothing lifts a time hold"):
        call(desk, "outbox release", id=row)


def test_a_healed_time_within_its_bound_lifts_a_time_hold(desk: Desk) -> None:
    """A human saw that the true time would have decided otherwise: it is sent as it was shown, at its own time."""
    row = add_row(desk, 1, draft(), State.HELD, Reason.CLOCK, trusted=False)
    put(desk, row, healed_ms=MORNING_MS, earliest_ms=MORNING_MS - 500, latest_ms=MORNING_MS + 500)
    shown = call(desk, "outbox release", id=row)
    assert (shown["state"], shown["reason"], holds(desk, row)) == ("queued", None, draft())
    assert shown["clock"]["earliest"] <= shown["registration_date"] <= shown["clock"]["latest"]
    assert (shown["clock"]["error_bound_seconds"], shown["clock"]["reading"]) == (0.5, shown["tapped_at"])


def test_a_release_does_not_skip_the_healing(desk: Desk) -> None:
    """A released row of a tap with an untrusted clock goes on waiting for its true time."""
    row = add_row(desk, 1, draft(declaration=None), State.HELD, Reason.DECLARATION, trusted=False)
    shown = call(desk, "outbox release", id=row)
    assert (shown["state"], shown["reason"], shown["clock_trusted"]) == ("queued", "clock", False)


def test_a_damaged_row_is_built_again(desk: Desk) -> None:
    """A row held because its seal does not open is rebuilt from tap and roster; without the roster it is declined."""
    rows = [add_row(desk, 1, draft(at_ms=MORNING_MS + n), State.HELD, Reason.SEAL) for n in range(2)]
    for row in rows:
        put(desk, row, sealed=bytes(40))
    call(desk, "outbox release", id=rows[0])
    assert holds(desk, rows[0]) == draft()
    assert last_entry(desk)[2]["before"] is None
    desk.database.write(lambda connection: connection.execute("UPDATE profiles SET sealed = zeroblob(40)"))
    with pytest.raises(Declined, match="can't be built again"):
        call(desk, "outbox release", id=rows[1])


def test_a_paused_group_is_released_by_any_of_its_rows(desk: Desk, messenger: Messenger) -> None:
    """The pause of a row's employer and declaration ends on demand, once; a row alone does not slip through."""
    row = add_row(desk, 1, draft(), State.QUEUED, Reason.GROUP)
    pause(desk)
    assert kinds(desk) == [TaskKind.GROUP_PAUSED]
    with pytest.raises(Declined, match="are paused"):
        call(desk, "outbox release", id=row)
    call(desk, "outbox release", id=row, group=True)
    assert (kinds(desk), messenger.nudges) == ([], 1)
    with pytest.raises(Declined, match="not paused"):
        call(desk, "outbox release", id=row, group=True)


def test_a_row_without_group_has_no_pause(desk: Desk) -> None:
    """A row that lacks an employer belongs to no group."""
    row = add_row(desk, 1, draft(employer=None), State.HELD, Reason.EMPLOYER)
    with pytest.raises(Declined, match="not paused"):
        call(desk, "outbox release", id=row, group=True)


# Cancel


@pytest.mark.parametrize("state", [State.QUEUED, State.HELD, State.REFUSED])
def test_a_cancelled_row_is_kept_with_its_reason(desk: Desk, state: State) -> None:
    """Cancelling keeps row and tap, tells the reason, closes what was open about it, and the holder stands as before."""
    row = add_row(desk, 1, draft(), state)
    open_task(desk, TaskKind.HELD, row)
    open_task(desk, TaskKind.LONG_STAY, row)
    assert direction(desk) is Direction.IN
    shown = call(desk, "outbox cancel", id=row, reason="tapped by a visitor")
    assert (shown["state"], shown["reason"], shown["remarks"]) == ("cancelled", "tapped by a visitor", [])
    assert direction(desk) is None
    assert kinds(desk) == []
    count = desk.database.read(lambda connection: connection.execute("SELECT count(*) FROM registrations").fetchone()[0])
    assert count == 1
    kind, subject, details = last_entry(desk)
    assert (kind, subject, details["because"], details["state"]) == (
        "cancelled",
        f"registration:{row}",
        "tapped by a visitor",
        state.value,
    )


def test_the_reason_is_sealed_at_rest(desk: Desk, tmp_path: Path) -> None:
    """What a human writes is not in clear on disk: it may name somebody after all."""
    row = add_row(desk, 1, draft())
    call(desk, "outbox cancel", id=row, reason=f"tapped by {CANARY_NAME}")
    assert "Kanarievogel" in call(desk, "outbox show", id=row)["reason"]
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"Kanarievogel" not in written


@pytest.mark.parametrize("reason", [f"of {CANARY_INSZ.digits}", "of 85.07.30-033.28", "card 04C0FFEEDEAD80", "tel 0470 12 34 56"])
def test_a_reason_holds_nobodys_number(desk: Desk, reason: str) -> None:
    """A reason with the number of a person or card is refused, and not repeated."""
    row = add_row(desk, 1, draft())
    with pytest.raises(UsageError) as refused:
        call(desk, "outbox cancel", id=row, reason=reason)
    assert reason not in str(refused.value)


@pytest.mark.parametrize("reason", ["visitor, floor 12, 2 Nov", "double of 17", "facade badge effaced", "on 2026-11"])
def test_ordinary_reasons_are_taken(desk: Desk, reason: str) -> None:
    """Words, small numbers and words of hexadecimal letters are no numbers of people."""
    row = add_row(desk, 1, draft())
    assert call(desk, "outbox cancel", id=row, reason=reason)["reason"] == reason


def test_half_a_switch_leaves_the_other_half(desk: Desk) -> None:
    """Of a tap that owes an OUT and an IN, cancelling the IN leaves the holder out; cancelling both, where he was before."""
    add_row(desk, 1, draft(at_ms=MORNING_MS - HOUR_MS))
    left = add_row(desk, 1, draft(Direction.OUT))
    came = add_row(desk, 1, draft(Direction.IN))
    call(desk, "outbox cancel", id=came, reason="wrong reader")
    assert direction(desk) is Direction.OUT
    call(desk, "outbox cancel", id=left, reason="wrong reader")
    newest = desk.database.read(lambda connection: taps.newest_tap(connection, book=desk.book, holder=1))
    assert newest is not None
    assert (newest.last.direction, newest.last.at_ms) == (Direction.IN, MORNING_MS - HOUR_MS)


def test_an_accepted_row_stays_so_until_the_service_has_cancelled_it(desk: Desk, messenger: Messenger) -> None:
    """The wish is on the row, its reason sealed in the record; the delivery is told; asked again, nothing changes."""
    row = add_row(desk, 1, draft(), State.ACCEPTED)
    for _ in range(2):
        shown = call(desk, "outbox cancel", id=row, reason="mistake")
        assert (shown["state"], shown["cancel_requested"]) == ("accepted", True)
    assert messenger.nudges == 2
    assert last_entry(desk) == (Entry.CANCEL_REQUESTED, f"registration:{row}", {"because": "mistake"})
    entries = desk.database.read(lambda c: c.execute("SELECT count(*) FROM evidence WHERE kind = 'cancel_requested'").fetchone())
    assert entries == (1,)


# Resolve


def test_a_found_registration_settles_the_row(desk: Desk) -> None:
    """A registration found by a human is accepted with its id, its validity still to be checked, its task closed."""
    row = add_row(desk, 1, draft(), State.UNKNOWN)
    open_task(desk, TaskKind.UNKNOWN, row)
    shown = call(desk, "outbox resolve", id=row, found=17001)
    assert (shown["state"], shown["registration_id"], shown["validity"]) == ("accepted", 17001, "pending")
    assert shown["confirmed_at"] == "2026-11-02T15:00:00Z"
    assert kinds(desk) == []
    assert last_entry(desk) == ("resolved", f"registration:{row}", {"found": 17001})


def test_one_registration_id_settles_one_row(desk: Desk) -> None:
    """An id that has settled a row settles no second one."""
    rows = [add_row(desk, 1, draft(at_ms=MORNING_MS + n), State.UNKNOWN) for n in range(2)]
    call(desk, "outbox resolve", id=rows[0], found=17001)
    with pytest.raises(Declined, match="settles another row"):
        call(desk, "outbox resolve", id=rows[1], found=17001)
    assert call(desk, "outbox show", id=rows[1])["state"] == "unknown"


@pytest.mark.parametrize(("shown", "word"), [(17001, None), (17002, "under another id, 17002")])
def test_the_services_own_search_goes_before_a_humans_word(desk: Desk, shown: int, word: str | None) -> None:
    """Where the service can be asked, a registration that it shows settles the row, whatever the human typed."""
    row = add_row(desk, 1, draft(), State.UNKNOWN)

    class Searching(Messenger):
        def search_now(self, row: int) -> str:
            found = Created(registration_id=shown, validity="pending")
            desk.database.write(
                lambda connection: settling.accept(
                    connection, Outbox(desk.database, desk.vault, desk.book), row, bytes(16), found, at_ms=1, state=State.UNKNOWN
                )
            )
            return "found"

    asked = replace(desk, delivery=Searching())
    if word is None:
        assert call(asked, "outbox resolve", id=row, found=17001)["registration_id"] == shown
        return
    with pytest.raises(Declined, match=word):
        call(asked, "outbox resolve", id=row, found=17001)


def test_absent_is_for_what_was_looked_for(desk: Desk, messenger: Messenger) -> None:
    """A row is said to be absent only after a search failed to find it, or where none is to be had; then it is queued."""
    rows = [add_row(desk, 1, draft(at_ms=MORNING_MS + n), State.UNKNOWN) for n in range(3)]
    put(desk, rows[1], absent_ms=MORNING_MS)
    open_task(desk, TaskKind.UNKNOWN, rows[2])
    with pytest.raises(Declined, match="could register it twice"):
        call(desk, "outbox resolve", id=rows[0], absent=True)
    for row in rows[1:]:
        assert call(desk, "outbox resolve", id=row, absent=True)["state"] == "queued"
        assert last_entry(desk) == ("resolved", f"registration:{row}", {"absent": True})
    assert kinds(desk) == []
    assert messenger.nudges == 2


def test_verbs_work_without_a_daemon(desk: Desk) -> None:
    """A verb that opened the store itself changes the book just the same."""
    row = add_row(desk, 1, draft(employer=EnterpriseNumber(OTHER_EMPLOYER.value)), State.REFUSED)
    assert call(replace(desk, delivery=None), "outbox retry", id=row)["state"] == "queued"


def test_what_the_service_does_not_show_is_not_found(desk: Desk) -> None:
    """A typing error loses no registration: the service was asked just then, and its word goes before a human's."""
    row = add_row(desk, 1, draft(), State.UNKNOWN)

    class Answered(Messenger):
        def search_now(self, row: int) -> str:
            return lookups.Finding.ABSENT_ONCE

    with pytest.raises(Declined, match="asked just now"):
        call(replace(desk, delivery=Answered()), "outbox resolve", id=row, found=17001)
    assert call(desk, "outbox show", id=row)["state"] == "unknown"
