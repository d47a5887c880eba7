"""The book as a state machine: taps, crashes, lost answers, refusals, a lagging search, in any order that Hypothesis finds."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from kiosk.contact import Pace
from kiosk.line import DeliverySettings
from kiosk.model import Direction, Registration
from kiosk.verdicts import Ambiguous, Answered, CallRefused, CallVerdict, Created, NotCreated, NotNow, NotSent, SearchFailed
from tests.people import DECLARATION, OTHER_DECLARATION, invented_insz
from tests.worlds import World

_PEOPLE = 3


class Killed(BaseException):
    """The process ends here."""


class DeliveryMachine(RuleBasedStateMachine):
    """One box, one service, three people, two declarations."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        pace = Pace(start_jitter_seconds=0)
        self.world = World(Path(self.folder.name), settings=DeliverySettings(batch_size=3, order_wait_minutes=1_000_000, pace=pace))
        self.owed: Counter[tuple[str, Direction, int]] = Counter()

    def teardown(self) -> None:
        """In good weather everything comes to its end: accepted once, or refused with a task."""
        try:
            self._come_to_an_end()
        finally:
            self.world.database.close()
            self.folder.cleanup()

    def _come_to_an_end(self) -> None:
        self.world.service.plan.clear()
        self.world.service.search_plan.clear()
        self.world.run(4 * 3600)
        assert set(self.world.states()) <= {"accepted", "refused"}
        refused = self.world.states().count("refused")
        sent = self.world.service.keys()
        assert not sent - self.owed, "something was sent twice"
        assert (self.owed - sent).total() == refused, "something was lost"
        assert len([task for task in self.world.tasks() if task[0] == "refused"]) == refused
        for person in range(_PEOPLE):
            rows = [row for row in self.world.service.rows if row.registration.ssin == invented_insz(person)]
            assert [row.registration.at_ms for row in rows] == sorted(row.registration.at_ms for row in rows)

    @rule(person=st.integers(0, _PEOPLE - 1), direction=st.sampled_from(Direction), other=st.booleans())
    def tap(self, person: int, direction: Direction, *, other: bool) -> None:
        self.world.time.pass_seconds(1)
        self.world.tap(person, direction, declaration=OTHER_DECLARATION if other else DECLARATION)
        self.owed[(invented_insz(person).digits, direction, self.world.time.wall_ms // 1000)] += 1

    @rule(stored=st.integers(0, 3))
    def the_next_answer_is_lost(self, stored: int) -> None:
        def lose(registrations: Sequence[Registration]) -> CallVerdict:
            self.world.service.carry_out(registrations[:stored])
            return Ambiguous(why="cut")

        self.world.service.plan.append(lose)

    @rule(stored=st.integers(0, 3))
    def the_process_dies_in_the_next_call(self, stored: int) -> None:
        def die(registrations: Sequence[Registration]) -> CallVerdict:
            self.world.service.carry_out(registrations[:stored])
            raise Killed

        self.world.service.plan.append(die)

    @rule(verdict=st.sampled_from([NotSent(why="no route"), NotNow(why="503"), CallRefused(reason="badRequest")]))
    def the_next_call_is_not_carried_out(self, verdict: CallVerdict) -> None:
        self.world.service.plan.append(lambda _: verdict)

    @rule()
    def the_next_calls_first_item_is_refused(self) -> None:
        def refuse(registrations: Sequence[Registration]) -> CallVerdict:
            rest: list[Created] = [self.world.service.store(each) for each in registrations[1:]]
            return Answered(items=(NotCreated(reason=f"odd {self.world.time.wall_ms}"), *rest))

        self.world.service.plan.append(refuse)

    @rule(lag=st.sampled_from([0, 119]))
    def search_lags(self, lag: int) -> None:
        self.world.service.lag_ms = lag * 1000

    @rule()
    def the_next_search_fails(self) -> None:
        self.world.service.search_plan.append(lambda _: SearchFailed(why="timeout"))

    @rule(seconds=st.sampled_from([0, 1, 30, 61, 700]))
    def time_passes(self, seconds: int) -> None:
        try:
            self.world.run(seconds)
        except Killed:
            self.world.start()

    @rule()
    def restart(self) -> None:
        self.world.reopen()

    @invariant()
    def nothing_is_sent_twice(self) -> None:
        assert not self.world.service.keys() - self.owed

    @invariant()
    def what_is_shown_as_accepted_is_at_the_service(self) -> None:
        shown = {row[0] for row in self.world.select("SELECT registration_id FROM registrations WHERE state = 'accepted'")}
        assert shown <= {row.shown.registration_id for row in self.world.service.rows}
        assert len(shown) == self.world.states().count("accepted")


TestDelivery = DeliveryMachine.TestCase
TestDelivery.settings = settings(
    max_examples=100,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    phases=(Phase.generate,),  # shrinking runs for minutes on a real disk: add it when an example fails
)
