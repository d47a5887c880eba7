"""Badge here, telephone there, in any order that Hypothesis finds: taps, searches, cancellations and restarts interleave."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hardware.ports import Card
from kiosk import cancellations, roster
from kiosk.channels import Channels, ChannelSettings
from kiosk.intake import Intake
from kiosk.model import Direction, ReaderDirection, Registration
from kiosk.obligations import Gate, Site
from kiosk.rules import SAME_PRESENCE_MS, DeclarationTerm, Limits
from kiosk.verdicts import Ambiguous, CallVerdict, CancelVerdict, NotSent, SearchFailed
from tests.people import DECLARATION, EMPLOYER, PLACE, invented_card, invented_insz, invented_line
from tests.worlds import World

_PEOPLE = 3
_SHIFT_MS = 14 * 3_600_000
_GATE = Gate(name="gate", driver="simulated", direction=ReaderDirection.TOGGLE)
_SITE = Site(
    place=PLACE,
    zone=ZoneInfo("Europe/Brussels"),
    declarations=(DeclarationTerm(number=DECLARATION),),
    employer=EMPLOYER,
    limits=Limits(debounce_seconds=1, minimum_stay_minutes=0),
)


@dataclass
class Done:
    """What somebody did, as the test saw it: a tap's row of the book, or a registration by phone with its place in the ledger."""

    person: int
    direction: Direction
    at_ms: int
    row: int | None = None
    place: int | None = None
    known: bool = False

    @property
    def key(self) -> tuple[str, Direction, int]:
        return invented_insz(self.person).digits, self.direction, self.at_ms // 1000


class Killed(BaseException):
    """The process ends here."""


