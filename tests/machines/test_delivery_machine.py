"""The book as a state machine: taps, crashes, lost answers, refusals, clocks that step, a lagging search, in any order.

Hypothesis finds the order. Time is invented, the store is real: a crash takes delivery out of the middle of a call, a restart
opens the file again.
"""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kiosk.comparison import Kind
from kiosk.contact import Pace
from kiosk.line import DeliverySettings
from kiosk.model import Direction, Registration
from kiosk.reconciliation import Reconciled, Reconciler
from kiosk.verdicts import Ambiguous, Answered, CallRefused, CallVerdict, Created, NotCreated, NotNow, NotSent, SearchFailed
from tests.people import DECLARATION, OTHER_DECLARATION, invented_insz
from tests.worlds import HALF, World

_PEOPLE = 3
_ZONE = ZoneInfo("Europe/Brussels")
_DECLARATIONS = (DECLARATION, OTHER_DECLARATION)
_STEPS = (-86_400, -3600, -90, 90, 3600, 86_400)
_WAITS = (0, 1, 30, 61, 700)
_NOT_CARRIED_OUT: tuple[CallVerdict, ...] = (NotSent(why="no route"), NotNow(why="503"), CallRefused(reason="badRequest"))
#: Person, direction and second: one registration to the service.
Key = tuple[str, Direction, int]


def key_of(registration: Registration) -> Key:
    return registration.ssin.digits, registration.direction, registration.second


class Killed(BaseException):
    """The process ends here."""


