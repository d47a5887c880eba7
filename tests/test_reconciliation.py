from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from threading import Event, Thread
from zoneinfo import ZoneInfo

import pytest

from kiosk import cancellations, elsewhere, roster
from kiosk.comparison import Finding, Kind, What, Why
from kiosk.contact import Pace
from kiosk.days import bounds
from kiosk.followup import FollowUp
from kiosk.identifiers import DeclarationNumber, Employer
from kiosk.line import DeliverySettings
from kiosk.model import Direction, Draft, Profile, Registration, State
from kiosk.reconciliation import Reconciled, Reconciler, Reconciliation, counts
from kiosk.verdicts import Answered, ItemVerdict, NotCreated, NotThere, Query, SearchFailed, SearchUnavailable, SearchVerdict
from tests.people import DECLARATION, EMPLOYER, OTHER_DECLARATION, OTHER_EMPLOYER, PLACE, invented_insz
from tests.worlds import Served, World

ZONE = ZoneInfo("Europe/Brussels")
DAY = date(2026, 11, 5)
BEGINS_MS, ENDS_MS = bounds(DAY, ZONE)
HOUR_MS = 3_600_000
#: Nobody's rows are late here: what other channels did is part of the scene.
_SETTINGS = DeliverySettings(pace=Pace(start_jitter_seconds=0), late_after_minutes=1_000_000)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, settings=_SETTINGS)


def _reconciler(world: World) -> Reconciler:
    return Reconciler(world.outbox, lambda: world.service, world.time, zone=ZONE, declarations=[DECLARATION], max_shift_hours=14)


def _compare(world: World, day: date = DAY) -> Reconciled:
    came = _reconciler(world).compare(day)
    assert isinstance(came, Reconciled)
    return came


def _findings(world: World) -> list[tuple[Kind, int | None, int | None, tuple[What, ...]]]:
    def one(finding: Finding) -> tuple[Kind, int | None, int | None, tuple[What, ...]]:
        ours, theirs = finding.ours, finding.theirs
        row, number = None if ours is None else ours.row, None if theirs is None else theirs.registration_id
        return finding.kind, row, number, finding.what

    return [one(finding) for finding in _compare(world).comparison.findings]


def _draft(person: int, at_ms: int, direction: Direction = Direction.IN, **changes: object) -> Draft:
    whole = Draft(
        ssin=invented_insz(person),
        direction=direction,
        at_ms=at_ms,
        employer=EMPLOYER,
        place=PLACE,
        declaration=DECLARATION,
    )
    return replace(whole, **changes)  # type: ignore[arg-type]  # the fields of a Draft


def _accepted(world: World, *moments: int) -> list[int]:
    """Rows of person 0 at these moments of the day, accepted and valid."""
    rows = world.add([(world.holder(0), _draft(0, BEGINS_MS + moment)) for moment in moments])
    world.run()
    for served in world.service.rows:
        served.change(validity="valid")
    world.database.write(lambda c: c.execute("UPDATE registrations SET validity = 'valid'"))
    world.time.pass_seconds(2 * 3600)
    return rows


# A large day.


