"""kiosk.obligations chooses what a tap owes: for whom, under whose number, for which declaration, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from kiosk.geography import Fence
from kiosk.model import Address, BadgeLine, Capacity, Carried, Coordinates, Direction, Draft, Located, Profile, Signal
from kiosk.obligations import Site
from kiosk.records import pack_draft
from kiosk.rules import DeclarationTerm
from kiosk.vault import Field, new_uid
from tests.gatehouse import ARRIVALS, DEPARTURES, ELSEWHERE, HOUR, MORNING_MS, SITE, TOGGLE, TWO, Gatehouse, open_gatehouse
from tests.people import (
    DECLARATION,
    EMPLOYER,
    OTHER_DECLARATION,
    OTHER_EMPLOYER,
    PLACE,
    invented_card,
    invented_insz,
)

CARD = invented_card(1)
VISITOR = Profile(insz=invented_insz(1), name="Person 1", local=True)
WORKER = replace(VISITOR, local=False)
DAY = 24 * HOUR
#: The days on which summer time ends and begins, and their first and last milliseconds: 25 hours, 23 hours.
AUTUMN = (date(2026, 10, 25), 1_792_879_200_000, 1_792_969_199_999)
SPRING = (date(2027, 3, 28), 1_806_188_400_000, 1_806_271_199_999)


@contextmanager
def house_of(folder: Path, profile: Profile, site: Site = SITE) -> Iterator[Gatehouse]:
    """A site at which holder 1 has this profile."""
    with open_gatehouse(folder, site) as opened:
        opened.enrol(BadgeLine(card=CARD, profile=profile))
        yield opened


@pytest.mark.parametrize(
    ("profile", "site"), [(VISITOR, SITE), (WORKER, replace(SITE, local_only=True, declarations=(), employer=None))]
)
def test_where_nothing_is_owed_taps_are_kept_and_nothing_is_sent(tmp_path: Path, profile: Profile, site: Site) -> None:
    """A visitor, or anybody at a site without a declaration: white, in and out in turn, no registration, nothing to deliver."""
    with house_of(tmp_path, profile, site) as house:
        came = house.tap(CARD)
        assert (came.signal, came.direction, came.ids) == (Signal.LOCAL, Direction.IN, ())
        again = house.tap(CARD)
        assert (again.signal, again.since_ms) == (Signal.ALREADY, MORNING_MS)
        house.clocks.wait(8 * HOUR)
        left = house.tap(CARD)
        assert (left.signal, left.direction) == (Signal.LOCAL, Direction.OUT)
        assert (house.count("registrations"), house.count("taps")) == (0, 2)
        assert house.nudges == []


def test_an_out_owes_what_its_in_was(tmp_path: Path) -> None:
    """Who came as a visitor leaves as one, whatever the roster says meanwhile; the next IN is chosen afresh; and the other way."""
    with house_of(tmp_path, VISITOR) as house:
        house.tap(CARD)
        house.correct(1, WORKER)
        house.clocks.wait(HOUR)
        assert house.tap(CARD).signal is Signal.LOCAL
        house.clocks.wait(HOUR)
        assert house.tap(CARD).signal is Signal.IN
        house.correct(1, VISITOR)
        house.clocks.wait(HOUR)
        assert house.tap(CARD).signal is Signal.OUT
        house.clocks.wait(HOUR)
        assert house.tap(CARD).signal is Signal.LOCAL
        assert [row.direction for row in house.rows()] == ["in", "out"]


def test_tasks_about_visitors_name_no_registration(tmp_path: Path) -> None:
    """A visitor who never left, and one who leaves without having come, are tasks all the same."""
    with house_of(tmp_path, VISITOR) as house:
        house.tap(CARD, DEPARTURES)
        house.clocks.wait(HOUR)
        house.tap(CARD, ARRIVALS)
        house.clocks.wait(20 * HOUR)
        house.tap(CARD)
        assert house.asked() == [("missing_in", None), ("missing_out", None)]


@pytest.mark.parametrize(
    ("capacity", "carried", "own", "expected"),
    [
        (Capacity.EMPLOYEE, Carried.PRINCIPAL, None, EMPLOYER),
        (Capacity.EMPLOYEE, Carried.PRINCIPAL, OTHER_EMPLOYER, OTHER_EMPLOYER),
        (Capacity.AGENCY, Carried.PRINCIPAL, OTHER_EMPLOYER, OTHER_EMPLOYER),
        (Capacity.TRAINEE, Carried.OWN, OTHER_EMPLOYER, OTHER_EMPLOYER),
        (Capacity.SELF_EMPLOYED, Carried.PRINCIPAL, OTHER_EMPLOYER, EMPLOYER),
        (Capacity.SELF_EMPLOYED, Carried.OWN, OTHER_EMPLOYER, OTHER_EMPLOYER),
        (Capacity.SELF_EMPLOYED, Carried.OWN, None, EMPLOYER),
    ],
)
def test_whose_number_goes_out(tmp_path: Path, capacity: Capacity, carried: Carried, own: object, expected: object) -> None:
    """By capacity: the own employer's, the agency's, or for the self-employed the principal's unless configured otherwise."""
    profile = replace(WORKER, capacity=capacity, employer=own)  # type: ignore[arg-type]  # a row of the table
    with house_of(tmp_path, profile, replace(SITE, self_employed=carried)) as house:
        house.tap(CARD)
        assert house.rows()[0].draft.employer == expected


