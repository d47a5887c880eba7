from __future__ import annotations

from pathlib import Path

import pytest

from kiosk import amendments, elsewhere, taps
from kiosk.elsewhere import Scope
from kiosk.identifiers import DeclarationNumber
from kiosk.model import Direction, Registration, TaskKind
from kiosk.tasks import open_task
from kiosk.verdicts import Found
from tests.people import DECLARATION, EMPLOYER, OTHER_DECLARATION, PLACE, invented_insz
from tests.worlds import Served, World

_HOUR_MS = 3_600_000


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _by_phone(
    world: World,
    person: int,
    direction: Direction,
    *,
    ago_seconds: float = 0,
    declaration: DeclarationNumber = DECLARATION,
) -> Served:
    """Let a person register by another channel."""
    at_ms = world.time.wall_ms - round(ago_seconds * 1000)
    registration = Registration(
        ssin=invented_insz(person), direction=direction, at_ms=at_ms, employer=EMPLOYER, place=PLACE, declaration=declaration
    )
    world.service.store(registration)
    return world.service.rows[-1]


def _group(world: World) -> bytes:
    row = world.select("SELECT group_index FROM registrations LIMIT 1")
    found = row[0][0]
    assert isinstance(found, bytes)
    return found


def _fetch(world: World, *, hours: float = 14) -> bool:
    """Search all there is of the first group, and keep what it shows."""
    window = (world.time.wall_ms - round(hours * _HOUR_MS), world.time.wall_ms + _HOUR_MS)
    shown = (row.shown for row in world.service.rows if window[0] <= row.shown.second * 1000 <= window[1])
    found = Found(registrations=tuple(shown))
    shown_here = elsewhere.others(world.outbox, found)
    return elsewhere.keep(world.outbox, PLACE, _group(world), window, shown_here, at_ms=world.time.wall_ms)


def _newest(world: World, person: int) -> tuple[Direction, taps.Source] | None:
    holder = world.holder(person)
    found = world.database.read(lambda c: taps.newest_tap(c, book=1, holder=holder))
    return None if found is None else (found.last.direction, found.source)


def _kept(world: World) -> list[tuple[object, ...]]:
    return world.select("SELECT holder, direction, gone_ms IS NOT NULL FROM elsewhere ORDER BY id")


def test_who_checked_out_by_phone_is_out_and_who_checked_in_is_in(world: World) -> None:
    """The newest of both channels says where somebody is; the stay is sealed with its declaration, employer and identity."""
    world.tap(0)
    world.tap(1, Direction.OUT)
    world.time.pass_seconds(3600)
    _by_phone(world, 0, Direction.OUT)
    _by_phone(world, 1, Direction.IN)
    assert _fetch(world)
    assert _newest(world, 0) == (Direction.OUT, taps.Source.ELSEWHERE)
    assert _newest(world, 1) == (Direction.IN, taps.Source.ELSEWHERE)
    holder = world.holder(1)
    stay = taps.stay_of(world.vault, world.database.read(lambda c: taps.newest_tap(c, book=1, holder=holder)))
    assert stay is not None
    assert (stay.ssin, stay.employer, stay.declaration) == (invented_insz(1), EMPLOYER, DECLARATION)
    assert not _fetch(world)  # no news: nothing is written


def test_a_tap_here_after_the_other_channels_counts(world: World) -> None:
    """Also within the same second: the service keeps whole seconds only."""
    world.tap(0)
    world.run(1)
    world.time.pass_seconds(3600)
    _by_phone(world, 0, Direction.IN)
    world.time.pass_seconds(0.4)
    world.tap(0, Direction.OUT)
    assert _fetch(world)
    assert _newest(world, 0) == (Direction.OUT, taps.Source.BOOK)


@pytest.mark.parametrize("state", ["queued", "in_flight", "unknown", "accepted", "refused", "held", "cancelled"])
def test_what_a_row_of_the_book_owes_is_never_another_channels(world: World, state: str) -> None:
    """It may have arrived although nobody knows: person, direction, second, employer and declaration tell, or its id."""
    number = world.tap(0)
    world.run(1)
    registration_id = world.row(number)["registration_id"]
    world.database.write(
        lambda c: c.execute("UPDATE registrations SET state = ?, registration_id = NULL WHERE id = ?", (state, number))
    )
    assert not _fetch(world)
    # Its id alone tells as well, where its content was corrected meanwhile.
    world.database.write(
        lambda c: c.execute(
            "UPDATE registrations SET registration_id = ?, at_ms = at_ms + 5000 WHERE id = ?", (registration_id, number)
        )
    )
    assert not _fetch(world)
    assert _kept(world) == []