@dataclass
class Crowd:
    """10,000 registrations of 500 people on one day, through the real delivery and the real follow-up."""

    world: World
    refused: int = 0
    rows: list[int] = field(default_factory=list)

    def employer(self, person: int) -> Employer:
        return OTHER_EMPLOYER if person % 5 == 4 else EMPLOYER

    def make(self) -> None:
        world = self.world
        holders = [world.holder(person) for person in range(500)]
        drafts = []
        for number in range(10_000):
            person = number % 500
            at_ms = BEGINS_MS + 1000 * (number * 8) + 123
            direction = Direction.OUT if (number // 500) % 2 else Direction.IN
            declaration = OTHER_DECLARATION if person % 7 == 6 else DECLARATION
            draft = _draft(person, at_ms, direction, employer=self.employer(person), declaration=declaration)
            # At noon twenty people's BIS numbers became national ones.
            if person < 20 and number >= 5000:
                draft = replace(draft, ssin=invented_insz(1000 + person))
            drafts.append((holders[person], draft))
        for person in range(20):
            self._replace(holders[person], person)
        self.rows = world.add(drafts)
        world.service.always = self._answer
        world.run(10_000)

    def _replace(self, holder: int, person: int) -> None:
        profile = Profile(insz=invented_insz(1000 + person))
        self.world.database.write(lambda c: roster.change_profile(c, self.world.vault, holder, profile, at_ms=1))

    def _answer(self, registrations: Sequence[Registration]) -> Answered:
        return Answered(items=tuple(self._one(each) for each in registrations))

    def _one(self, registration: Registration) -> ItemVerdict:
        if registration.second % 37 == 0:
            self.refused += 1
            return NotCreated(reason=f"reason {self.refused % 3}")
        return self.world.service.store(registration)

    def find(self) -> None:
        """The service makes up its mind: bad news, remarks, cancellations; and holds some under the newer number."""
        for number, served in enumerate(self.world.service.rows):
            validity = "invalid" if number % 50 == 7 else "valid"
            served.change(validity=validity, remarks=("replacedSsin",) if number % 40 == 3 else ())
            if number % 90 == 11:
                served.change(validity="cancelled", cancelled=True)
            newer = {invented_insz(person).digits: invented_insz(1000 + person).digits for person in range(20)}
            if number % 2:
                served.change(ssin=newer.get(served.shown.ssin, served.shown.ssin))

    def follow(self) -> int:
        """Let the follow-up see it; how many searches that took."""
        world, left = self.world, 6 * 3600.0
        before = len(world.service.searches)
        follow = FollowUp(world.outbox, lambda: world.service, world.time, dice=lambda: 0.5)
        while (wait := follow.step()) <= left:
            world.time.pass_seconds(wait)
            left -= wait
        return len(world.service.searches) - before

    def others(self) -> None:
        """300 registrations by telephone, known to the box, and 200 of people who are not in the roster."""
        service, at_ms = self.world.service, BEGINS_MS + 4000
        for number in range(300):
            draft = _draft(number, at_ms + number * 8000, employer=self.employer(number))
            service.store(_whole(draft))
        for number in range(200):
            draft = _draft(5000 + number, at_ms + number * 8000, employer=OTHER_EMPLOYER)
            service.store(_whole(draft))
        for employer in (EMPLOYER, OTHER_EMPLOYER):
            query = Query(from_ms=BEGINS_MS, to_ms=ENDS_MS, employer=employer, declaration=DECLARATION)
            shown = elsewhere.others(self.world.outbox, service.find(query))
            group = shown[0].group
            elsewhere.keep(self.world.outbox, PLACE, group, (BEGINS_MS, ENDS_MS), shown, at_ms=self.world.time.wall_ms)

    def cancel(self) -> int:
        """A hundred that a human here wants cancelled, through the real delivery."""
        world, living = self.world, "SELECT 1 FROM registrations WHERE id = ? AND state = 'accepted' AND validity <> 'cancelled'"
        asked = [row for row in self.rows[5::100] if world.select(living, row)]
        for row in asked:
            world.database.write(partial(cancellations.ask, outbox=world.outbox, row=row, because="test", at_ms=world.time.wall_ms))
        world.run(10_000)
        assert world.select("SELECT count(*) FROM registrations WHERE state = 'cancelled'") == [(len(asked),)]
        return len(asked)


def _whole(draft: Draft) -> Registration:
    registration = draft.complete()
    assert registration is not None
    return registration


@pytest.mark.timeout(300)
def test_ten_thousand_mixed_registrations_reconcile_to_nothing_unexplained(world: World) -> None:
    """Refusals, remarks, other channels, replaced numbers and cancellations each have their reason; what is seeded is found."""
    crowd = Crowd(world)
    crowd.make()
    crowd.find()
    searches = crowd.follow()
    crowd.others()
    cancelled = crowd.cancel()
    held = world.add([(world.holder(3), _draft(3, BEGINS_MS + 5000 + number)) for number in range(10)], state=State.HELD)
    world.service.searches.clear()
    came = _compare(world)
    told = came.comparison
    assert told.findings == ()
    assert told.stale == ()
    gone = sum(served.shown.cancelled for served in world.service.rows)
    assert dict(told.explained) == {
        Why.OTHER_CHANNEL: 300,
        Why.NOT_IN_ROSTER: 200,
        Why.CANCELLED: gone,
        Why.REFUSED: crowd.refused,
        Why.HELD: len(held),
    }
    assert cancelled > 80
    assert crowd.refused > 200
    assert told.equal == 10_000 - crowd.refused - gone
    assert searches <= 40
    # Two declarations in four parts of a day; of a service that shows a hundred at a time some 110 pages.
    assert (came.asked, came.shown) == (8, len(world.service.rows))
    assert world.service.looks == []
    # Three hundred came in here and by telephone as well.
    assert {kind for kind, _, _ in world.tasks()} == {"refused", "validity", "remark", "overlap"}
    before = len(world.tasks())
    seeded = _seed(world)
    found = Counter(_findings(world))
    assert found == seeded
    assert len(world.service.looks) == 4
    opened = Counter(str(kind) for kind, _, _ in world.tasks()[before:])
    assert opened == {"duplicate": 5, "lost": 3, "different": 2, "validity": 2}


def _seed(world: World) -> Counter[tuple[Kind, int | None, int | None, tuple[What, ...]]]:
    """Put five duplicates, three losses, two validities and two other declarations into the service."""
    good = [
        (served, row)
        for served in world.service.rows
        if served.shown.validity == "valid" and not served.shown.remarks and (row := _row_of(world, served)) is not None
    ]
    seeded: list[tuple[Kind, int | None, int | None, tuple[What, ...]]] = []
    for served, row in good[:500:100]:
        created = world.service.store(served.registration)
        world.service.rows[-1].change(validity="valid", ssin=served.shown.ssin)
        seeded.append((Kind.DUPLICATE, row, created.registration_id, ()))
    for served, row in good[1000:1300:100]:
        served.created_ms = 2**60  # what the search shows no more
        world.service.look_plan.append(NotThere())
        seeded.append((Kind.ONLY_HERE, row, None, ()))
    for served, row in good[2000:2200:100]:
        served.change(validity="invalid")
        seeded.append((Kind.DIFFERENT, row, served.shown.registration_id, (What.VALIDITY,)))
    # One is shown under another declaration of ours, one under one that we don't have: only its id still finds it.
    (moved, first), (hidden, second) = good[3000], good[3001]
    moved.change(declaration=OTHER_DECLARATION if moved.shown.declaration == DECLARATION else DECLARATION)
    hidden.change(declaration=replace(DECLARATION, value="1Y1003SQ5VSZZ"))
    seeded += [
        (Kind.DIFFERENT, row, served.shown.registration_id, (What.DECLARATION,))
        for served, row in ((moved, first), (hidden, second))
    ]
    return Counter(seeded)


def _row_of(world: World, served: Served) -> int | None:
    found = world.select(
        "SELECT id FROM registrations WHERE registration_id = ? AND state = 'accepted' AND validity = 'valid'",
        served.shown.registration_id,
    )
    return int(str(found[0][0])) if found else None


# One row at a time.


@pytest.mark.parametrize(
    ("declaration", "employer"), [(DECLARATION, OTHER_EMPLOYER), (OTHER_DECLARATION, EMPLOYER)], ids=["employer", "declaration"]
)
def test_what_stands_under_another_employer_or_declaration_is_found_by_its_id(
    world: World, declaration: DeclarationNumber, employer: Employer
) -> None:
    """A search that does not show it proves nothing: only the service's own "not there" makes a row lost."""
    (row,) = _accepted(world, HOUR_MS)
    world.service.rows[0].change(declaration=declaration, employer=employer)
    assert _findings(world) == [(Kind.DIFFERENT, row, 17_000, (What.DECLARATION,))]
    assert world.tasks() == [("different", row, "employer_or_declaration: registration 17000 at the service")]


def test_each_task_is_opened_once_and_closed_when_its_cause_is_gone(world: World) -> None:
    """However often a day is compared; what the manager had put right at the service needs nobody any more."""
    twice, gone, moved = _accepted(world, HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS)
    second = world.service.store(world.service.rows[0].registration).registration_id
    lost = world.service.rows[1]
    lost.created_ms = 2**60
    world.service.look_plan.extend([NotThere(), NotThere()])
    world.service.rows[2].change(employer=OTHER_EMPLOYER)
    for _ in range(2):
        assert len(_compare(world).comparison.findings) == 3
    assert sorted(world.tasks(), key=str) == [
        ("different", moved, "employer_or_declaration: registration 17002 at the service"),
        ("duplicate", twice, f"registration {second} at the service"),
        ("lost", gone, "not found at the service"),
    ]
    world.service.rows[-1].change(cancelled=True, validity="cancelled")
    world.service.rows[2].change(employer=EMPLOYER)
    lost.created_ms = 0
    assert _compare(world).comparison.findings == ()
    assert world.tasks() == []


def test_a_finding_that_changed_after_it_was_final_is_kept_and_told(world: World) -> None:
    """The follow-up asks no more once a validity is final; the comparison notices."""
    (row,) = _accepted(world, HOUR_MS)
    world.service.rows[0].change(validity="invalid", remarks=("replacedSsin",))
    assert _findings(world) == [(Kind.DIFFERENT, row, 17_000, (What.VALIDITY, What.REMARKS))]
    assert world.row(row)["validity"] == "invalid"
    assert world.tasks() == [("validity", row, "invalid")]
    assert world.select("SELECT registration FROM notices") == [(row,)]
    assert _findings(world) == []
    world.service.rows[0].change(validity="pending", remarks=())
    _compare(world)
    assert world.row(row)["validity"] == "pending"
    assert FollowUp(world.outbox, lambda: world.service, world.time).step() == 30


def test_two_declarations_at_once_here_become_a_task(world: World) -> None:
    """Also where no other channel is known of him: each comparison looks at everybody of its day."""
    first = _draft(0, BEGINS_MS + 8 * HOUR_MS)
    second = _draft(0, BEGINS_MS + 9 * HOUR_MS, declaration=OTHER_DECLARATION)
    rows = world.add([(world.holder(0), each) for each in (first, second)])
    world.run()
    world.time.wall_ms = ENDS_MS + HOUR_MS
    _compare(world)
    assert world.tasks() == [("overlap", rows[1], f"inside by registration {rows[0]} here too, since 2026-11-05T07:00:00Z")]


def test_a_service_that_cannot_be_asked_changes_nothing(world: World) -> None:
    """Half a comparison would make losses of what was not shown."""
    _accepted(world, HOUR_MS, 20 * HOUR_MS)
    world.service.rows[0].change(validity="invalid")
    failed = SearchFailed(why="timeout")
    world.service.search_plan.extend([world.service.find, lambda _: failed])
    assert _reconciler(world).compare(DAY) == failed
    world.service.rows[0].created_ms = 2**60
    world.service.look_plan.append(failed)
    assert _reconciler(world).compare(DAY) == failed
    assert world.tasks() == []
    assert world.select("SELECT * FROM reconciliations") == []


def test_a_row_whose_seal_broke_is_compared_all_the_same(world: World) -> None:
    """Neither its person nor its declaration need be opened; and a service that shows more than it was asked is no trouble."""
    rows = _accepted(world, HOUR_MS, 2 * HOUR_MS)
    world.database.write(lambda c: c.execute("UPDATE registrations SET sealed = x'00' WHERE id = ?", (rows[0],)))
    world.service.search_always = lambda query: world.service.find(Query(from_ms=0, to_ms=query.to_ms + HOUR_MS))
    assert counts(_compare(world).comparison)["equal"] == 2


def test_one_employers_broken_credential_keeps_no_other_day_from_being_compared(world: World) -> None:
    """His rows wait for another comparison; the other's are compared, and his are not taken for lost."""
    (row,) = _accepted(world, HOUR_MS)
    world.add([(world.holder(1), _draft(1, BEGINS_MS + HOUR_MS, employer=OTHER_EMPLOYER))])
    world.run()
    world.time.pass_seconds(7200)
    world.service.rows[0].change(validity="invalid")
    find = world.service.find
    world.service.search_always = lambda query: find(query) if query.employer == EMPLOYER else SearchFailed(why="invalid_client")
    assert _findings(world) == [(Kind.DIFFERENT, row, 17_000, (What.VALIDITY,))]
    assert world.select("SELECT equal, unsettled FROM reconciliations") == [(0, 2)]
    for failure in (SearchFailed(why="429", retry_after=9), SearchFailed(why="no route", reachable=False)):
        world.service.searches.clear()
        world.service.search_always = partial(_answered, failure)
        assert _reconciler(world).compare(DAY) == failure
        assert len(world.service.searches) == 1
    denied = SearchFailed(why="denied")
    world.service.search_always = partial(_answered, denied)
    assert _reconciler(world).compare(DAY) == denied


def test_no_more_rows_are_looked_at_one_by_one_than_is_polite(world: World) -> None:
    """Where search shows nothing at all, something else is wrong than the rows."""
    _accepted(world, *(60_000 * number for number in range(60)))
    for served in world.service.rows:
        served.created_ms = 2**60
    world.service.look_plan.extend([NotThere()] * 60)
    assert len(_compare(world).comparison.findings) == 60
    assert len(world.service.looks) == 50


def test_a_search_that_hides_what_is_there_makes_no_losses_and_no_flood_of_looks(world: World) -> None:
    """Fifty looks, whatever they find; where one finds its row the search is what failed, and the rest waits for another night."""
    _accepted(world, *(60_000 * number for number in range(60)))
    for served in world.service.rows:
        served.created_ms = 2**60
    came = _compare(world)
    assert len(world.service.looks) == 50
    assert (came.comparison.equal, came.comparison.findings, dict(came.comparison.explained)) == (50, (), {Why.WAITING: 10})
    assert world.tasks() == []


def test_other_findings_keep_no_row_from_being_looked_at(world: World) -> None:
    """Sixty duplicates are no reason to call a row lost that the service shows by its id."""
    *_, hidden = _accepted(world, *(60_000 * number for number in range(60)), 20 * HOUR_MS)
    for served in world.service.rows[:60]:
        world.service.store(served.registration)
    world.service.rows[60].created_ms = 2**60
    told = _compare(world).comparison
    assert {finding.kind for finding in told.findings} == {Kind.DUPLICATE}
    assert ("lost", hidden, "not found at the service") not in world.tasks()


# Days.


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 11, 5), 24)],
    ids=["spring", "autumn", "plain"],
)
def test_a_day_is_the_sites(world: World, day: date, hours: int) -> None:
    """From local midnight to local midnight: 23 hours in March, 25 in October, and each tap belongs to one day only."""
    begins_ms, ends_ms = bounds(day, ZONE)
    assert ends_ms - begins_ms == hours * HOUR_MS
    world.time.wall_ms = ends_ms + 24 * HOUR_MS
    moments = [begins_ms - 1, begins_ms, ends_ms - 1, ends_ms]
    world.add([(world.holder(0), _draft(0, at_ms)) for at_ms in moments])
    world.run()
    for served in world.service.rows:
        served.change(validity="valid")
    assert _compare(world, day).comparison.equal == 2
    others = (day - timedelta(days=1), day + timedelta(days=1))
    assert [_compare(world, other).comparison.equal for other in others] == [1, 1]


