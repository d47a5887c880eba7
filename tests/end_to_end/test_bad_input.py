"""What admins, networks and machines get wrong: each is told in a sentence, and no tap suffers."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kiosk import control
from kiosk.contract import PRODUCTION_HOST
from kiosk.simulator.faults import Fault, Order
from kiosk.simulator.messages import Operation
from kiosk.simulator.simulator import Simulator
from tests.box import Box, Ran
from tests.people import invented_card, invented_line
from tests.sites import TWO_GATES, assert_each_once, book, until
from tests.tls_server import TOKEN_PATH, Authority, ScriptedServer

#: Every process of the box then believes that it is the second day of 1970.
IN_1970 = "import time\ntime.time_ns = lambda: 86_400_000_000_000\n"


def change(box: Box, *changes: tuple[str, str]) -> None:
    """Replace pieces of the configuration that must be there."""
    text = box.config.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    box.config.write_text(text, encoding="utf-8")


def assert_told(ran: Ran, code: int, *words: str) -> None:
    """The verb failed with this code and says these words, in sentences with a repair, without a traceback."""
    assert ran.code == code, ran
    assert "Traceback" not in ran.err
    for word in (*words, "repair:" if code == 1 else "kiosk:"):
        assert word in ran.err, ran.err


def test_a_second_daemon_on_the_same_store_ends_and_the_first_goes_on(box: Box) -> None:
    """It says who holds the store and exits 1; taps at the first are recorded as before, and its socket stays."""
    box.start()
    box.enrol([invented_line(0)])
    assert_told(box.verb("run"), 1, "another process holds this store")
    assert box.tap(invented_card(0))["signal"] == "in"
    assert box.settle()["accepted"] == 1
    assert box.stop() == 0


def test_several_simulated_readers_and_taps_at_the_same_moment(box: Box, simulator: Simulator) -> None:
    """A tap must name one of several readers; taps from many threads at once are each recorded once, a doubled one as already."""
    box.readers = TWO_GATES
    box.write_config()
    box.start()
    people = 24
    box.enrol([invented_line(number) for number in range(people)])
    card = invented_card(0).identifier.hex()
    assert_told(box.verb("tap", card), 2, "arrivals, departures")
    assert_told(box.verb("tap", card, "--reader", "cellar"), 2, "arrivals, departures")
    assert_told(box.verb("tap", "nonsense", "--reader", "arrivals"), 2, "CARD")
    with ThreadPoolExecutor(people) as crowd:
        twice = [number for number in range(people) for _ in range(2)]
        answers = list(crowd.map(lambda number: box.tap(invented_card(number), reader="arrivals"), twice))
    assert Counter(answer["signal"] for answer in answers) == {"in": people, "already": people}
    assert len({number for answer in answers for number in answer["ids"]}) == people
    assert box.settle()["accepted"] == people
    assert_each_once(simulator, book(box))


def test_a_socket_path_beyond_the_limit_and_a_stale_socket_work(box: Box) -> None:
    """A path that no Unix socket could have, and a socket file that a killed daemon left behind, hinder nobody."""
    deep = box.folder / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    long = deep / "kiosk.sock"
    assert len(str(long)) > 200
    box.readers += f'\n[control]\nsocket = "{long}"\n'
    box.write_config()
    box.start()
    box.kill()
    assert long.is_socket()
    box.start()
    box.enrol([invented_line(0)])
    assert box.json("tap", invented_card(0).identifier.hex())["signal"] == "in"
    assert control.ask(long, "status", {})["present"] == 1
    assert box.stop() == 0
    assert not long.exists()


def no_key(box: Box) -> None:
    (box.folder / "store.key").unlink()


def short_key(box: Box) -> None:
    (box.folder / "store.key").write_bytes(bytes(31))


def other_key(box: Box) -> None:
    (box.folder / "store.key").write_bytes(secrets.token_bytes(32))


def no_config(box: Box) -> None:
    box.config.unlink()


def production(box: Box) -> None:
    host = f"https://{PRODUCTION_HOST}/REST/presenceRegistration/v1"
    change(box, (f'api_url = "{box.simulator.api_url}"', f'api_url = "{host}"'), ('driver = "simulated"', 'driver = "pcsc"'))


def no_folder(box: Box) -> None:
    change(box, ('path = "kiosk.db"', 'path = "gone/kiosk.db"'), ("[clock]", '[control]\nsocket = "kiosk.sock"\n\n[clock]'))


def test_what_does_not_belong_together_is_told_and_changes_nothing(box: Box) -> None:
    """Each mistake in keys, configuration or environment ends the start with its own words; put right, all is there."""
    box.enrol([invented_line(0)])
    cases: list[tuple[Callable[[Box], None], int, tuple[str, ...]]] = [
        (no_key, 2, ("store.key", "can't be read")),
        (short_key, 2, ("31 bytes", "exactly 32")),
        (other_key, 2, ("sealed with another store key",)),
        (no_config, 2, ("can't be read", "kiosk provision")),
        (production, 2, ("has not left training", "kiosk provision")),
        (no_folder, 1, ("gone", "No such file")),
    ]
    key, config = (box.folder / "store.key").read_bytes(), box.config.read_bytes()
    store = (box.folder / "kiosk.db").read_bytes()
    for spoil, code, words in cases:
        spoil(box)
        assert_told(box.verb("run"), code, *words)
        assert (box.folder / "kiosk.db").read_bytes() == store, "a refused start wrote into the store"
        (box.folder / "store.key").write_bytes(key)
        (box.folder / "store.key").chmod(0o600)
        box.config.write_bytes(config)
    box.start()
    assert len(box.json("badge", "list")["items"]) == 1


def test_a_clock_in_1970_records_and_sends_nothing(box: Box, simulator: Simulator, tmp_path: Path) -> None:
    """While the service is out of reach: taps wait for the clock, nothing is sent or signed; with the right time they are there."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(IN_1970, encoding="utf-8")
    box.environ = {"PYTHONPATH": str(tmp_path / "site")}
    simulator.stop()
    box.start()
    box.enrol([invented_line(0), invented_line(1)])
    answers = [box.tap(invented_card(number)) for number in range(2)]
    assert [(answer["signal"], answer["clock"]) for answer in answers] == [("in", "waiting")] * 2
    time.sleep(1)
    status = box.status()
    assert (status["queued"], status["clock"]["trusted"], status["signal"]) == (2, False, "training")
    assert [row["reason"] for row in book(box)] == ["clock"] * 2
    assert simulator.journal.entries() == ()
    assert box.stop() == 0
    box.environ = {}
    simulator.start()
    box.start()
    assert box.status()["clock"]["trusted"]
    box.enrol([invented_line(2)])
    box.tap(invented_card(2))
    until(lambda: box.status()["accepted"] == 1, "the others do not flow")
    # The admin's word is worth the whole tolerance, so a tap dated by it is past that: a human looks.
    assert [(row["state"], row["reason"]) for row in book(box)] == [("held", "clock"), ("held", "clock"), ("accepted", None)]
    assert len(simulator.ledger.rows()) == 1, "a registration of 1970 was sent"