@pytest.mark.parametrize("field", ["direction", "second"])
def test_whatever_differs_from_our_row_is_another_channels(world: World, field: str) -> None:
    """The same person a second later, or the other way, did it elsewhere."""
    world.tap(0)
    world.run(1)
    twin = _by_phone(world, 0, Direction.IN, ago_seconds=1)
    other = {"direction": Direction.OUT, "second": twin.shown.second + 1}
    assert not _fetch(world)
    twin.change(**{field: other[field]})
    assert _fetch(world)
    assert len(_kept(world)) == 1


def test_another_groups_registrations_wait_for_their_own_search(world: World) -> None:
    """Also where the service shows more than it was asked for."""
    world.tap(0)
    _by_phone(world, 0, Direction.OUT, declaration=OTHER_DECLARATION)
    assert not _fetch(world)
    assert _kept(world) == []


def test_a_number_that_was_replaced_is_still_the_holders(world: World) -> None:
    """Every INSZ that somebody ever had is his; strangers are not kept."""
    world.tap(0)
    world.profile(0, invented_insz(7), current=False)
    _by_phone(world, 7, Direction.OUT)
    _by_phone(world, 8, Direction.IN)
    world.time.pass_seconds(1)
    assert _fetch(world)
    assert _kept(world) == [(world.holder(0), "out", 0)]


def test_what_was_cancelled_there_or_vanished_no_longer_counts(world: World) -> None:
    """Only inside what was searched; what comes back counts again."""
    world.tap(0)
    world.time.pass_seconds(7200)
    phone = _by_phone(world, 0, Direction.OUT)
    world.time.pass_seconds(3 * 3600)
    assert _fetch(world)
    rows = list(world.service.rows)
    world.service.rows.clear()
    assert not _fetch(world, hours=1)
    assert _newest(world, 0) == (Direction.OUT, taps.Source.ELSEWHERE)
    assert _fetch(world)
    assert _newest(world, 0) == (Direction.IN, taps.Source.BOOK)
    world.service.rows.extend(rows)
    assert _fetch(world)
    assert _newest(world, 0) == (Direction.OUT, taps.Source.ELSEWHERE)
    phone.change(cancelled=True)
    assert _fetch(world)
    assert not _fetch(world)
    assert _newest(world, 0) == (Direction.IN, taps.Source.BOOK)


def test_what_became_a_row_of_ours_no_longer_counts_as_another_channels(world: World) -> None:
    """A human said which registration an unknown row is."""
    world.tap(0)
    world.time.pass_seconds(60)
    phone = _by_phone(world, 0, Direction.IN)
    assert _fetch(world)
    assert _newest(world, 0) == (Direction.IN, taps.Source.ELSEWHERE)
    world.database.write(lambda c: c.execute("UPDATE registrations SET registration_id = ?", (phone.shown.registration_id,)))
    assert _fetch(world)
    assert _newest(world, 0) == (Direction.IN, taps.Source.BOOK)


def test_a_missing_out_that_another_channel_shows_is_no_task_any_more(world: World) -> None:
    """Only an OUT between the two INs, of that person."""
    later = world.tap(0, ago_seconds=60_000)
    world.tap(0, ago_seconds=1000)
    other = world.tap(1, ago_seconds=60_000)
    world.tap(1, ago_seconds=1000)
    for number, person in ((later, 0), (other, 1)):
        holder = world.holder(person)
        world.database.write(
            lambda c, number=number, holder=holder: open_task(  # type: ignore[misc]  # defaults bind the loop's values
                c, TaskKind.MISSING_OUT, book=1, at_ms=world.time.wall_ms, registration=number, holder=holder
            )
        )
    began = world.database.read(lambda c: elsewhere.unclosed_since_ms(c, 1, opened_ms=world.time.wall_ms))
    assert began == world.time.wall_ms - 60_000_000
    _by_phone(world, 0, Direction.OUT, ago_seconds=500)
    _by_phone(world, 0, Direction.OUT, ago_seconds=70_000)
    assert _fetch(world, hours=24)
    assert [task[1] for task in world.tasks()] == [later, other]
    _by_phone(world, 0, Direction.OUT, ago_seconds=30_000)
    assert _fetch(world, hours=24)
    assert [task[1] for task in world.tasks()] == [other]
    assert world.database.read(lambda c: elsewhere.unclosed_since_ms(c, 1, opened_ms=world.time.wall_ms + 1)) is None