def test_the_place_is_an_address_where_the_site_has_one(tmp_path: Path) -> None:
    """What the configuration gives is what the registration carries, through the seal and back."""
    address = Address(post_code="1000", municipality="Brussel", street="Wetstraat", house_number="16", box_number="b")
    with house_of(tmp_path, WORKER, replace(SITE, place=address)) as house:
        house.tap(CARD)
        assert house.rows()[0].draft.place == address


def test_an_out_carries_the_identity_and_employer_of_its_in(tmp_path: Path) -> None:
    """A number replaced and an employer changed in the middle of a stay count from the next IN on."""
    with house_of(tmp_path, replace(WORKER, employer=OTHER_EMPLOYER)) as house:
        house.tap(CARD)
        house.correct(1, replace(WORKER, insz=invented_insz(2), employer=EMPLOYER))
        house.clocks.wait(8 * HOUR)
        house.tap(CARD)
        house.clocks.wait(8 * HOUR)
        house.tap(CARD)
        drafts = [row.draft for row in house.rows()]
        assert [draft.ssin for draft in drafts] == [invented_insz(1), invented_insz(1), invented_insz(2)]
        assert [draft.employer for draft in drafts] == [OTHER_EMPLOYER, OTHER_EMPLOYER, EMPLOYER]


@pytest.mark.parametrize("lasts", [AUTUMN, SPRING], ids=["25 hours", "23 hours"])
@pytest.mark.parametrize(
    ("moment", "expected"),
    [("before", DECLARATION), ("first", OTHER_DECLARATION), ("last", OTHER_DECLARATION), ("after", None)],
)
def test_declarations_end_at_local_midnight(tmp_path: Path, lasts: tuple[date, int, int], moment: str, expected: object) -> None:
    """Both dates are inclusive and local, also on the days of 25 and of 23 hours; afterwards the tap is held."""
    day, midnight_ms, last_ms = lasts
    terms = (
        DeclarationTerm(number=DECLARATION, valid_until=day - timedelta(days=1)),
        DeclarationTerm(number=OTHER_DECLARATION, valid_from=day, valid_until=day),
    )
    with house_of(tmp_path, WORKER, replace(SITE, declarations=terms)) as house:
        house.clocks.wall_ms = {"before": midnight_ms - 1, "first": midnight_ms, "last": last_ms, "after": last_ms + 1}[moment]
        answer = house.tap(CARD)
        assert house.rows()[0].draft.declaration == expected
        assert answer.signal is (Signal.HELD if expected is None else Signal.IN)