def _thread(world: World) -> Reconciliation:
    return Reconciliation(_reconciler(world), dice=lambda: 0.0)


def test_missed_days_are_caught_up_one_after_the_other(world: World) -> None:
    """A box that was away compares each day with rows of its own once; days without any cost no request."""
    world.database.write(lambda c: c.execute("UPDATE books SET opened_ms = ?", (BEGINS_MS - 3 * 24 * HOUR_MS,)))
    _accepted(world, HOUR_MS, -30 * HOUR_MS)
    world.service.searches.clear()
    thread, waits = _thread(world), []
    while (wait := thread.step()) != 900:
        waits.append(wait)
    assert waits == [1, 60, 1, 60]
    assert len(world.service.searches) == 8
    days = world.select("SELECT day, equal, unsettled FROM reconciliations ORDER BY day")
    assert days == [("2026-11-02", 0, 0), ("2026-11-03", 1, 0), ("2026-11-04", 0, 0), ("2026-11-05", 1, 0)]


def test_days_that_are_not_whole_any_more_are_not_compared(world: World) -> None:
    """What the retention let go of would look as if somebody else had registered it."""
    world.database.write(lambda c: c.execute("UPDATE books SET opened_ms = ?", (BEGINS_MS - 3 * 24 * HOUR_MS,)))
    _accepted(world, HOUR_MS, -30 * HOUR_MS)
    purged_ms = BEGINS_MS - 30 * HOUR_MS
    world.database.write(lambda c: c.execute("INSERT INTO meta (name, value) VALUES ('purged_ms', ?)", (purged_ms,)))
    thread = _thread(world)
    while thread.step() != 900:
        pass
    assert world.select("SELECT day FROM reconciliations ORDER BY day") == [("2026-11-04",), ("2026-11-05",)]