def spoil_ca(box: Box, folder: Path) -> None:
    change(box, (f'ca_file = "{box.simulator.ca_file}"', f'ca_file = "{Authority(folder, "stranger").ca_file}"'))


def test_a_service_that_can_not_be_trusted_gets_nothing(box: Box, simulator: Simulator, tmp_path: Path) -> None:
    """A wrong authority, then an expired certificate: no request is made, all is kept and told; put right, all arrives once."""
    spoil_ca(box, tmp_path)
    box.start()
    box.enrol([invented_line(number) for number in range(2)])
    box.tap(invented_card(0))
    until(lambda: "certificate" in (box.status()["service"]["last_error"] or ""), "the reason is not told")
    assert box.status()["queued"] == 1
    assert simulator.journal.entries() == ()
    assert box.stop() == 0

    authority = Authority(tmp_path)
    with ScriptedServer(authority.leaf("expired", days=(-30, -1))) as server:
        box.write_config()
        change(
            box,
            (f'api_url = "{simulator.api_url}"', f'api_url = "{server.url}/api"'),
            (simulator.token_url, server.url + TOKEN_PATH),
            (f'ca_file = "{simulator.ca_file}"', f'ca_file = "{authority.ca_file}"'),
        )
        box.start()
        box.tap(invented_card(1))
        until(lambda: "certificate" in (box.status()["service"]["last_error"] or ""), "the reason is not told")
        assert box.status()["queued"] == 2
        assert box.stop() == 0
        assert server.connections > 0
        assert server.requests == []

    box.write_config()
    box.start()
    assert box.settle()["accepted"] == 2
    assert_each_once(simulator, book(box))