class DeliveryMachine(RuleBasedStateMachine):
    """One box, one service, three people, two declarations."""

    lags: tuple[int, ...] = (0, 119)

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        pace = Pace(start_jitter_seconds=0)
        self.world = World(Path(self.folder.name), settings=DeliverySettings(batch_size=3, order_wait_minutes=1_000_000, pace=pace))
        self.owed: list[Key] = []

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
        self._judge_losses((Counter(self.owed) - self.world.service.keys()).total(), refused)
        assert len([task for task in self.world.tasks() if task[0] == "refused"]) == refused
        for person in range(_PEOPLE):
            insz = invented_insz(person).digits
            arrived = list(dict.fromkeys(key_of(row.registration) for row in self.world.service.rows))
            sent = [key for key in arrived if key[0] == insz]
            assert sent == [key for key in self.owed if key in set(sent)], "somebody's registrations changed places"
        self._judge_copies(self.world.service.keys() - Counter(self.owed))

    def _judge_losses(self, missing: int, refused: int) -> None:
        assert missing == refused, "something was lost"

    def _judge_copies(self, copies: Counter[Key]) -> None:
        assert not copies, "something was sent twice"

    @initialize(data=st.data())
    def the_day_begins(self, data: st.DataObject) -> None:
        """Hypothesis leaves whole rules out of most runs; without taps, or with no lag, those prove nothing."""
        self.search_lags(data)
        for person in range(_PEOPLE):
            self.tap(person, Direction.IN, other=person == 0)

    @rule(person=st.integers(0, _PEOPLE - 1), direction=st.sampled_from(Direction), other=st.booleans())
    def tap(self, person: int, direction: Direction, *, other: bool) -> None:
        """Never the same person and direction in a second of the day that a clock put back shows again: one to the service."""
        self.world.time.pass_seconds(1)
        while (key := (invented_insz(person).digits, direction, self.world.time.wall_ms // 1000)) in self.owed:
            self.world.time.pass_seconds(1)
        self.world.tap(person, direction, declaration=OTHER_DECLARATION if other else DECLARATION)
        self.owed.append(key)

    @rule(seconds=st.sampled_from(_STEPS))
    def the_clock_steps(self, seconds: int) -> None:
        self.world.time.wall_ms += seconds * 1000

    @rule(seconds=st.sampled_from([11, 700]), restarts=st.booleans())
    def the_clock_can_not_be_trusted(self, seconds: int, *, restarts: bool) -> None:
        """Nothing is sent meanwhile: the service says so."""
        self.world.time.trusted = False
        if restarts:
            self.restart()
        self.world.run(seconds)
        self.world.time.trusted = True

    @rule(stored=st.integers(0, 3), person=st.integers(0, _PEOPLE - 1))
    def the_next_answer_is_lost(self, stored: int, person: int) -> None:
        self.tap(person, Direction.OUT, other=False)

        def lose(registrations: Sequence[Registration]) -> CallVerdict:
            self.world.service.carry_out(registrations[:stored])
            return Ambiguous(why="cut")

        self.world.service.plan.append(lose)

    @rule(stored=st.integers(0, 3), person=st.integers(0, _PEOPLE - 1))
    def the_process_dies_in_the_next_call(self, stored: int, person: int) -> None:
        self.tap(person, Direction.IN, other=False)

        def die(registrations: Sequence[Registration]) -> CallVerdict:
            self.world.service.carry_out(registrations[:stored])
            raise Killed

        self.world.service.plan.append(die)

    @rule(verdict=st.sampled_from(_NOT_CARRIED_OUT))
    def the_next_call_is_not_carried_out(self, verdict: CallVerdict) -> None:
        self.world.service.plan.append(lambda _: verdict)

    @rule()
    def the_next_calls_first_item_is_refused(self) -> None:
        def refuse(registrations: Sequence[Registration]) -> CallVerdict:
            rest: list[Created] = [self.world.service.store(each) for each in registrations[1:]]
            return Answered(items=(NotCreated(reason=f"odd {self.world.time.wall_ms}"), *rest))

        self.world.service.plan.append(refuse)

    @rule(data=st.data())
    def search_lags(self, data: st.DataObject) -> None:
        self.world.service.lag_ms = data.draw(st.sampled_from(self.lags)) * 1000

    @rule()
    def the_next_search_fails(self) -> None:
        self.world.service.search_plan.append(lambda _: SearchFailed(why="timeout"))

    @rule(seconds=st.sampled_from(_WAITS))
    def time_passes(self, seconds: int) -> None:
        with suppress(Killed):
            self.world.run(seconds)
            return
        self.world.reopen()

    @rule()
    def restart(self) -> None:
        self.world.reopen()

    @rule(seed=st.integers(0, 2**32 - 1))
    def a_busy_while(self, seed: int) -> None:
        """Hypothesis repeats and thins out its runs so much that few answers are lost in them: here dice of their own decide."""
        dice = random.Random(f"{seed}/{len(self.owed)}")  # noqa: S311  the same while for the same seed
        for _ in range(8):
            person, stored = dice.randrange(_PEOPLE), dice.randrange(4)
            dice.choice(
                (
                    partial(self.tap, person, dice.choice(tuple(Direction)), other=dice.random() < HALF),
                    partial(self.the_next_answer_is_lost, stored, person),
                    partial(self.the_process_dies_in_the_next_call, stored, person),
                    partial(self.the_next_call_is_not_carried_out, dice.choice(_NOT_CARRIED_OUT)),
                    self.the_next_calls_first_item_is_refused,
                    self.the_next_search_fails,
                    partial(self.the_clock_steps, dice.choice(_STEPS)),
                    self.restart,
                )
            )()
            self.time_passes(dice.choice(_WAITS))

    @invariant()
    def no_tap_is_lost(self) -> None:
        assert len(self.world.states()) == len(self.owed)

    @invariant()
    def nothing_is_made_up(self) -> None:
        assert set(self.world.service.keys()) <= set(self.owed)

    @invariant()
    def what_is_shown_as_accepted_is_at_the_service(self) -> None:
        shown = {row[0] for row in self.world.select("SELECT registration_id FROM registrations WHERE state = 'accepted'")}
        assert shown <= {row.shown.registration_id for row in self.world.service.rows}
        assert len(shown) == self.world.states().count("accepted")


class LaggingMachine(DeliveryMachine):
    """The same where the service's search may lag behind by more than two searches wait: a copy is possible, and is found."""

    lags = (0, 119, 600, 7200)

    def _judge_losses(self, missing: int, refused: int) -> None:
        """What was sent again may be refused though it is there: the comparison tells that it is."""
        assert missing <= refused, "something was lost"

    def _judge_copies(self, copies: Counter[Key]) -> None:
        """Comparing the days names each copy, and nothing else."""
        world = self.world
        world.service.lag_ms = 0
        days = {datetime.fromtimestamp(second, _ZONE).date() for _, _, second in self.owed}
        reconciler = Reconciler(
            world.outbox, lambda: world.service, world.time, zone=_ZONE, declarations=_DECLARATIONS, max_shift_hours=14
        )
        found: Counter[Kind] = Counter()
        for day in sorted(days):
            came = reconciler.compare(day)
            assert isinstance(came, Reconciled)
            found.update(finding.kind for finding in came.comparison.findings)
        assert found[Kind.DUPLICATE] == copies.total()
        assert set(found) <= {Kind.DUPLICATE, Kind.DIFFERENT}


_SETTINGS = settings(
    max_examples=80,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    phases=(Phase.generate,),  # shrinking runs for minutes on a real disk: add it when an example fails
)
TestDelivery = DeliveryMachine.TestCase
TestDelivery.settings = _SETTINGS
TestLagging = LaggingMachine.TestCase
TestLagging.settings = settings(_SETTINGS, max_examples=40)