def test_a_declaration_that_ends_inside_a_stay_is_still_left(tmp_path: Path) -> None:
    """The OUT carries its IN's declaration, also on the day after its end."""
    terms = (DeclarationTerm(number=DECLARATION, valid_until=date(2026, 11, 2)),)
    with house_of(tmp_path, WORKER, replace(SITE, declarations=terms)) as house:
        house.clocks.wall_ms = MORNING_MS + 14 * HOUR * 1000  # ten in the evening
        house.tap(CARD)
        house.clocks.wait(9 * HOUR)
        answer = house.tap(CARD)
        assert (answer.signal, house.rows()[1].draft.declaration) == (Signal.OUT, DECLARATION)


def register_elsewhere(house: Gatehouse, direction: Direction, *, ago: int = HOUR, number: int = 900) -> None:
    """Leave what the service's search showed of another channel."""
    uid, at_ms = new_uid(), house.clocks.wall_ms - ago * 1000
    draft = Draft(
        ssin=invented_insz(1),
        direction=direction,
        at_ms=at_ms,
        employer=OTHER_EMPLOYER,
        place=PLACE,
        declaration=OTHER_DECLARATION,
    )
    house.run(
        "INSERT INTO elsewhere (uid, book, holder, direction, at_ms, registration_id, group_index, seen_ms, sealed)"
        " VALUES (?, ?, 1, ?, ?, ?, x'00', ?, ?)",
        uid,
        house.book,
        direction.value,
        at_ms,
        number,
        at_ms,
        house.vault.seal(Field.REGISTRATION, uid, pack_draft(draft)),
    )


def test_who_came_by_another_channel_leaves_here_under_it(tmp_path: Path) -> None:
    """A check-in by phone is an open stay: the tap is its OUT, with its declaration and employer."""
    with house_of(tmp_path, WORKER) as house:
        register_elsewhere(house, Direction.IN)
        answer = house.tap(CARD)
        assert answer.signal is Signal.OUT
        assert (house.rows()[0].draft.employer, house.rows()[0].draft.declaration) == (OTHER_EMPLOYER, OTHER_DECLARATION)


def test_who_left_by_another_channel_comes_in_here(tmp_path: Path) -> None:
    """A check-out by phone closes the stay that a tap opened; what was cancelled there does not count."""
    with house_of(tmp_path, WORKER) as house:
        house.tap(CARD)
        house.clocks.wait(2 * HOUR)
        register_elsewhere(house, Direction.OUT)
        assert house.tap(CARD).signal is Signal.IN
        house.clocks.wait(2 * HOUR)
        register_elsewhere(house, Direction.OUT, number=901)
        house.run("UPDATE elsewhere SET gone_ms = 1 WHERE registration_id = 901")
        assert house.tap(CARD).signal is Signal.OUT


def test_a_clock_that_can_not_be_compared_leaves_the_tap_in_charge(tmp_path: Path) -> None:
    """Whether another channel's registration came after a tap of an untrusted clock is not known, so the tap counts."""
    with house_of(tmp_path, WORKER) as house:
        now = house.clocks.wall_ms
        house.clocks.trusted, house.clocks.wall_ms = False, 0
        house.tap(CARD)
        house.clocks.wait(HOUR)
        house.clocks.trusted, house.clocks.wall_ms = True, now
        register_elsewhere(house, Direction.OUT)
        assert house.tap(CARD).signal is Signal.OUT


def test_a_visitor_is_not_moved_by_a_readers_declaration(tmp_path: Path) -> None:
    """Who owes nothing leaves at any reader; he never switches between declarations."""
    with house_of(tmp_path, VISITOR, replace(SITE, declarations=TWO)) as house:
        house.tap(CARD, TOGGLE)
        house.clocks.wait(HOUR)
        assert house.tap(CARD, ELSEWHERE).direction is Direction.OUT
        house.clocks.wait(DAY)
        assert house.count("registrations") == 0