class ChannelsMachine(RuleBasedStateMachine):
    """One box, one service, three people with badge and telephone."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.world = World(Path(self.folder.name))
        for person in range(_PEOPLE):
            line = invented_line(person)
            self.world.database.write(lambda c, line=line: roster.enrol(c, self.world.vault, line, at_ms=0))  # type: ignore[misc]  # binds the loop's value
        self.taps: list[Done] = []
        self.phone: list[Done] = []
        self._build()

    def _build(self) -> None:
        world = self.world
        self.intake = Intake(database=world.database, vault=world.vault, book=1, site=_SITE, clock=world.time)
        shown = ChannelSettings(every_seconds=300, max_shift_hours=14, zone=_SITE.zone, place=PLACE)
        self.channels = Channels(world.outbox, lambda: world.service, world.time, shown, dice=lambda: 0.5)

    def teardown(self) -> None:
        """In good weather every tap is at the service once, cancelled by a human, or held because the telephone was there too."""
        try:
            self._come_to_an_end()
        finally:
            self.world.database.close()
            self.folder.cleanup()

    def _come_to_an_end(self) -> None:
        service = self.world.service
        for plan in (service.plan, service.search_plan, service.cancel_plan):
            plan.clear()
        self.world.delivery.nudge()
        self.world.run(4 * 3600)
        for tap in self.taps:
            row = self.world.row(tap.row or 0)
            assert row["state"] in ("accepted", "cancelled", "held"), row["state"]
            if row["state"] == "held":
                assert row["reason"] == "channel"
                assert any(self._is_near(tap, other) for other in self.phone)
            assert row["cancel_requested"] == 0
        accepted = {number for (number,) in self.world.select("SELECT registration_id FROM registrations WHERE state = 'accepted'")}
        ours = {each.shown.registration_id for place, each in enumerate(service.rows) if not self._is_phone(place)}
        assert accepted <= ours

    @staticmethod
    def _is_near(tap: Done, other: Done) -> bool:
        same = (tap.person, tap.direction) == (other.person, other.direction)
        return same and abs(tap.at_ms - other.at_ms) <= SAME_PRESENCE_MS + 1000

    def _is_phone(self, place: int) -> bool:
        return any(each.place == place for each in self.phone)

    def _expected(self, person: int) -> Direction:
        """Where the box can know him to be: by his own taps that count, and by what a search has shown of his telephone."""
        cancelled = {row[0] for row in self.world.select("SELECT id FROM registrations WHERE state = 'cancelled'")}
        counted = [each for each in self.taps if each.row not in cancelled] + [each for each in self.phone if each.known]
        last = max((each for each in counted if each.person == person), key=lambda each: each.at_ms, default=None)
        if last is None or last.direction is Direction.OUT or self.world.time.wall_ms - last.at_ms > _SHIFT_MS:
            return Direction.IN
        return Direction.OUT

    @rule(person=st.integers(0, _PEOPLE - 1), seconds=st.sampled_from([2, 100, 5000]))
    def tap(self, person: int, seconds: int) -> None:
        self.world.time.pass_seconds(seconds)
        card, now = invented_card(person), self.world.time()
        expected = self._expected(person)
        seen = Card(kind=card.kind, identifier=card.identifier, technology="test", boot_ns=now.boot_ns)
        answer = self.intake.take(seen, _GATE)
        assert answer.direction is expected, "the box knew better"
        (row,) = answer.ids
        self.taps.append(Done(person, expected, now.wall_ms, row=row))
        self.world.delivery.nudge()

    @initialize()
    def somebody_is_inside(self) -> None:
        """Else nothing is asked for."""
        self.tap(0, 2)

    @rule(person=st.integers(0, _PEOPLE - 1), direction=st.sampled_from(Direction), seen=st.booleans(), taps=st.booleans())
    def by_phone(self, person: int, direction: Direction, *, seen: bool, taps: bool) -> None:
        """Most often it is seen by a search, and its person's next tap follows."""
        self.world.time.pass_seconds(2)
        self._register(person, direction)
        if seen:
            self.other_channels_are_searched()
        if taps:
            self.tap(person, 5000)

    def _register(self, person: int, direction: Direction) -> None:
        at_ms = self.world.time.wall_ms // 1000 * 1000
        self.phone.append(Done(person, direction, at_ms, place=len(self.world.service.rows)))
        self.world.service.store(
            Registration(
                ssin=invented_insz(person),
                direction=direction,
                at_ms=at_ms,
                employer=EMPLOYER,
                place=PLACE,
                declaration=DECLARATION,
            )
        )

    @precondition(lambda self: self.phone)
    @rule(newest=st.booleans(), seen=st.booleans())
    def cancelled_there(self, *, newest: bool, seen: bool) -> None:
        which = self.phone[-1 if newest else 0]
        assert which.place is not None
        self.world.service.rows[which.place].change(cancelled=True, validity="cancelled")
        if seen:
            self.other_channels_are_searched()
            self.tap(which.person, 100)

    @rule()
    def other_channels_are_searched(self) -> None:
        """As when the moment has come, for all of the day."""
        for watch in self.channels._watches.values():
            watch.due = watch.whole_due = 0.0
        searched = len(self.world.service.searches)
        failing = bool(self.world.service.search_plan)
        for _ in range(2):  # a group that is new waits a little
            self.world.time.pass_seconds(min(self.channels.step(), 60))
        if failing or len(self.world.service.searches) == searched:
            return
        query = self.world.service.searches[searched]
        for each in self.phone:
            assert each.place is not None
            if query.from_ms <= each.at_ms <= query.to_ms:
                each.known = not self.world.service.rows[each.place].shown.cancelled

    @precondition(lambda self: self.taps)
    @rule(newest=st.booleans())
    def a_human_regrets(self, *, newest: bool) -> None:
        which = self.taps[-1 if newest else 0]
        self.world.database.write(
            lambda c: cancellations.ask(c, self.world.outbox, which.row or 0, because="mistake", at_ms=self.world.time.wall_ms)
        )
        self.world.delivery.nudge()

    @rule(stored=st.integers(0, 2))
    def the_next_answer_is_lost(self, stored: int) -> None:
        def lose(registrations: Sequence[Registration]) -> CallVerdict:
            self.world.service.carry_out(registrations[:stored])
            return Ambiguous(why="cut")

        self.world.service.plan.append(lose)

    @rule(stored=st.booleans(), dies=st.booleans())
    def the_next_cancellation_is_lost(self, *, stored: bool, dies: bool) -> None:
        def lose(ids: Sequence[int]) -> CancelVerdict:
            if stored:
                self.world.service.carry_out_cancel(ids)
            if dies:
                raise Killed
            return Ambiguous(why="cut")

        self.world.service.cancel_plan.append(lose)

    @rule()
    def the_network_is_away_for_a_call(self) -> None:
        self.world.service.plan.append(lambda _: NotSent(why="no route"))

    @rule()
    def the_next_search_fails(self) -> None:
        self.world.service.search_plan.append(lambda _: SearchFailed(why="timeout"))

    @rule(seconds=st.sampled_from([0, 1, 61, 1200, 40_000]))
    def time_passes(self, seconds: int) -> None:
        try:
            self.world.run(seconds)
        except Killed:
            self.world.start()

    @rule(seconds=st.sampled_from([900, 3600]))
    def the_box_is_offline(self, seconds: int) -> None:
        """Nothing is delivered meanwhile, so what was tapped is late afterwards."""
        self.world.time.pass_seconds(seconds)

    @rule()
    def restart(self) -> None:
        self.world.reopen()
        self._build()

    @invariant()
    def nothing_is_sent_twice(self) -> None:
        sent = Counter(
            (each.registration.ssin.digits, each.registration.direction, each.registration.second)
            for place, each in enumerate(self.world.service.rows)
            if not self._is_phone(place)
        )
        assert not sent - Counter(tap.key for tap in self.taps)

    @invariant()
    def no_tap_is_lost(self) -> None:
        assert self.world.select("SELECT count(*) FROM registrations") == [(len(self.taps),)]

    @invariant()
    def nobody_elses_registration_is_touched(self) -> None:
        """What was registered by phone is cancelled by nobody but whoever did it."""
        ids = {self.world.service.rows[each.place].shown.registration_id for each in self.phone if each.place is not None}
        assert not ids & {number for called, _ in self.world.service.cancels for number in called}


TestChannels = ChannelsMachine.TestCase
TestChannels.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    phases=(Phase.generate,),  # shrinking runs for minutes on a real disk: add it when an example fails
)
