"""kiosk.entrance keeps every reader going by itself, and hands each answer to the tap it belongs to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Queue
from threading import Event, Thread

import pytest

from hardware.ports import Reader, ReaderLost, Sighting
from hardware.simulated import SimulatedReader
from kiosk.entrance import Answers, Entrance, ReaderState
from kiosk.model import Answer, ReaderDirection, Signal
from kiosk.obligations import Gate
from tests.people import CANARY_INSZ, invented_card
from tests.stores import PATIENCE_SECONDS, until

GATE = Gate(name="gate", driver="simulated", direction=ReaderDirection.TOGGLE)
CARD = invented_card(1).identifier

Told = Queue[tuple[Gate, Sighting, Answer]]


class Hurried(Event):
    """A stop that notes how long it was to be waited for, and waits not at all."""

    def __init__(self, *, most: int = 1000) -> None:
        super().__init__()
        self.waits: list[float] = []
        self._most = most

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waits.append(timeout)
        if len(self.waits) >= self._most:
            self.set()
        return self.is_set()


class BrokenReader:
    """A reader that yields what it is given and then raises."""

    attached = True
    turned_ns = 0

    def __init__(self, *sightings: Sighting, error: Exception) -> None:
        self._sightings = sightings
        self._error = error

    def sightings(self, stop: Event) -> Iterator[Sighting]:
        yield from self._sightings
        raise self._error

    def wake(self) -> None:
        """Nothing blocks here."""


def accept(sighting: Sighting, gate: Gate) -> Answer:
    return Answer(signal=Signal.IN)


def entrance(build: Callable[[], Reader], take: Callable[[Sighting, Gate], Answer] = accept, told: Told | None = None) -> Entrance:
    def tell(gate: Gate, sighting: Sighting, answer: Answer) -> None:
        if told is not None:
            told.put((gate, sighting, answer))

    return Entrance(GATE, build, take, tell)


@contextmanager
def running(door: Entrance, stop: Event) -> Iterator[None]:
    """Drive the door by a thread of its own, as the daemon does."""
    thread = Thread(target=door.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        door.wake()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


def a_sighting() -> Sighting:
    return SimulatedReader().tap("uid", CARD)


def test_a_card_is_recorded_before_it_is_shown() -> None:
    """Each sighting is taken with the reader's gate, and only then told, in order."""
    reader, told, story = SimulatedReader(), Told(), list[str]()

    def take(sighting: Sighting, gate: Gate) -> Answer:
        assert gate is GATE
        story.append("recorded")
        return Answer(signal=Signal.IN, ids=(len(story),))

    door = entrance(lambda: reader, take, told)
    with running(door, Event()):
        first, second = reader.tap("uid", CARD), reader.tap("uid", CARD)
        for laid, number in ((first, 1), (second, 2)):
            gate, sighting, answer = told.get(timeout=PATIENCE_SECONDS)
            assert gate is GATE
            assert sighting is laid
            assert answer.ids == (number,)
    assert story == ["recorded", "recorded"]


def test_a_reader_is_ready_absent_or_dead() -> None:
    """How a reader stands follows its plug at once, and without a reader it is dead."""
    reader = SimulatedReader()
    door = entrance(lambda: reader)
    seen = [door.state]
    with running(door, Event()):
        until(lambda: door.state is ReaderState.READY)
        assert door.reader is reader
        for turn in (reader.detach, reader.attach):
            turn()
            seen.append(door.state)
    seen.append(door.state)
    assert seen == [ReaderState.DEAD, ReaderState.ABSENT, ReaderState.READY, ReaderState.DEAD]


def test_a_reader_that_is_about_to_open_is_waited_for() -> None:
    """Who asks for the reader before it is open gets it as soon as it is, and None where it does not open in time."""
    reader, open_now, found = SimulatedReader(), Event(), Queue[Reader | None]()

    def build() -> Reader:
        assert open_now.wait(PATIENCE_SECONDS)
        return reader

    door = entrance(build)
    with running(door, Event()):
        assert door.await_reader(0) is None
        Thread(target=lambda: found.put(door.await_reader(10 * PATIENCE_SECONDS)), daemon=True).start()
        open_now.set()
        assert found.get(timeout=PATIENCE_SECONDS) is reader
    assert door.await_reader(0) is None