def _answered(verdict: SearchVerdict, _: Query) -> SearchVerdict:
    return verdict


def test_a_service_that_fails_is_asked_later_and_one_that_refuses_the_next_day(world: World) -> None:
    """A Retry-After is honoured; an operation that is not there is not hammered."""
    world.database.write(lambda c: c.execute("UPDATE books SET opened_ms = ?", (BEGINS_MS,)))
    _accepted(world, HOUR_MS)
    answers: list[SearchVerdict] = [
        SearchFailed(why="429", retry_after=1800),
        SearchFailed(why="timeout"),
        SearchUnavailable(why="404"),
    ]
    world.service.search_plan.extend(partial(_answered, answer) for answer in answers)
    thread = _thread(world)
    assert [thread.step() for _ in answers] == [1800, 60, 3600]
    world.time.trusted = False
    assert thread.step() == 60
    world.time.trusted = True
    assert thread.step() == 900
    world.time.pass_seconds(24 * 3600)
    assert [thread.step() for _ in range(3)] == [60, 1, 900]


def test_a_day_that_can_never_be_compared_keeps_no_other_waiting(world: World) -> None:
    """After three failures in a row the next day has its turn; the first is tried again tomorrow."""
    world.database.write(lambda c: c.execute("UPDATE books SET opened_ms = ?", (BEGINS_MS - 24 * HOUR_MS,)))
    _accepted(world, HOUR_MS, -HOUR_MS)
    find = world.service.find
    broken = SearchFailed(why="the search has too many pages")
    world.service.search_always = lambda query: broken if query.to_ms < BEGINS_MS else find(query)
    thread = _thread(world)
    for _ in range(4):
        thread.step()
    days = world.select("SELECT day, equal FROM reconciliations")
    assert days == [("2026-11-05", 1)]
    assert thread.step() == 900
    world.service.search_always = None
    world.time.pass_seconds(24 * 3600)
    thread.step()
    assert len(world.select("SELECT day FROM reconciliations")) == 2


