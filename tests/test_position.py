"""hardware.position hears a real gpsd, with a receiver on a pty that sees the sky, loses it, falls silent and is pulled out."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Event, Thread

import pytest

from hardware.indicator import boot_clock
from hardware.ports import Fix, PositionLost
from hardware.position import GpsdReceiver
from hardware.tpv import LONGEST_LINE
from kiosk.geography import distance_meters
from kiosk.locator import place_of
from kiosk.model import Coordinates
from tests.people import PLACE
from tests.sky import Sky
from tests.stores import PATIENCE_SECONDS, until
from tests.test_tpv import said

#: Five times as long as the receiver pauses; on a machine that stalls for longer the same happens all the sooner.
QUIET_SECONDS = 1.0


@pytest.fixture(scope="module")
def sky() -> Iterator[Sky]:
    """One receiver with its gpsd for the tests that leave them as they were."""
    with Sky() as sky:
        yield sky


@contextmanager
def listening(receiver: GpsdReceiver) -> Iterator[SimpleQueue[Fix | PositionLost]]:
    """Drive the receiver by a thread of its own; gives what it yields, and what it raised."""
    stop, told = Event(), SimpleQueue[Fix | PositionLost]()

    def listen() -> None:
        try:
            for fix in receiver.fixes(stop):
                told.put(fix)
        except PositionLost as lost:
            told.put(lost)

    thread = Thread(target=listen, name="position", daemon=True)
    thread.start()
    try:
        yield told
    finally:
        stop.set()
        receiver.wake()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


def end_of(told: SimpleQueue[Fix | PositionLost]) -> PositionLost:
    """Wait for the end of what is told."""
    while not isinstance(found := told.get(timeout=PATIENCE_SECONDS), PositionLost):
        pass
    return found


def next_fix(told: SimpleQueue[Fix | PositionLost]) -> Fix:
    found = told.get(timeout=PATIENCE_SECONDS)
    assert isinstance(found, Fix), found
    return found


def test_a_fix_tells_place_error_and_moment(sky: Sky) -> None:
    """What the receiver sees arrives within metres, with gpsd's estimate of the error and the boot clock's moment."""
    before = boot_clock()
    with listening(GpsdReceiver("127.0.0.1", sky.port)) as told:
        fix = next_fix(told)
    assert distance_meters(place_of(fix), PLACE) < 5
    assert fix.error_meters == pytest.approx(19, abs=1)
    assert before < fix.boot_ns < boot_clock()


def test_a_leap_of_the_receivers_clock_ends_by_itself(sky: Sky) -> None:
    """After a reset by more than an hour the receiver is believed again, from wherever it is then."""
    with listening(GpsdReceiver("127.0.0.1", sky.port)) as told:
        next_fix(told)
        sky.ahead_seconds, sky.place = -5000.0, Coordinates(51.2, 4.4)
        until(lambda: distance_meters(place_of(next_fix(told)), sky.place) < 5)
        sky.ahead_seconds, sky.place = 0.0, PLACE
        until(lambda: distance_meters(place_of(next_fix(told)), sky.place) < 5)


def test_a_receiver_that_is_pulled_out_is_silent() -> None:
    """Of that gpsd says nothing; after a while the connection is made anew, with words about the plug."""
    with Sky() as sky, listening(GpsdReceiver("127.0.0.1", sky.port, silence_seconds=QUIET_SECONDS)) as told:
        sky.unplug()
        assert "is the receiver plugged in?" in str(end_of(told))


def test_a_gpsd_that_dies_hangs_up_and_its_successor_answers() -> None:
    """The end of the stream is no silence; whoever connects again hears the receiver again."""
    with Sky() as sky:
        with listening(GpsdReceiver("127.0.0.1", sky.port)) as told:
            next_fix(told)
            sky.kill_gpsd()
            assert end_of(told)
        with pytest.raises(PositionLost, match=r"does not answer: .*systemctl start gpsd"):
            GpsdReceiver("127.0.0.1", sky.port)
        sky.start_gpsd()
        with listening(GpsdReceiver("127.0.0.1", sky.port)) as told:
            next_fix(told)


@contextmanager
def scripted(*pieces: bytes) -> Iterator[SimpleQueue[Fix | PositionLost]]:
    """Hear a peer that sends exactly these pieces and hangs up: what no gpsd would send."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        receiver = GpsdReceiver("127.0.0.1", server.getsockname()[1])
        peer, _ = server.accept()
        with peer, listening(receiver) as told:
            for piece in pieces:
                peer.sendall(piece)
            peer.shutdown(socket.SHUT_WR)
            yield told


def test_lines_without_end_and_rubbish_cost_nothing_but_themselves() -> None:
    """A line may come in pieces; one that never ends is not kept, and no report is read out of its tail."""
    first, second = said(), said(time="2026-11-25T13:35:13.000Z")
    endless = b"x" * (3 * LONGEST_LINE)
    with scripted(endless, first + b"\n", b"\x00\xff\n" + first[:40], first[40:] + b"\n", second + b"\n") as told:
        fix = next_fix(told)
        assert isinstance(told.get(timeout=PATIENCE_SECONDS), PositionLost)
    assert (fix.latitude, fix.longitude) == (PLACE.latitude, PLACE.longitude)


def test_a_receiver_may_be_closed_twice_and_woken_afterwards(sky: Sky) -> None:
    """The daemon ends in any order."""
    receiver = GpsdReceiver("127.0.0.1", sky.port)
    receiver.close()
    receiver.close()
    receiver.wake()