def test_a_site_where_nothing_is_owed_any_more_lets_people_leave(tmp_path: Path) -> None:
    """Who came in while it was owed leaves under his declaration, also by a reader that names another; nothing new begins."""
    site = replace(SITE, declarations=TWO)
    with house_of(tmp_path, WORKER, site) as house:
        house.tap(CARD, replace(TOGGLE, declaration=DECLARATION))
        free = replace(house, site=replace(site, local_only=True))
        free.clocks.wait(HOUR)
        answer = free.tap(CARD, ELSEWHERE)
        assert (answer.signal, len(answer.ids)) == (Signal.OUT, 1)
        assert house.rows()[1].draft.declaration == DECLARATION
        free.clocks.wait(HOUR)
        assert free.tap(CARD, ELSEWHERE).signal is Signal.LOCAL


def test_a_visit_today_is_later_than_yesterdays_work_though_the_clock_stands_wrong(tmp_path: Path) -> None:
    """A box without a battery starts in 1970: who worked here yesterday and visits today goes out again by his next tap."""
    with house_of(tmp_path, WORKER) as house:
        house.tap(CARD)
        house.clocks.wait(8 * HOUR)
        house.tap(CARD)
        house.correct(1, VISITOR)
        house.clocks.reboot("second boot", wall_ms=5000)
        house.clocks.trusted = False
        directions = []
        for _ in range(4):
            house.clocks.wait(HOUR)
            directions.append(house.tap(CARD).direction)
    assert directions == [Direction.IN, Direction.OUT, Direction.IN, Direction.OUT]


# Where the box stands: PLACE is the site's; AWAY is a kilometre off.
AWAY = Coordinates(50.8556, 4.3670)
FENCED = replace(SITE, fence=Fence(PLACE, 200))
#: One declaration at the site, one a kilometre away, with 50 m of error between two of them never in doubt.
TRAVELLING = replace(
    FENCED,
    declarations=(DeclarationTerm(number=DECLARATION), DeclarationTerm(number=OTHER_DECLARATION, fence=Fence(AWAY, 200))),
)


def fix(place: Coordinates, error_meters: float = 20.5) -> Located:
    return Located(place=place, error_meters=error_meters, age_ms=1500)


def origins(house: Gatehouse) -> list[tuple[str, int | None, int | None]]:
    """Where the places of the book come from: source, error, age."""
    sql = "SELECT place_source, place_error_m, place_age_ms FROM registrations ORDER BY id"
    return house.database.read(lambda connection: connection.execute(sql).fetchall())


def test_a_registration_names_the_place_of_the_fix_and_says_so(tmp_path: Path) -> None:
    """With a fix its place goes out, with error and age beside it; without one the site's, marked as that."""
    with house_of(tmp_path, WORKER, FENCED) as house:
        there = Coordinates(50.8470, 4.3671)
        house.located = fix(there)
        assert house.tap(CARD).signal is Signal.IN
        house.clocks.wait(HOUR)
        house.located = None
        assert house.tap(CARD).signal is Signal.OUT
        assert [row.draft.place for row in house.rows()] == [there, PLACE]
        assert origins(house) == [("gps", 21, 1500), ("site", None, None)]


def test_outside_the_fence_a_tap_is_held_until_the_box_is_back(tmp_path: Path) -> None:
    """Beyond the fence by more than the error of the fix: held, with a task; back inside the next tap is as ever."""
    with house_of(tmp_path, WORKER, FENCED) as house:
        house.located = fix(AWAY)
        assert house.tap(CARD).signal is Signal.HELD
        house.clocks.wait(HOUR)
        house.located = fix(AWAY, error_meters=900)
        assert house.tap(CARD).signal is Signal.OUT
        house.clocks.wait(HOUR)
        house.located = fix(PLACE)
        assert house.tap(CARD).signal is Signal.IN
        assert [(row.state, row.reason) for row in house.rows()] == [("held", "fence"), ("queued", None), ("queued", None)]
        assert house.asked() == [("held", 1)]
        assert house.rows()[0].draft.complete() is not None