def test_the_scope_is_whose_people_are_inside_or_tapped_today(world: World) -> None:
    """Nobody inside and nobody today: nothing is asked for."""
    now = world.time.wall_ms

    def scopes(*, shift_hours: float = 14, day_hours: float = 8) -> list[Scope]:
        return elsewhere.scopes(
            world.outbox, shift_ms=now - round(shift_hours * _HOUR_MS), day_ms=now - round(day_hours * _HOUR_MS)
        )

    assert scopes() == []
    world.tap(0, ago_seconds=15 * 3600)
    world.tap(1, ago_seconds=10 * 3600, declaration=OTHER_DECLARATION)
    assert [scope.declaration for scope in scopes()] == [OTHER_DECLARATION]
    assert scopes(shift_hours=9) == []
    world.tap(1, Direction.OUT, ago_seconds=9 * 3600, declaration=OTHER_DECLARATION)
    assert scopes() == []
    world.tap(2, Direction.OUT, ago_seconds=7 * 3600)
    (scope,) = scopes()
    assert (scope.employer, scope.declaration, scope.last_ms) == (EMPLOYER, DECLARATION, now - 7 * _HOUR_MS)
    world.database.write(lambda c: c.execute("UPDATE registrations SET sealed = x'00'"))
    assert scopes() == []


def test_who_came_in_by_phone_keeps_his_group_in_scope(world: World) -> None:
    """Also after everybody who badged has gone."""
    world.tap(0, Direction.OUT, ago_seconds=13 * 3600)
    world.holder(1)
    _by_phone(world, 1, Direction.IN, ago_seconds=12 * 3600)
    assert _fetch(world)
    now = world.time.wall_ms
    assert len(elsewhere.scopes(world.outbox, shift_ms=now - 14 * _HOUR_MS, day_ms=now)) == 1
    assert elsewhere.scopes(world.outbox, shift_ms=now - 11 * _HOUR_MS, day_ms=now) == []


def test_a_long_day_is_read_in_slices(world: World) -> None:
    """Every group is found, however many rows lie between, and the look ends at the first that is older."""
    world.tap(300, declaration=OTHER_DECLARATION, ago_seconds=80_000)
    world.tap(301, declaration=OTHER_DECLARATION, ago_seconds=3600)
    for person in range(250):
        world.tap(person, ago_seconds=1000)
    now = world.time.wall_ms
    found = elsewhere.scopes(world.outbox, shift_ms=now - 14 * _HOUR_MS, day_ms=now)
    assert {scope.declaration for scope in found} == {DECLARATION, OTHER_DECLARATION}


def test_a_month_later_only_what_still_says_where_somebody_is_remains(world: World) -> None:
    """Personal data is kept no longer than it is of use."""
    world.tap(0, ago_seconds=5000)
    for person, direction, ago in (
        (0, Direction.OUT, 4000),
        (1, Direction.IN, 4000),
        (1, Direction.OUT, 3000),
        (2, Direction.IN, 4000),
    ):
        world.holder(person)
        _by_phone(world, person, direction, ago_seconds=ago)
    gone = _by_phone(world, 0, Direction.IN, ago_seconds=3500)
    assert _fetch(world)
    gone.change(cancelled=True)
    assert _fetch(world)
    world.time.pass_seconds(40 * 86_400)
    elsewhere.forget(world.outbox, before_ms=world.time.wall_ms - 31 * 86_400_000)
    assert _kept(world) == [(world.holder(0), "out", 0), (world.holder(1), "out", 0), (world.holder(2), "in", 0)]