def test_a_day_that_the_service_shows_no_more_keeps_no_other_waiting(world: World) -> None:
    """A day that differed is compared again each day, until the service refuses it for its age: the newer days go on."""
    world.database.write(lambda c: c.execute("UPDATE books SET opened_ms = ?", (BEGINS_MS - 24 * HOUR_MS,)))
    world.database.write(lambda c: c.execute("INSERT INTO reconciliations VALUES (1, '2026-11-04', 0, 0, 0, 0, 0, 0, 1)"))
    _accepted(world, HOUR_MS, -HOUR_MS)
    find = world.service.find
    refused = SearchUnavailable(why="400 badRequest")
    world.service.search_always = lambda query: refused if query.to_ms < BEGINS_MS else find(query)
    thread, asked = _thread(world), 0.0
    while asked < 6 * 3600:
        wait = thread.step()
        world.time.pass_seconds(wait)
        asked += wait
    assert world.select("SELECT day, equal FROM reconciliations WHERE equal > 0") == [("2026-11-05", 1)]


def test_a_day_that_is_not_over_is_not_done_by_looking_at_it(world: World) -> None:
    """A human may compare today at noon; the night's own comparison comes all the same."""
    world.time.wall_ms = BEGINS_MS + 12 * HOUR_MS
    _accepted(world, HOUR_MS)
    assert _compare(world).comparison.equal == 1
    assert world.select("SELECT * FROM reconciliations") == []


def test_the_thread_ends_when_it_is_told(world: World) -> None:
    """It waits on ``stop`` alone."""
    stop = Event()
    thread = Thread(target=_thread(world).run, args=(stop,), daemon=True)
    thread.start()
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