def test_without_a_fix_nobody_is_held_for_his_place(tmp_path: Path) -> None:
    """Under a roof there is none: the coordinates of the configuration go out."""
    with house_of(tmp_path, WORKER, FENCED) as house:
        assert house.tap(CARD).signal is Signal.IN
        assert house.rows()[0].draft.place == PLACE


def test_an_address_goes_out_and_the_fence_holds_all_the_same(tmp_path: Path) -> None:
    """A site that is registered by its address stays so; a fix only says whether the box is there."""
    address = Address(post_code="1000", municipality="Brussel", street="Wetstraat", house_number="16")
    with house_of(tmp_path, WORKER, replace(FENCED, place=address)) as house:
        house.located = fix(PLACE)
        assert house.tap(CARD).signal is Signal.IN
        house.clocks.wait(HOUR)
        house.located = fix(AWAY)
        assert house.tap(CARD).signal is Signal.HELD
        assert [row.draft.place for row in house.rows()] == [address, address]
        assert origins(house)[0] == ("site", None, None)


def test_a_travelling_box_registers_for_the_works_where_it_stands(tmp_path: Path) -> None:
    """Each place has its declaration; nobody has to choose, and the OUT keeps that of its IN."""
    for number, (place, declaration) in enumerate(((PLACE, DECLARATION), (AWAY, OTHER_DECLARATION))):
        (tmp_path / str(number)).mkdir()
        with house_of(tmp_path / str(number), WORKER, TRAVELLING) as house:
            house.located = fix(place)
            assert house.tap(CARD).signal is Signal.IN
            house.clocks.wait(HOUR)
            house.located = None
            assert house.tap(CARD).signal is Signal.OUT
            assert [row.draft.declaration for row in house.rows()] == [declaration, declaration]
            # Without a fix the OUT is where its declaration is.
            assert [row.draft.place for row in house.rows()] == [place, place]


@pytest.mark.parametrize(
    ("located", "reason"),
    [
        (fix(Coordinates(50.9, 4.367)), "fence"),
        (fix(Coordinates(50.851, 4.367), 800), "declaration"),
        (None, "declaration"),
    ],
)
def test_where_no_declaration_or_two_may_be_meant_the_tap_is_held(tmp_path: Path, located: Located | None, reason: str) -> None:
    """At neither place, at both within the error of the fix, and nobody knows where: none is guessed."""
    with house_of(tmp_path, WORKER, TRAVELLING) as house:
        house.located = located
        assert house.tap(CARD).signal is Signal.HELD
        assert [(row.draft.declaration, row.reason) for row in house.rows()] == [(None, reason)]


def test_the_worker_chooses_between_two_that_fit_and_not_what_lies_elsewhere(tmp_path: Path) -> None:
    """A button or a scanned code names the declaration; where the box stands elsewhere, its taps are held."""
    with house_of(tmp_path, WORKER, TRAVELLING) as house:
        house.located = fix(Coordinates(50.851, 4.367), 800)
        assert house.tap(CARD, ELSEWHERE).signal is Signal.IN
        house.clocks.wait(HOUR)
        house.located = fix(PLACE)
        assert house.tap(CARD, ELSEWHERE).signal is Signal.HELD
        rows = [(row.direction, row.draft.declaration, row.reason) for row in house.rows()]
        assert rows == [("in", OTHER_DECLARATION, None), ("out", OTHER_DECLARATION, "fence")]


def test_a_choice_without_a_fix_stands_where_the_declaration_is(tmp_path: Path) -> None:
    """Whoever names the declaration names its place."""
    with house_of(tmp_path, WORKER, TRAVELLING) as house:
        assert house.tap(CARD, ELSEWHERE).signal is Signal.IN
        assert house.rows()[0].draft.place == AWAY