def test_another_books_rows_are_neither_ours_nor_known(world: World) -> None:
    """A training book's people are not moved by production, nor the other way round."""
    world.tap(0)
    world.time.pass_seconds(60)
    _by_phone(world, 0, Direction.OUT)
    assert _fetch(world)
    holder = world.holder(0)
    found = world.database.read(lambda c: taps.newest_tap(c, book=2, holder=holder))
    assert found is None


def test_our_own_rows_are_told_by_indexes(world: World) -> None:
    """A holder's years or a book of a hundred thousand are not read for one registration."""
    plans = [str(step[3]) for step in world.select(f"EXPLAIN QUERY PLAN {elsewhere._OURS_SQL}", 1, 1, 1, "in", 0, b"")]
    searches = [plan for plan in plans if "SEARCH" in plan]
    assert any("registrations_settled" in plan for plan in searches)
    assert any("registrations_holder" in plan for plan in searches)
    assert not any("SCAN registrations" in plan for plan in plans)


@pytest.mark.parametrize(
    ("sql", "values"),
    [(taps._LAST_ELSEWHERE, (1, 1)), (amendments._ELSEWHERE_SQL, (1, 1, 0))],
    ids=["tap", "amendment"],
)
def test_where_somebody_was_last_is_told_by_his_own_rows(world: World, sql: str, values: tuple[int, ...]) -> None:
    """Every tap asks: a month of everybody's telephones must not be walked through for one person."""
    plans = [str(step[3]) for step in world.select(f"EXPLAIN QUERY PLAN {sql}", *values)]
    assert len(plans) == 1
    assert "elsewhere_holder (holder=?" in plans[0]


def test_what_is_forgotten_reads_no_history(world: World) -> None:
    """People who left keep their last registration for good: each costs a look at his newest rows, not at his years."""
    plans = [str(step[3]) for step in world.select(f"EXPLAIN QUERY PLAN {elsewhere._FORGET_SQL}", 1, 0, 9)]
    assert any("elsewhere_holder (holder=? AND at_ms>?)" in plan for plan in plans)
    assert "ORDER BY id DESC LIMIT 1" in elsewhere._FORGET_SQL
    assert not any("TEMP B-TREE" in plan for plan in plans)


def _link(world: World, person: int, direction: Direction, *, ago_seconds: float) -> int:
    """Write down the past tap of a card that was linked to somebody afterwards."""
    row = world.tap(person, direction, ago_seconds=ago_seconds)
    world.database.write(lambda c: c.execute("UPDATE registrations SET linked = 1 WHERE id = ?", (row,)))
    return row


def test_a_linked_row_hides_nobody_who_is_inside(world: World) -> None:
    """It is the newest of the book and tells of long ago: the people before it are still looked for by other channels."""
    world.tap(0, ago_seconds=3600)
    _link(world, 1, Direction.IN, ago_seconds=20 * 3600)
    now = world.time.wall_ms
    (scope,) = elsewhere.scopes(world.outbox, shift_ms=now - 14 * _HOUR_MS, day_ms=now - 8 * _HOUR_MS)
    assert scope.last_ms == now - _HOUR_MS


def test_a_linked_row_keeps_no_missing_out_open(world: World) -> None:
    """Nobody came again by it: the OUT by telephone still ends the stay that is asked about."""
    stay = world.tap(0, ago_seconds=60_000)
    holder = world.holder(0)
    world.database.write(
        lambda c: open_task(c, TaskKind.MISSING_OUT, book=1, at_ms=world.time.wall_ms, registration=stay, holder=holder)
    )
    _link(world, 0, Direction.IN, ago_seconds=70_000)
    _by_phone(world, 0, Direction.OUT, ago_seconds=30_000)
    assert _fetch(world, hours=24)
    assert world.tasks() == []


def test_a_linked_row_does_not_bring_back_what_is_over(world: World) -> None:
    """What he did by telephone before his newest tap here goes with time, whatever was linked to him since."""
    world.tap(0, ago_seconds=4000)
    _by_phone(world, 0, Direction.IN, ago_seconds=5000)
    assert _fetch(world)
    _link(world, 0, Direction.IN, ago_seconds=9000)
    world.time.pass_seconds(40 * 86_400)
    elsewhere.forget(world.outbox, before_ms=world.time.wall_ms - 31 * 86_400_000)
    assert _kept(world) == []