def test_a_service_that_answers_with_a_web_page_gets_it_all_later(box: Box, simulator: Simulator) -> None:
    """A captive portal in front of token endpoint and service: nothing is taken for an answer, nothing lost or doubled."""
    simulator.faults.chance(Order(fault=Fault.CAPTIVE_PORTAL), 1.0)
    box.start()
    box.enrol([invented_line(0)])
    box.tap(invented_card(0))
    until(lambda: box.status()["service"]["last_error"], "the fault is not told")
    assert box.status()["accepted"] == 0
    simulator.faults.clear()
    simulator.faults.chance(Order(fault=Fault.CAPTIVE_PORTAL, operation=Operation.REGISTER), 1.0)
    until(lambda: box.status()["unknown"] == 1, "the call did not come about", seconds=30)
    simulator.faults.clear()
    assert box.settle()["accepted"] == 1
    assert_each_once(simulator, book(box))


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_daemon_within_five_seconds_although_a_call_hangs(
    box: Box, simulator: Simulator, ending: signal.Signals
) -> None:
    """Exit 0 in time; the registration whose call was cut off is looked up by the next start and is there once."""
    box.service = box.service.replace("timeout_seconds = 5", "timeout_seconds = 60")
    box.write_config()
    box.start()
    box.enrol([invented_line(0)])
    simulator.fault(Fault.HANG_AFTER_COMMIT, operation=Operation.REGISTER)
    box.tap(invented_card(0))
    until(simulator.ledger.rows, "the call did not arrive")
    assert box.status()["in_flight"] == 1
    assert box.daemon is not None
    began = time.monotonic()
    box.daemon.send_signal(ending)
    assert box.daemon.wait(10) == 0
    assert time.monotonic() - began < 5
    box.daemon = None
    box.start()
    assert box.settle()["accepted"] == 1
    assert len(simulator.ledger.rows()) == 1


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_the_service_manager_hears_ready_alive_and_stopping(box: Box, abstract: bool) -> None:  # noqa: FBT001
    """READY=1 comes once control answers, WATCHDOG=1 at least as often as asked, STOPPING=1 at the end."""
    name = f"kiosk-test-{os.getpid()}-{secrets.token_hex(4)}" if abstract else str(box.folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name}" if abstract else name)
        manager.settimeout(10)
        box.environ = {"NOTIFY_SOCKET": f"@{name}" if abstract else name, "WATCHDOG_USEC": "400000"}
        box.start()
        assert manager.recv(100) == b"READY=1"
        heard = [manager.recv(100)]
        began = time.monotonic()
        while time.monotonic() - began < 2:
            heard.append(manager.recv(100))
        assert set(heard) == {b"WATCHDOG=1"}
        assert len(heard) >= 5
        assert box.stop() == 0
        while (last := manager.recv(100)) == b"WATCHDOG=1":
            pass
        assert last == b"STOPPING=1"