def test_stop_and_wake_end_it_soon() -> None:
    """A blocked reader is left at once, also by a wake that comes before it was opened."""
    reader, stop = SimulatedReader(), Event()
    door = entrance(lambda: reader)
    door.wake()
    thread = Thread(target=door.run, args=(stop,))
    thread.start()
    until(lambda: door.state is ReaderState.READY)
    stop.set()
    door.wake()
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()


def test_a_stop_before_the_start_opens_nothing() -> None:
    """A daemon that ends while it starts opens no reader any more."""
    stop = Event()
    stop.set()
    opened: list[int] = []

    def build() -> Reader:
        opened.append(1)
        return SimulatedReader()

    entrance(build).run(stop)
    assert opened == []


def test_a_lost_reader_is_opened_again_and_goes_on() -> None:
    """After a reader was lost the next one is opened in its stead, and its cards count."""
    good, told = SimulatedReader(), Told()
    readers: list[Reader] = [BrokenReader(a_sighting(), error=ReaderLost("gone")), good]
    door = entrance(lambda: readers.pop(0), told=told)
    with running(door, Hurried()):
        told.get(timeout=PATIENCE_SECONDS)
        until(lambda: door.reader is good)
        laid = good.tap("uid", CARD)
        assert told.get(timeout=PATIENCE_SECONDS)[1] is laid


def test_while_it_waits_a_lost_reader_is_shown_as_dead() -> None:
    """Between its failure and the next try a reader is dead for all to see."""
    failed, seen = Event(), list[ReaderState]()

    class Watched(Hurried):
        def wait(self, timeout: float | None = None) -> bool:
            seen.append(door.state)
            failed.set()
            return super().wait(timeout)

    def build() -> Reader:
        raise ReaderLost("no such device")

    door = entrance(build)
    door.run(Watched(most=2))
    assert failed.is_set()
    assert seen == [ReaderState.DEAD, ReaderState.DEAD]


@pytest.mark.parametrize("error", [ReaderLost("gone"), OSError(5, "I/O"), ValueError("odd"), RuntimeError("worse")])
def test_each_try_waits_longer_up_to_half_a_minute(error: Exception) -> None:
    """Whatever a reader raises, it is tried again after 1, 2, 4, ... seconds, at most every 30."""
    stop = Hurried(most=8)
    entrance(lambda: BrokenReader(error=error)).run(stop)
    assert stop.waits == [1, 2, 4, 8, 16, 30, 30, 30]


def test_a_card_in_between_makes_the_next_try_soon() -> None:
    """A reader that worked again after its failures is tried again at once when it fails the next time."""
    stop = Hurried(most=5)
    readers: list[Reader] = [BrokenReader(error=ReaderLost("gone")) for _ in range(3)]
    readers += [BrokenReader(a_sighting(), error=ReaderLost("gone")) for _ in range(2)]
    entrance(lambda: readers.pop(0)).run(stop)
    assert stop.waits == [1, 2, 4, 1, 1]


def test_a_failure_to_record_or_to_show_does_not_end_the_reader() -> None:
    """Even when taking or telling raises, the reader comes back and the next card counts."""
    reader, told = SimulatedReader(), Told()
    troubles: list[Exception] = [RuntimeError("taking"), RuntimeError("telling")]

    def take(sighting: Sighting, gate: Gate) -> Answer:
        if len(troubles) == 2:
            raise troubles.pop(0)
        return Answer(signal=Signal.IN)

    def tell(gate: Gate, sighting: Sighting, answer: Answer) -> None:
        if troubles:
            raise troubles.pop(0)
        told.put((gate, sighting, answer))

    with running(Entrance(GATE, lambda: reader, take, tell), Hurried()):
        laid = [reader.tap("uid", CARD) for _ in range(3)]
        assert [told.get(timeout=PATIENCE_SECONDS)[1] for _ in laid[1:]] == laid[1:]


def test_a_mistake_of_ours_is_shown_red() -> None:
    """An exception that nobody foresaw answers the tap with ``failed``, by its kind alone, and the next tap counts."""
    reader, told = SimulatedReader(), Told()
    troubles = [RuntimeError("words about a person")]

    def take(sighting: Sighting, gate: Gate) -> Answer:
        if troubles:
            raise troubles.pop()
        return Answer(signal=Signal.IN)

    with running(
        Entrance(GATE, lambda: reader, take, lambda gate, sighting, answer: told.put((gate, sighting, answer))), Hurried()
    ):
        for _ in range(2):
            reader.tap("uid", CARD)
        answers = [told.get(timeout=PATIENCE_SECONDS)[2] for _ in range(2)]
    assert answers == [Answer(signal=Signal.FAILED, why="RuntimeError"), Answer(signal=Signal.IN)]


def test_a_failure_is_logged_once_while_it_stays_the_same(caplog: pytest.LogCaptureFixture) -> None:
    """A reader that stays away for a week is one line; another failure, or one after a card, is told anew."""
    lost, odd = ReaderLost("no such device"), OSError(5, "I/O")
    readers: list[Reader] = [BrokenReader(error=error) for error in (lost, lost, odd, odd, lost)]
    readers += [BrokenReader(a_sighting(), error=lost)]
    with caplog.at_level(logging.ERROR):
        entrance(lambda: readers.pop(0)).run(Hurried(most=6))
    assert [(record.getMessage(), record.__dict__["reader"], record.__dict__["why"]) for record in caplog.records] == [
        ("reader dead", "gate", "no such device"),
        ("reader dead", "gate", "OSError"),
        ("reader dead", "gate", "no such device"),
        ("reader dead", "gate", "no such device"),
    ]


def test_the_words_of_a_foreign_exception_are_not_handed_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """What lay on the reader may stand in a library's exception: only its kind is handed along."""
    entrance(lambda: BrokenReader(error=ValueError(f"card of {CANARY_INSZ.digits}"))).run(Hurried(most=1))
    (record,) = caplog.records
    assert record.__dict__["why"] == "ValueError"
    assert CANARY_INSZ.digits not in record.getMessage()


def test_an_answer_belongs_to_its_very_tap() -> None:
    """Two taps of the same card have each their own answer, found by identity, in any order."""
    answers = Answers()
    first, second = a_sighting(), a_sighting()
    answers.tell(first, Answer(signal=Signal.IN))
    answers.tell(second, Answer(signal=Signal.ALREADY))
    assert answers.wait(second, 0) == Answer(signal=Signal.ALREADY)
    assert answers.wait(first, 0) == Answer(signal=Signal.IN)
    assert answers.wait(a_sighting(), 0) is None


def test_who_waits_is_woken_by_his_own_answer() -> None:
    """A verb that waits for its tap is not answered by somebody else's, and gets its own as soon as it comes."""
    answers, found = Answers(), Queue[Answer | None]()
    mine = a_sighting()
    Thread(target=lambda: found.put(answers.wait(mine, 10 * PATIENCE_SECONDS)), daemon=True).start()
    until(answers._news._waiters.__len__)  # type: ignore[attr-defined]  # that somebody waits is seen nowhere else
    answers.tell(a_sighting(), Answer(signal=Signal.FAILED))
    assert found.empty()
    answers.tell(mine, Answer(signal=Signal.OUT, ids=(17,)))
    assert found.get(timeout=PATIENCE_SECONDS) == Answer(signal=Signal.OUT, ids=(17,))


def test_only_the_last_answers_are_kept() -> None:
    """A busy gate never fills the memory: the newest sixty-four answers are enough for who waits."""
    answers, laid = Answers(), [a_sighting() for _ in range(100)]
    for sighting in laid:
        answers.tell(sighting, Answer(signal=Signal.IN))
    kept = [sighting for sighting in laid if answers.wait(sighting, 0) is not None]
    assert kept == laid[-64:]


class HeldReader:
    """A reader whose loop a card holds for ever."""

    attached = True

    def __init__(self, turned_ns: int) -> None:
        self.turned_ns = turned_ns
        self._free = Event()

    def sightings(self, stop: Event) -> Iterator[Sighting]:
        self._free.wait(20)
        return iter(())

    def wake(self) -> None:
        self._free.set()


@pytest.mark.parametrize(("minutes", "state"), [(1, ReaderState.READY), (3, ReaderState.DEAD)])
def test_a_reader_that_hangs_is_shown_as_dead(minutes: int, state: ReaderState) -> None:
    """A loop that has not gone round for two minutes takes no cards, whatever the plug says."""
    turned_ns = 10**9
    now_ns = turned_ns + minutes * 60 * 10**9
    stop = Event()
    door = Entrance(GATE, lambda: HeldReader(turned_ns), accept, lambda *_: None, boot_ns=lambda: now_ns)
    with running(door, stop):
        assert door.await_reader(10) is not None
        assert (door.state, door.hangs) == (state, state is ReaderState.DEAD)
